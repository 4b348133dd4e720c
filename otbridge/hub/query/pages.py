"""Pages of traces and logs: one item more than asked for tells whether there is a next page.

A page that ends because its time is up is shorter, and has a next one all the same.
"""

from __future__ import annotations

from operator import itemgetter
from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar

from otbridge.hub.query.cursors import key_cursor, refuse_cursor
from otbridge.hub.store.vocabulary import ShortPage, TracePosition

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from otbridge.hub.query.cursors import Key
    from otbridge.hub.store import Store
    from otbridge.hub.store.vocabulary import (
        LogFilter,
        LogPosition,
        SessionFilter,
        SessionPosition,
        StoredLog,
        StoredSession,
        TraceFilter,
        TraceSummary,
    )

__all__ = [
    "KeyPage",
    "LogPage",
    "SessionPage",
    "TracePage",
    "list_logs",
    "list_sessions",
    "list_traces",
    "page_by_key",
]

_Item = TypeVar("_Item")


class TracePage(NamedTuple):
    """Some traces, newest first, and where the page ended unless it is the last."""

    traces: list[TraceSummary]
    next_position: TracePosition | None


class SessionPage(NamedTuple):
    """Some sessions, newest first, and where the page ended unless it is the last."""

    sessions: list[StoredSession]
    next_position: SessionPosition | None


class LogPage(NamedTuple):
    """Some log records, newest first, and where the page ended unless it is the last."""

    logs: list[StoredLog]
    next_position: LogPosition | None


class KeyPage(NamedTuple, Generic[_Item]):
    """Some items of a list that was made as a whole, and the cursor of the next page."""

    items: list[_Item]
    next_cursor: str | None


def page_by_key(
    found: Iterable[_Item],
    key: Callable[[_Item], Key],
    order: str,
    limit: int,
    after: tuple[str, Key] | None,
) -> KeyPage[_Item]:
    """Return at most *limit* of what was found, sorted by *key*.

    Args:
        found: Everything that fits.
        key: What it is sorted by; two items never have the same.
        order: The order's name; a cursor of another one is refused.
        limit: Items on the page.
        after: What the page before ended with.

    Raises:
        QueryError: The cursor is that of another list.
    """
    keyed = sorted(((key(item), item) for item in found), key=itemgetter(0))
    if after is not None:
        if after[0] != order:
            refuse_cursor("cursor")
        try:
            keyed = [pair for pair in keyed if pair[0] > after[1]]
        except TypeError:  # a text where a number was: somebody's own making
            refuse_cursor("cursor")
    items = [item for _, item in keyed[:limit]]
    more = len(keyed) > limit
    return KeyPage(items, key_cursor(order, keyed[limit - 1][0]) if more else None)


def list_traces(
    store: Store, wanted: TraceFilter, limit: int, after: TracePosition | None = None
) -> TracePage:
    """Return at most *limit* traces."""
    found = store.traces(wanted, limit + 1, after)
    if len(found) <= limit:
        return TracePage(found, found.next_position if isinstance(found, ShortPage) else None)
    last = found[limit - 1]
    return TracePage(found[:limit], TracePosition(last.start_ns, last.trace_id))


def list_sessions(
    store: Store, wanted: SessionFilter, limit: int, after: SessionPosition | None = None
) -> SessionPage:
    """Return at most *limit* sessions."""
    found = store.sessions(wanted, limit + 1, after)
    if len(found) <= limit:
        return SessionPage(found, None)
    return SessionPage(found[:limit], found[limit - 1].position)


def list_logs(
    store: Store, wanted: LogFilter, limit: int, after: LogPosition | None = None
) -> LogPage:
    """Return at most *limit* log records."""
    found = store.logs(wanted, limit + 1, after)
    if len(found) <= limit:
        return LogPage(found, found.next_position if isinstance(found, ShortPage) else None)
    return LogPage(found[:limit], found[limit - 1].position)
