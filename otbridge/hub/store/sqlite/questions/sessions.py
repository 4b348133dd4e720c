"""Questions about sessions, in SQL. A session that spans days has a line in each day's file."""

# ruff: noqa: S608 - the SQL is put together from our own names; values only go in as parameters

from __future__ import annotations

import heapq
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from otbridge.hub.store.sessions import MAX_TRACES, SessionParts
from otbridge.hub.store.sqlite.questions import attribute_search
from otbridge.hub.store.sqlite.questions.conditions import Conditions
from otbridge.hub.store.sqlite.questions.traces import trace_conditions
from otbridge.hub.store.sqlite.writing.summary import COLUMNS, read_summary
from otbridge.hub.store.vocabulary import SESSION_KEYS, SessionPosition, StoredSession, TraceFilter

if TYPE_CHECKING:
    from collections.abc import Iterator

    from otbridge.hub.store.sqlite.questions.reader import Reader
    from otbridge.hub.store.vocabulary import SessionFilter, SessionSummary

__all__ = ["by_id", "page"]

_LINE: Final = "SELECT Id, Start, End, LooseLogs, LooseErrors FROM otel_sessions"

_Line = tuple[Any, ...]


def page(
    reader: Reader, wanted: SessionFilter, limit: int, after: SessionPosition | None
) -> list[StoredSession]:
    """Answer `Store.sessions`."""
    if wanted.traces is not None and wanted.traces.attributes:
        for day in reader.days:
            attribute_search.define(reader, day, wanted.traces.attributes)
    found = [_day_sessions(reader, day, wanted, limit, after) for day in reader.days]
    newest_first = heapq.merge(*found, reverse=True)
    return [
        StoredSession(position, _whole(reader, position.key, position.id))
        for position in islice(newest_first, limit)
    ]


def _day_sessions(
    reader: Reader, day: str, wanted: SessionFilter, limit: int, after: SessionPosition | None
) -> Iterator[SessionPosition]:
    """Yield the sessions that fit and that no other day has from an earlier time on."""
    while True:
        where = _conditions(reader, day, wanted)
        if after is not None:
            where.add("(Start, SessionKey, SessionId) < (?, ?, ?)", *after)
        rows = reader.rows(
            day,
            f"SELECT Start, SessionKey, SessionId FROM otel_sessions WHERE {where}"
            " ORDER BY Start DESC, SessionKey DESC, SessionId DESC LIMIT ?",
            *where.parameters,
            limit,
        )
        for row in rows:
            after = SessionPosition(*row)
            if not _begins_elsewhere(reader, day, wanted, after):
                yield after
        if len(rows) < limit:
            return


def _begins_elsewhere(
    reader: Reader, day: str, wanted: SessionFilter, here: SessionPosition
) -> bool:
    for other in reader.days:
        if other == day:
            continue
        where = _conditions(reader, other, wanted)
        where.add("SessionId = ? AND SessionKey = ?", here.id, here.key)
        where.add("Start < ? OR (Start = ? AND ?)", here.start_ns, here.start_ns, other < day)
        sql = f"SELECT 1 FROM otel_sessions WHERE {where}"
        if reader.first(other, sql, *where.parameters) is not None:
            return True
    return False


def _conditions(reader: Reader, day: str, wanted: SessionFilter) -> Conditions:
    """Return what has to hold for a row of `otel_sessions`."""
    where = Conditions()
    if wanted.key is not None:
        where.add("SessionKey = ?", wanted.key)
    if wanted.from_ns is not None:
        where.add("Start >= ?", wanted.from_ns)
    if wanted.to_ns is not None:
        where.add("Start < ?", wanted.to_ns)
    if wanted.traces is not None:
        asked = replace(wanted.traces, from_ns=None, to_ns=None)
        if asked != TraceFilter():
            fits = trace_conditions(reader, day, asked)
            where.add(
                "Id IN (SELECT SessionNumber FROM otel_session_traces WHERE TraceKey IN"
                f" (SELECT TraceKey FROM otel_trace_summary WHERE {fits}))",
                *fits.parameters,
            )
    return where


def by_id(reader: Reader, session_id: str) -> list[SessionSummary]:
    """Answer `Store.session`."""
    found = (_parts(reader, key, session_id) for key in SESSION_KEYS)
    return [parts.summary() for parts in found if parts is not None]


def _whole(reader: Reader, key: str, session_id: str) -> SessionSummary:
    parts = _parts(reader, key, session_id)
    if parts is None:  # its day was deleted since the question began
        parts = SessionParts(key, session_id, 0, 0)
    return parts.summary()


def _parts(reader: Reader, key: str, session_id: str) -> SessionParts | None:
    whole: SessionParts | None = None
    for day in reader.days:
        line = reader.first(day, f"{_LINE} WHERE SessionId = ? AND SessionKey = ?", session_id, key)
        if line is not None:
            parts = _day_parts(reader, day, key, session_id, line)
            if whole is None:
                whole = parts
            else:
                whole.add(parts)
    return whole


def _day_parts(reader: Reader, day: str, key: str, session_id: str, line: _Line) -> SessionParts:
    number, start, end, logs, errors = line
    traces = "TraceKey IN (SELECT TraceKey FROM otel_session_traces WHERE SessionNumber = ?)"
    count = reader.first(
        day, "SELECT count(*) FROM otel_session_traces WHERE SessionNumber = ?", number
    )
    rows = reader.rows(
        day,
        f"SELECT {COLUMNS} FROM otel_trace_summary WHERE {traces} ORDER BY Start LIMIT ?",
        number,
        MAX_TRACES,
    )
    return SessionParts(
        *(key, session_id, start, end, count[0] if count else 0, logs, errors),
        [read_summary(columns) for columns in rows],
    )
