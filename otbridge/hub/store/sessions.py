"""Puts a session together from its traces, as every kind of store does."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from otbridge.hub.store.vocabulary import SessionSummary

if TYPE_CHECKING:
    from otbridge.hub.store.vocabulary import TraceSummary

__all__ = ["MAX_TRACES", "SessionParts"]

MAX_TRACES: Final = 1_000
"""Traces of one session whose numbers are added up, the earliest ones; `trace_count` has all."""


@dataclass(slots=True)
class SessionParts:
    """What a store knows of one session."""

    key: str
    id: str
    start_ns: int
    """Of the first record that names it."""
    end_ns: int
    trace_count: int = 0
    loose_logs: int = 0
    """Log records outside of any trace that name it."""
    loose_errors: int = 0
    """Those of level ERROR and above."""
    traces: list[TraceSummary] = field(default_factory=list)

    def add(self, other: SessionParts) -> None:
        """Add what another part of the store knows of the same session."""
        self.start_ns = min(self.start_ns, other.start_ns)
        self.end_ns = max(self.end_ns, other.end_ns)
        self.trace_count += other.trace_count
        self.loose_logs += other.loose_logs
        self.loose_errors += other.loose_errors
        self.traces += other.traces

    def summary(self) -> SessionSummary:
        """Return the session in one line."""
        services: Counter[str] = Counter()
        traces = sorted(self.traces, key=lambda trace: (trace.start_ns, trace.trace_id))
        for trace in traces:
            services.update(trace.services)
        return SessionSummary(
            key=self.key,
            id=self.id,
            start_ns=min([self.start_ns, *(trace.start_ns for trace in traces)]),
            end_ns=max([self.end_ns, *(trace.end_ns for trace in traces)]),
            trace_count=self.trace_count,
            span_count=sum(trace.span_count for trace in traces),
            log_count=self.loose_logs + sum(trace.log_count for trace in traces),
            error_count=self.loose_errors + sum(trace.error_count for trace in traces),
            services=dict(services),
        )
