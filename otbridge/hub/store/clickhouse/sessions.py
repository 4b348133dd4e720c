"""Questions about sessions, in SQL: put together from the records that name them."""

# ruff: noqa: S608 - the SQL is put together from our own names; values only go in as parameters

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from otbridge.hub.store.clickhouse.questions import Conditions
from otbridge.hub.store.clickhouse.traces import lines, newest_traces, trace_conditions
from otbridge.hub.store.sessions import MAX_TRACES, SessionParts
from otbridge.hub.store.vocabulary import SESSION_KEYS, SessionPosition, StoredSession, TraceFilter

if TYPE_CHECKING:
    from otbridge.hub.store.clickhouse.questions import Asker
    from otbridge.hub.store.vocabulary import SessionFilter, SessionSummary

__all__ = ["by_id", "page"]

_NAMED: Final = (
    "arrayJoin(arrayFilter(one -> one.2 != '',"
    f" [('{SESSION_KEYS[0]}', SessionId), ('{SESSION_KEYS[1]}', ConversationId)])) AS Named"
)
_ANY: Final = "SessionId != '' OR ConversationId != ''"
_ERROR: Final = 17
"""OTLP's SeverityNumber of ERROR."""


def page(
    asker: Asker, wanted: SessionFilter, limit: int, after: SessionPosition | None
) -> list[StoredSession]:
    """Answer `Store.sessions`."""
    where = Conditions(_ANY)
    having = Conditions(beside=where)
    if wanted.key is not None:
        having.add("Key = {key:String}", key=wanted.key)
    if wanted.from_ns is not None:
        having.add("Start >= {begin:Int64}", begin=wanted.from_ns)
    if wanted.to_ns is not None:
        having.add("Start < {end:Int64}", end=wanted.to_ns)
    if after is not None:
        having.add(
            "(Start, Key, Session) < ({start:Int64}, {after_key:String}, {after_id:String})",
            start=after.start_ns,
            after_key=after.key,
            after_id=after.id,
        )
    if wanted.traces is not None:
        _add_traces(having, asker, wanted.traces)
    found = _parts(asker, where, having, limit)
    return [
        StoredSession(SessionPosition(parts.start_ns, parts.key, parts.id), parts.summary())
        for parts in found
    ]


def by_id(asker: Asker, session_id: str) -> list[SessionSummary]:
    """Answer `Store.session`."""
    where = Conditions()
    where.add("SessionId = {id:String} OR ConversationId = {id:String}", id=session_id)
    having = Conditions(beside=where)
    having.add("Session = {id:String}", id=session_id)
    found = _parts(asker, where, having, len(SESSION_KEYS))
    found.sort(key=lambda parts: SESSION_KEYS.index(parts.key))
    return [parts.summary() for parts in found]


def _add_traces(having: Conditions, asker: Asker, wanted: TraceFilter) -> None:
    """Add that one of the session's traces fits."""
    asked = replace(wanted, from_ns=None, to_ns=None)
    if asked == TraceFilter():
        return
    lines_where, fits = trace_conditions(asker.tables, asked, None, 0, beside=having)
    newest = newest_traces(asker.tables, lines_where, fits)
    having.add(f"countIf(TraceId IN (SELECT TraceId FROM ({newest}))) > 0")


def _parts(asker: Asker, where: Conditions, having: Conditions, limit: int) -> list[SessionParts]:
    traces, logs = asker.tables.traces, asker.tables.logs
    rows = asker.rows(
        "SELECT Named.1 AS Key, Named.2 AS Session, toUnixTimestamp64Nano(min(Begun)) AS Start,"
        f" toUnixTimestamp64Nano(max(Over)), groupUniqArrayIf({MAX_TRACES:d})(TraceId, TraceId != ''),"
        " uniqExactIf(TraceId, TraceId != ''), sum(Logs), sum(Errors) FROM ("
        f"SELECT {_NAMED}, TraceId, min(Timestamp) AS Begun,"
        " max(addNanoseconds(Timestamp, Duration)) AS Over, 0 AS Logs, 0 AS Errors"
        f" FROM {traces} WHERE {where} GROUP BY Named, TraceId"
        f" UNION ALL SELECT {_NAMED}, TraceId, min(Timestamp) AS Begun, max(Timestamp) AS Over,"
        " uniqExactIf(Id, TraceId = '') AS Logs,"
        f" uniqExactIf(Id, TraceId = '' AND SeverityNumber >= {_ERROR:d}) AS Errors"
        f" FROM {logs} WHERE {where} GROUP BY Named, TraceId"
        f") GROUP BY Key, Session HAVING {having}"
        f" ORDER BY Start DESC, Key DESC, Session DESC LIMIT {limit:d}",
        where,
    )
    known = lines(asker, {bytes.fromhex(one.decode()) for row in rows for one in row[4]})
    return [_read(row, known) for row in rows]


def _read(row: list[Any], known: dict[bytes, Any]) -> SessionParts:
    key, session, start, end, ids, count, logs, errors = row
    traces = [known[trace] for one in ids if (trace := bytes.fromhex(one.decode())) in known]
    return SessionParts(key.decode(), session.decode(), start, end, count, logs, errors, traces)
