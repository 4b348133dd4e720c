"""The one line per trace that is kept up to date while records come in."""

# ruff: noqa: PLR1730 - a call of max() takes four times as long, and these are for every span
# ruff: noqa: S608 - the SQL is put together from our own names; values only go in as parameters

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import msgspec

from otbridge.hub.store.vocabulary import TraceSummary

if TYPE_CHECKING:
    from collections.abc import Sequence

    from otbridge.hub.store.sqlite.counts.minutes import Heard
    from otbridge.wire.rows import LogRow, SpanRow

__all__ = ["COLUMNS", "INSERT", "UPDATE", "Summary", "read_summary"]

COLUMNS = (
    "TraceKey, TraceId, Name, NameStart, Start, End, RootSpanId, RootService, RootKind, SpanCount,"
    " OpenCount, LostCount, ErrorCount, LogCount, Services, Agents, AgentSpanCount, AgentVersion,"
    " TextCount"
)

_NAMES = COLUMNS.split(", ")

INSERT = f"INSERT INTO otel_trace_summary ({COLUMNS}) VALUES ({', '.join('?' * len(_NAMES))})"

UPDATE = (
    f"UPDATE otel_trace_summary SET {', '.join(f'{name} = ?{n}' for n, name in enumerate(_NAMES, 1) if n > 2)}"
    " WHERE TraceKey = ?1 AND ?2 IS NOT NULL"
)
"""For a trace that was written before. Its id stays, so that the index of all ids, in which every
trace is somewhere else, need not be touched."""

_LATEST = 2**63 - 1

_ERROR = 2
"""OTLP's StatusCode."""

_NAMED_AGENTS = 100
"""A list shows a few; the run's page counts them all."""


@dataclass(slots=True)
class Summary:
    """A trace's line, on the writer's side."""

    key: int
    trace_id: bytes
    name: str = ""
    name_start: int = _LATEST
    """Start of the span that lent its name: the earliest root, or the earliest span."""
    start: int = _LATEST
    end: int = 0
    root_span_id: bytes | None = None
    root_service: str = ""
    root_kind: int = 0
    spans: int = 0
    open: int = 0
    lost: int = 0
    errors: int = 0
    logs: int = 0
    services: dict[str, int] = field(default_factory=dict)
    agents: list[str] = field(default_factory=list)
    agent_spans: int = 0
    agent_version: int = 0
    texts: int = 0
    """Text documents that the trace has in a file of version 1."""

    # Only in memory:
    is_new: bool = True
    """Whether the file has no line of the trace yet."""
    here: dict[bytes, str] | None = None
    """The spans that are stored, by id, each with its service where that is known; None where
    nobody has looked."""
    unended: set[bytes] = field(default_factory=set)
    """Those of `here` that are open or lost."""
    waiting: dict[bytes, list[Heard]] = field(default_factory=dict)
    """What was caused by spans that have not come yet."""

    @classmethod
    def of(cls, columns: tuple[Any, ...]) -> Summary:
        """Read it from the table's `COLUMNS`."""
        line = cls(*columns[:14])
        line.is_new = False
        *_, services, agents, line.agent_spans, line.agent_version, line.texts = columns
        line.services = msgspec.json.decode(services)
        line.agents = msgspec.json.decode(agents)
        return line

    def columns(self) -> tuple[Any, ...]:
        """Return the table's `COLUMNS`."""
        return (
            self.key,
            self.trace_id,
            self.name,
            self.name_start,
            self.start,
            self.end,
            self.root_span_id,
            self.root_service,
            self.root_kind,
            self.spans,
            self.open,
            self.lost,
            self.errors,
            self.logs,
            msgspec.json.encode(self.services).decode(),
            msgspec.json.encode(self.agents).decode(),
            self.agent_spans,
            self.agent_version,
            self.texts,
        )

    def add_spans(self, rows: Sequence[SpanRow]) -> None:
        """Count spans that are new to the trace."""
        self.spans += len(rows)
        services = self.services
        for row in rows:
            service = row.service
            services[service] = services.get(service, 0) + 1
            if not row.end_ns:
                self.open += 1
        self._see(rows)

    def end_span(self, row: SpanRow, *, was_lost: bool) -> None:
        """Count the end of a span that was counted as open."""
        if was_lost:
            self.lost -= 1
        else:
            self.open -= 1
        self._see((row,))

    def lose_span(self) -> None:
        """Count a span that was open and will not end."""
        self.open -= 1
        self.lost += 1

    def find_span(self) -> None:
        """Count a span as open again that was counted as lost."""
        self.open += 1
        self.lost -= 1

    def add_agent(self, agent: str | None, *, new: bool) -> None:
        """Count a span of an agent, model or tool; *new* unless it was counted as open."""
        self.agent_spans += new
        self.agent_version += 1
        if agent and agent not in self.agents and len(self.agents) < _NAMED_AGENTS:
            self.agents.append(agent)

    def add_log(self, row: LogRow) -> None:
        """Count a log record; its time counts only while nothing better is known."""
        self.logs += 1
        if not self.spans:
            self.start = min(self.start, row.time_ns)
            self.end = max(self.end, row.time_ns)

    def _see(self, rows: Sequence[SpanRow]) -> None:
        """Take from *rows* when the trace was, what it is called, and how many failed."""
        if self.name_start == _LATEST:  # the first spans: what the logs said of time goes
            self.start, self.end = _LATEST, 0
        first, last = self.start, self.end
        for row in rows:
            start = row.start_ns
            if start < first:
                first = start
            if row.end_ns > last:
                last = row.end_ns
            if start > last:  # open, or its end is before its start
                last = start
            if row.status == _ERROR:
                self.errors += 1
            if row.parent_span_id:
                if self.root_span_id is None and start < self.name_start:
                    self.name, self.name_start = row.name, start
            elif self.root_span_id in {None, row.span_id} or start < self.name_start:
                self.root_span_id = row.span_id
                self.root_service = row.service
                self.root_kind = row.kind
                self.name, self.name_start = row.name, start
        self.start, self.end = first, last


def read_summary(columns: tuple[Any, ...]) -> TraceSummary:
    """Return what the table's `COLUMNS` say, in the words of the store's answers."""
    line = Summary.of(columns)
    # They were counted as they arrived, and whoever answers last arrives first.
    first = {line.root_service: 0} if line.root_service in line.services else {}
    return TraceSummary(
        trace_id=line.trace_id,
        name=line.name,
        start_ns=line.start,
        end_ns=line.end,
        root_span_id=line.root_span_id,
        root_service=line.root_service,
        root_kind=line.root_kind,
        span_count=line.spans,
        open_count=line.open,
        lost_count=line.lost,
        error_count=line.errors,
        log_count=line.logs,
        services=first | line.services,
        agents=tuple(line.agents),
        agent_span_count=line.agent_spans,
        agent_version=line.agent_version,
    )
