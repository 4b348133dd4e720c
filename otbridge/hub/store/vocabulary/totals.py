"""What a store answers in numbers: what was counted or measured over many records."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from otbridge.hub.store.vocabulary.retention import Retention

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "Facets",
    "MetricTotals",
    "OperationMinute",
    "OperationTotals",
    "ServiceEdge",
    "ServiceMap",
    "ServiceNode",
    "ServiceTotals",
    "StoreTotals",
]


class Facets(NamedTuple):
    """How often each value of a field occurs."""

    counts: Mapping[str, int]
    """By value; severities by their level's name, attributes' values as JSON texts (`7`, `"7"`).
    A trace counts for each of its services, and for each value that one of its spans has."""
    looked_at: int
    """Records that fit and were counted, the newest of each day first."""
    complete: bool
    """Whether these were all that fit."""


@dataclass(frozen=True, slots=True)
class MetricTotals:
    """A metric: data points of one name, type and unit."""

    name: str
    type: str
    """`gauge`, `sum`, `histogram`, `exponential_histogram` or `summary`."""
    unit: str
    description: str
    temporality: str
    """`delta`, `cumulative`, or empty where the type has none."""
    monotonic: bool
    """Whether it is a sum that only grows."""
    services: tuple[str, ...]
    """By name."""
    attribute_keys: tuple[str, ...]
    """Attributes of its data points, by name; a hundred at most."""
    data_points: int
    last_ns: int
    """The latest data point's time."""


class ServiceTotals(NamedTuple):
    """What a service has sent."""

    name: str
    span_count: int
    log_count: int
    last_seen_ns: int
    """When the hub last received something of it."""


@dataclass(frozen=True, slots=True)
class OperationTotals:
    """How often one operation of a service ran in a time, how it ended and how long it took.

    An operation is what the spans of one service, name and kind do; open spans are not counted.
    Durations are known to 7 % or better, whatever their size.
    """

    service: str
    name: str
    """The spans' name; empty for all those of a service that has too many names to tell apart."""
    kind: int
    """OTLP SpanKind number."""
    count: int
    error_count: int
    """Spans whose status is error."""
    rate: float
    """Spans per second of the time asked for."""
    error_rate: float
    """Share of the spans that failed, 0 to 1."""
    p50_ns: int
    p95_ns: int
    p99_ns: int


@dataclass(frozen=True, slots=True)
class OperationMinute:
    """What one operation of a service did in one minute; see `OperationTotals`."""

    service: str
    name: str
    kind: int
    minute_ns: int
    """When the minute began."""
    count: int
    error_count: int
    p50_ns: int
    p95_ns: int
    p99_ns: int


@dataclass(frozen=True, slots=True)
class ServiceNode:
    """A service on the map."""

    name: str
    count: int
    """Requests that it was asked: spans of kind SERVER and CONSUMER."""
    error_count: int
    p95_ns: int
    """Of the same spans; 0 where there are none."""


@dataclass(frozen=True, slots=True)
class ServiceEdge:
    """One service that calls another, or is heard by it."""

    client: str
    """The service of the parent span or, for messages, of the linked one."""
    server: str
    link: bool
    """Whether the spans are joined by links of a CONSUMER span, not by parentage."""
    count: int
    """Spans of *server* whose parent, or linked span, is one of *client*."""
    error_count: int
    p95_ns: int
    """Of the server's spans."""


class ServiceMap(NamedTuple):
    """Which services called which."""

    nodes: list[ServiceNode]
    """Every service with an ended span in the time, by name."""
    edges: list[ServiceEdge]
    """By client, then server, then link; none from a service to itself."""


@dataclass(frozen=True, slots=True)
class StoreTotals:
    """The store in numbers."""

    bytes: int
    spans: int
    logs: int
    data_points: int
    duplicates: int
    """Spans and batches that came again and were not stored again, since the store was opened."""
    waiting: int
    """Records that were submitted and are not committed yet."""
    corrupt: int
    """Rows left out of answers because their checksum did not fit, since the store was opened."""
    days: tuple[str, ...] = field(default=())
    """The days that the store holds, oldest first."""
    retention: Retention = field(default_factory=Retention)
    deleted_bytes: int = 0
    """Deleted as `retention` says, since the store was opened."""
    ballast_bytes: int = 0
    """Disk that is held back for the moment at which there is no other; 0 when it was used."""
