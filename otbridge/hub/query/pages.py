"""Pages of traces and logs: one item more than asked for tells whether there is a next page."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from otbridge.hub.store.vocabulary import TracePosition

if TYPE_CHECKING:
    from otbridge.hub.store import Store
    from otbridge.hub.store.vocabulary import (
        LogFilter,
        LogPosition,
        StoredLog,
        TraceFilter,
        TraceSummary,
    )

__all__ = ["LogPage", "TracePage", "list_logs", "list_traces"]


class TracePage(NamedTuple):
    """Some traces, newest first, and where the page ended unless it is the last."""

    traces: list[TraceSummary]
    next_position: TracePosition | None


class LogPage(NamedTuple):
    """Some log records, newest first, and where the page ended unless it is the last."""

    logs: list[StoredLog]
    next_position: LogPosition | None


def list_traces(
    store: Store, wanted: TraceFilter, limit: int, after: TracePosition | None = None
) -> TracePage:
    """Return at most *limit* traces."""
    found = store.traces(wanted, limit + 1, after)
    if len(found) <= limit:
        return TracePage(found, None)
    last = found[limit - 1]
    return TracePage(found[:limit], TracePosition(last.start_ns, last.trace_id))


def list_logs(
    store: Store, wanted: LogFilter, limit: int, after: LogPosition | None = None
) -> LogPage:
    """Return at most *limit* log records."""
    found = store.logs(wanted, limit + 1, after)
    if len(found) <= limit:
        return LogPage(found, None)
    return LogPage(found[:limit], found[limit - 1].position)
