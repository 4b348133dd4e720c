"""What the hub keeps of a request: one row per span and per log record.

A row is the few columns that questions are asked about, beside the record's own protobuf bytes.
The bytes are the truth (unknown fields included): attributes, events and links are read from
them when somebody looks, and `GET /api/v1/traces/{id}/otlp` gives them back unchanged.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import msgspec

if TYPE_CHECKING:
    from otbridge.typing import Signal

__all__ = ["Batch", "LogRow", "MetricsRow", "Request", "SpanRow"]


class SpanRow(msgspec.Struct, gc=False):
    """One span, ended or still open.

    A struct is made in a third of a dataclass's time, and not looked at when cycles are sought, for
    it can be part of none.
    """

    trace_id: bytes
    """16 bytes."""
    span_id: bytes
    """8 bytes."""
    parent_span_id: bytes
    """8 bytes; empty for a root."""
    name: str
    kind: int
    """OTLP SpanKind number."""
    service: str
    start_ns: int
    end_ns: int
    """0 while the span is open."""
    status: int
    """OTLP StatusCode: 0 unset, 1 ok, 2 error."""
    links: list[tuple[bytes, bytes]]
    """(trace id, span id) of each link."""
    resource: bytes
    """The Resource message, serialised; the same object for all rows of one resource."""
    resource_schema_url: str
    scope: bytes
    """The InstrumentationScope message, serialised."""
    scope_schema_url: str
    data: bytes
    """The Span message, serialised."""
    producer: str = ""
    """Which process sent it, for the "lost" verdict; empty where its resource names none."""
    lost: bool = False
    """Whether it is open for good: its producer went away without ending it."""
    again: bool | None = None
    """Of a span that has begun: whether that was told before. None where it is told only once."""


@dataclass(slots=True)
class LogRow:
    """One log record."""

    trace_id: bytes
    """16 bytes; empty where the record belongs to no trace (OTLP rule S12: also for bad ids)."""
    span_id: bytes
    """8 bytes; empty likewise."""
    time_ns: int
    """The record's time; its observed time, or that of receipt, where it has none."""
    observed_ns: int
    severity_number: int
    severity_text: str
    service: str
    body_text: str
    """The body as text: itself where it is a string, JSON otherwise. For search and lists."""
    event_name: str
    resource: bytes
    resource_schema_url: str
    scope: bytes
    scope_schema_url: str
    data: bytes
    """The LogRecord message, serialised."""
    producer: str = ""


@dataclass(slots=True)
class MetricsRow:
    """One ResourceMetrics, whole; metrics are stored and forwarded, and charted later."""

    service: str
    received_ns: int
    data_points: int
    data: bytes
    """The ResourceMetrics message, serialised."""
    producer: str = ""


class Request(NamedTuple):
    """An Export…ServiceRequest, which gives the same rows whenever it is decoded."""

    signal: Signal
    data: bytes
    """The message, serialised."""
    received_ns: int
    """When it came, which is the time of records without one."""
    checked: bool = True
    """Whether it was decoded before, so that it need not be looked at as closely again."""


@dataclass(slots=True)
class Batch:
    """What one request brought, on its way to the live feed and the store."""

    spans: list[SpanRow] = field(default_factory=list)
    """Ended spans."""
    open_spans: list[SpanRow] = field(default_factory=list)
    """Spans that have begun (`end_ns` 0); each is replaced by its ended one, whichever comes first."""
    logs: list[LogRow] = field(default_factory=list)
    metrics: list[MetricsRow] = field(default_factory=list)
    key: tuple[str, int] | None = None
    """(stream or producer, sequence) where the sender numbers its batches: stored at most once."""
    resent: bool = False
    """Whether its sender may have sent some of it before: of its log records and metrics a store
    keeps those that it does not have. Spans have ids, and are kept once anyhow."""
    known_logs: frozenset[int] = frozenset()
    """The places of log records that the store had already; set by the store, where `resent`."""
    settled: tuple[str, int] | None = None
    """(beginning of streams, sequence): batches of these streams with lower sequences never come
    again, and a store need not remember their keys."""
    request: Request | None = None
    """What all the rows, and nothing but they, were decoded from; where there is such a thing."""
