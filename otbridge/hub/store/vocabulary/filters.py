"""What a store is asked for: which traces, log records, sessions, metrics."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

if TYPE_CHECKING:
    from otbridge.hub.store.conditions import AttributeCondition
    from otbridge.typing import Signal

__all__ = [
    "SESSION_KEYS",
    "AttributeKey",
    "FacetField",
    "LogFilter",
    "MetricFilter",
    "ScanFilter",
    "SessionFilter",
    "Term",
    "TraceFilter",
]

FacetField = Literal["service", "severity", "name"]
"""What values are counted of; a log record's name is its event's."""


class AttributeKey(NamedTuple):
    """An attribute of the records themselves, whose values are counted."""

    name: str


SESSION_KEYS: Final = ("session.id", "gen_ai.conversation.id")
"""The attributes that name a session (OTel semantic conventions, session and gen_ai): a visit in a
browser, or a conversation with an agent."""


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
