"""What a store is asked, and what it answers: the words that every kind of store understands."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

    from otbridge.hub.store.conditions import AttributeCondition
    from otbridge.typing import Signal
    from otbridge.wire.rows import LogRow, MetricsRow, SpanRow

__all__ = [
    "SESSION_KEYS",
    "AttributeKey",
    "Expired",
    "FacetField",
    "Facets",
    "LogFilter",
    "LogPosition",
    "MetricFilter",
    "MetricTotals",
    "OperationMinute",
    "OperationTotals",
    "Retention",
    "ScanFilter",
    "ScanPage",
    "ScanPosition",
    "ServiceEdge",
    "ServiceMap",
    "ServiceNode",
    "ServiceTotals",
    "SessionFilter",
    "SessionPosition",
    "SessionSummary",
    "StoreTotals",
    "StoredLog",
    "StoredSession",
    "StoredTrace",
    "Term",
    "TraceFilter",
    "TracePosition",
    "TraceState",
    "TraceSummary",
]

FacetField = Literal["service", "severity", "name"]
"""What values are counted of; a log record's name is its event's."""


class AttributeKey(NamedTuple):
    """An attribute of the records themselves, whose values are counted."""

    name: str


SESSION_KEYS: Final = ("session.id", "gen_ai.conversation.id")
"""The attributes that name a session (OTel semantic conventions, session and gen_ai): a visit in a
browser, or a conversation with an agent."""

TraceState = Literal["open", "complete", "lost"]


@dataclass(frozen=True, slots=True)
class Retention:
    """How much a store keeps at most; what is oldest goes first.

    A cap and no guarantee: where the disk is nearly full, less is kept.
    """

    days: int = 7
    """Whole days (UTC) before today; every record stays for at least so many times 24 hours."""
    bytes: int = 5_000_000_000
    """5 GB: some 15 million spans, or a tenth of a laptop's free disk."""


class Expired(NamedTuple):
    """What a store has deleted because it was too old or too much."""

    days: tuple[str, ...] = ()
    """The days (UTC) of which it deleted something, oldest first."""
    bytes: int = 0


class Term(NamedTuple):
    """One condition of a text search; all terms of a search have to hold."""

    text: str
    """A word, or an attribute's value."""
    key: str | None = None
    """The attribute whose value is asked for; None asks for the word anywhere."""


@dataclass(frozen=True, slots=True)
class TraceFilter:
    """Which traces are wanted; a field left out asks nothing."""

    service: str | None = None
    """A service that has at least one span in the trace."""
    name: str | None = None
    """Part of the trace's name, in any case."""
    min_duration_ns: int | None = None
    error: bool | None = None
    """True: with a failed span; False: without."""
    terms: tuple[Term, ...] = ()
    """Each holds for a span of the trace or for one of its logs, or is the trace's id in hex."""
    from_ns: int | None = None
    """Begun at this time or later."""
    to_ns: int | None = None
    """Begun before this time."""
    agents: bool = False
    """Only traces with spans of agents, models or tools."""
    attributes: tuple[AttributeCondition, ...] = ()
    """One span of the trace meets all of them."""
    trace_ids: frozenset[bytes] | None = None
    """Only these."""
    session: str | None = None
    """The id of a session that a record of the trace names; see `SessionSummary`."""


@dataclass(frozen=True, slots=True)
class LogFilter:
    """Which log records are wanted; a field left out asks nothing."""

    trace_id: bytes | None = None
    span_id: bytes | None = None
    service: str | None = None
    name: str | None = None
    """Part of the event's name, in any case."""
    min_severity: int | None = None
    """OTLP SeverityNumber; records without one (0) are below all."""
    terms: tuple[Term, ...] = ()
    from_ns: int | None = None
    to_ns: int | None = None
    attributes: tuple[AttributeCondition, ...] = ()
    """The record meets all of them."""
    session: str | None = None
    """The id of a session that the record, or its trace, belongs to."""


@dataclass(frozen=True, slots=True)
class SessionFilter:
    """Which sessions are wanted; a field left out asks nothing."""

    key: str | None = None
    """One of `SESSION_KEYS`."""
    traces: TraceFilter | None = None
    """A trace of the session fits; its times are left out."""
    from_ns: int | None = None
    """Begun at this time or later."""
    to_ns: int | None = None
    """Begun before this time."""


@dataclass(frozen=True, slots=True)
class MetricFilter:
    """Which data points are wanted."""

    name: str
    """Of the metric."""
    from_ns: int
    to_ns: int
    service: str | None = None


@dataclass(frozen=True, slots=True)
class ScanFilter:
    """What is wanted of everything stored; open spans never are."""

    signal: Signal
    from_ns: int | None = None
    """Begun (spans), happened (logs) or received (metrics) at this time or later."""
    to_ns: int | None = None
    """The same before this time."""


class TracePosition(NamedTuple):
    """Where a page of traces ended; the order is newest start first, then by trace id."""

    start_ns: int
    trace_id: bytes


class LogPosition(NamedTuple):
    """Where a page of logs ended; the order is newest first, then latest stored first."""

    time_ns: int
    day: str
    row: int


class SessionPosition(NamedTuple):
    """Where a page of sessions ended; the order is newest start first, then by key and id."""

    start_ns: int
    key: str
    id: str


class ScanPosition(NamedTuple):
    """Where a page of a scan ended; the order is that of storing."""

    day: str
    row: int


class ScanPage(NamedTuple):
    """Some records in the order in which they were stored, all of one signal."""

    rows: list[SpanRow] | list[LogRow] | list[MetricsRow]
    next_position: ScanPosition | None
    """Where to go on; None at the end. A page may be empty and not the last."""


@dataclass(frozen=True, slots=True)
class TraceSummary:
    """A trace in one line."""

    trace_id: bytes
    name: str
    """The root span's name; the earliest span's while there is no root; empty without spans."""
    start_ns: int
    end_ns: int
    """The latest time known of the trace, also while spans of it are open."""
    root_span_id: bytes | None
    root_service: str
    root_kind: int
    span_count: int
    """With the open and the lost ones."""
    open_count: int
    lost_count: int
    error_count: int
    """Spans whose status is error."""
    log_count: int
    services: dict[str, int]
    """Spans per service, in the order of first arrival."""
    agents: tuple[str, ...]
    agent_span_count: int
    agent_version: int
    """Grows whenever a span of an agent, model or tool is written: what is derived from them may
    be kept for as long as it stays the same."""

    @property
    def duration_ns(self) -> int:
        """From the first start to the latest time known."""
        return self.end_ns - self.start_ns

    @property
    def state(self) -> TraceState:
        """Whether something in the trace still runs, or will never end."""
        if self.open_count:
            return "open"
        return "lost" if self.lost_count else "complete"


class StoredLog(NamedTuple):
    """A log record and its place in the order of answers."""

    position: LogPosition
    row: LogRow


@dataclass(slots=True)
class StoredTrace:
    """A trace with all that belongs to it."""

    summary: TraceSummary
    spans: list[SpanRow]
    """In start order."""
    logs: list[LogRow]
    """In time order."""
    truncated: bool
    """Whether there is more of it than was asked for."""


@dataclass(frozen=True, slots=True)
class SessionSummary:
    """What one visitor, or one conversation, did: all traces with a record that names it."""

    key: str
    """The attribute that names it, one of `SESSION_KEYS`."""
    id: str
    start_ns: int
    end_ns: int
    trace_count: int
    span_count: int
    """Of its traces, whichever service they are of."""
    log_count: int
    """Of its traces, and those outside of any trace that name it."""
    error_count: int
    """Failed spans of its traces, and records of level ERROR and above outside of any trace."""
    services: dict[str, int]
    """Spans per service, in the order of first arrival."""


class StoredSession(NamedTuple):
    """A session and its place in the order of answers."""

    position: SessionPosition
    summary: SessionSummary


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


class Facets(NamedTuple):
    """How often each value of a field occurs."""

    counts: Mapping[str, int]
    """By value; severities by their level's name, attributes' values as JSON texts (`7`, `"7"`).
    A trace counts for each of its services, and for each value that one of its spans has."""
    looked_at: int
    """Records that fit and were counted, the newest of each day first."""
    complete: bool
    """Whether these were all that fit."""


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
