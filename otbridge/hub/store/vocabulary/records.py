"""What a store answers with records or with whole traces: one value is one of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from otbridge.hub.store.vocabulary.positions import LogPosition, ScanPosition, SessionPosition
    from otbridge.wire.rows import LogRow, MetricsRow, SpanRow

__all__ = [
    "ScanPage",
    "SessionSummary",
    "StoredLog",
    "StoredSession",
    "StoredTrace",
    "TraceState",
    "TraceSummary",
]

TraceState = Literal["open", "complete", "lost"]


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


class ScanPage(NamedTuple):
    """Some records in the order in which they were stored, all of one signal."""

    rows: list[SpanRow] | list[LogRow] | list[MetricsRow]
    next_position: ScanPosition | None
    """Where to go on; None at the end. A page may be empty and not the last."""
