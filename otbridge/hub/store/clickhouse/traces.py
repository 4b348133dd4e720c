"""Questions about traces, in SQL.

A list is made in two steps: `otel_trace_summary` says which traces come, and of these few the
spans and logs are counted, so that no copy counts twice.
"""

# ruff: noqa: S608 - the SQL is put together from our own names; values only go in as parameters

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from otbridge.hub.store import QueryTooSlow
from otbridge.hub.store.budget import page_time
from otbridge.hub.store.clickhouse.attributes import add_condition
from otbridge.hub.store.clickhouse.columns import kind_of
from otbridge.hub.store.clickhouse.questions import Conditions, hexes
from otbridge.hub.store.clickhouse.rows import LOG, SPAN, read_log, read_span
from otbridge.hub.store.vocabulary import (
    ShortPage,
    StoredTrace,
    TracePosition,
    TraceSummary,
)

if TYPE_CHECKING:
    from collections.abc import Collection

    from otbridge.hub.store.clickhouse.questions import Asker
    from otbridge.hub.store.clickhouse.schema import Tables
    from otbridge.hub.store.vocabulary import Term, TraceFilter
    from otbridge.wire.rows import SpanRow

__all__ = [
    "newest_traces",
    "of_session",
    "page",
    "spans_of",
    "summary",
    "trace_conditions",
    "whole",
]

_NAMED_AGENTS: Final = 100
"""A list shows a few; the run's page counts them all."""

_HOUR_NS: Final = 3_600 * 10**9

_WINDOWS_H: Final = (1, 6, 48)
"""Hours back in which a page is looked for first; most are found in the last one."""

_LONG_TRACE_NS: Final = 24 * _HOUR_NS
"""A trace that lasts longer may be listed by the time of its later spans, too."""


def page(
    asker: Asker, wanted: TraceFilter, limit: int, after: TracePosition | None, now_ns: int
) -> list[TraceSummary]:
    """Answer `Store.traces`."""
    is_late = page_time()
    newest = min(now_ns, after.start_ns if after else now_ns, wanted.to_ns or now_ns)
    looked_at: ShortPage[TraceSummary, TracePosition] | None = None
    for hours in (*_WINDOWS_H, None):
        since_ns = 0 if hours is None else _hour(newest) - hours * _HOUR_NS
        if hours is not None and since_ns <= (wanted.from_ns or 0):
            continue  # the last step looks at no more than this one would
        try:
            found = lines(asker, trace_ids(asker, wanted, limit, after, since_ns))
        except QueryTooSlow:
            if looked_at is None:
                raise
            return _short(asker, looked_at)
        # A trace that began earlier was judged without its beginning: the next step sees it whole.
        earliest = max(since_ns, wanted.from_ns or 0)
        inside = [line for line in found.values() if line.start_ns >= earliest]
        inside.sort(key=lambda line: (line.start_ns, line.trace_id), reverse=True)
        if len(inside) == limit or hours is None:
            return inside
        looked_at = ShortPage(inside, TracePosition(earliest, b""))
        if is_late():
            return _short(asker, looked_at)
    return []


def _short(asker: Asker, page: ShortPage[TraceSummary, TracePosition]) -> list[TraceSummary]:
    """Return *page* as the last one where nothing is older."""
    oldest = asker.rows(
        "SELECT toUnixTimestamp(min(Hour)) * 1000000000 AS Oldest, count() AS Rows"
        f" FROM {asker.tables.summary}"
    )
    ((oldest_ns, rows),) = oldest
    return page if rows and oldest_ns < page.next_position.start_ns else list(page)


def _hour(time_ns: int) -> int:
    return time_ns - time_ns % _HOUR_NS


def trace_ids(
    asker: Asker,
    wanted: TraceFilter,
    limit: int,
    after: TracePosition | None = None,
    since_ns: int = 0,
) -> list[bytes]:
    """Return the traces that fit, newest first, of those with spans since then."""
    where, fits = trace_conditions(asker.tables, wanted, after, since_ns)
    rows = asker.rows(
        f"SELECT TraceId FROM ({newest_traces(asker.tables, where, fits)} LIMIT {limit:d})", where
    )
    return [bytes.fromhex(trace_id.decode()) for (trace_id,) in rows]


def newest_traces(tables: Tables, where: Conditions, fits: Conditions) -> str:
    """Return the SELECT of the traces that fit, newest first."""
    return (
        "SELECT TraceId, toUnixTimestamp64Nano(min(Begun)) AS Start,"
        " toUnixTimestamp64Nano(max(Ended)) AS End, max(Failed) AS AnyFailed,"
        " max(Agents) AS AnyAgents, groupUniqArrayArray(Services) AS AllServices,"
        f" tupleElement(min(Naming), 4) AS Name FROM {tables.summary} WHERE {where}"
        f" GROUP BY TraceId HAVING {fits} ORDER BY Start DESC, TraceId DESC"
    )


def trace_conditions(
    tables: Tables,
    wanted: TraceFilter,
    after: TracePosition | None,
    since_ns: int,
    beside: Conditions | None = None,
) -> tuple[Conditions, Conditions]:
    """Return what has to hold for lines of the summary, and for a trace as a whole."""
    where = Conditions("TraceId != ''", beside=beside)
    earliest = max(since_ns, (wanted.from_ns or 0) - _LONG_TRACE_NS)
    if earliest > 0:
        where.add("Hour >= toStartOfHour(fromUnixTimestamp64Nano({since:Int64}))", since=earliest)
    for term in wanted.terms:
        _add_term(where, tables, term)
    if wanted.trace_ids is not None:
        where.add("TraceId IN {among:Array(String)}", among=hexes(sorted(wanted.trace_ids)))
    if wanted.session is not None:
        where.add(of_session(tables), session=wanted.session)
    if wanted.attributes:
        met = Conditions(beside=where)
        for condition in wanted.attributes:
            add_condition(met, condition, "SpanAttributes")
        if earliest > 0:
            met.add("Timestamp >= fromUnixTimestamp64Nano({since:Int64})", since=_hour(earliest))
        # A span that has ended is judged by how it ended.
        where.add(f"TraceId IN (SELECT TraceId FROM {tables.traces} FINAL WHERE {met})")
    fits = Conditions(beside=where)
    if after is not None:
        fits.add(
            "(Start, TraceId) < ({start:Int64}, {after:String})",
            start=after.start_ns,
            after=after.trace_id.hex(),
        )
    if wanted.from_ns is not None:
        fits.add("Start >= {begin:Int64}", begin=wanted.from_ns)
    if wanted.to_ns is not None:
        fits.add("Start < {end:Int64}", end=wanted.to_ns)
    if wanted.min_duration_ns is not None:
        fits.add("End - Start >= {duration:Int64}", duration=wanted.min_duration_ns)
    if wanted.error is not None:
        fits.add("AnyFailed = 1" if wanted.error else "AnyFailed = 0")
    if wanted.agents:
        fits.add("AnyAgents = 1")
    if wanted.name is not None:
        fits.add("positionCaseInsensitiveUTF8(Name, {name:String}) > 0", name=wanted.name)
    if wanted.service is not None:
        fits.add("has(AllServices, {service:String})", service=wanted.service)
    return where, fits


def of_session(tables: Tables) -> str:
    """Return the condition that a record's trace is one of the session {session}."""
    named = "SessionId = {session:String} OR ConversationId = {session:String}"
    return (
        f"TraceId IN (SELECT TraceId FROM {tables.traces} WHERE {named} UNION DISTINCT"
        f" SELECT TraceId FROM {tables.logs} WHERE TraceId != '' AND ({named}))"
    )


def _add_term(where: Conditions, tables: Tables, term: Term) -> None:
    """Add that a span or a log of the trace has the term's words, or that it is the trace's id."""
    words = Conditions(beside=where)
    if not words.add_term(term):
        return
    where.add(
        "TraceId = {pasted:String}"
        f" OR TraceId IN (SELECT TraceId FROM {tables.traces} WHERE {words} UNION DISTINCT"
        f" SELECT TraceId FROM {tables.logs} WHERE TraceId != '' AND {words})",
        pasted="" if term.key else term.text.lower(),
    )


_LINE: Final = """
SELECT TraceId,
  min(Start), max(greatest(Start + toInt64(Duration), Start)),
  argMin((SpanName, SpanId, ServiceName, SpanKind, ParentSpanId = ''),
    (ParentSpanId != '', Start, SpanId)),
  count(), countIf(State = 'open'), countIf(State = 'lost'), countIf(StatusCode = 'Error'),
  countIf(GenAiKind != ''), maxIf(Row, GenAiKind != ''),
  sumMap(map(toString(ServiceName), 1)), minMap(map(toString(ServiceName), Row)),
  minMap(if(GenAiAgent = '', map(), map(toString(GenAiAgent), Start)))
FROM (
  SELECT TraceId, SpanId, ParentSpanId, SpanName, SpanKind, ServiceName, Duration, StatusCode,
    State, Row, GenAiKind, GenAiAgent, toUnixTimestamp64Nano(Timestamp) AS Start
  FROM {table} WHERE {where} ORDER BY TraceId, SpanId, Version DESC LIMIT 1 BY TraceId, SpanId)
GROUP BY TraceId"""

_LOG_LINE: Final = """
SELECT TraceId, count(), min(Time), max(Time)
FROM (
  SELECT TraceId, toUnixTimestamp64Nano(Timestamp) AS Time FROM {table} WHERE {where}
  LIMIT 1 BY Time, Id)
GROUP BY TraceId"""


def lines(asker: Asker, ids: Collection[bytes]) -> dict[bytes, TraceSummary]:
    """Return each of these traces in one line; those that the store does not know are left out."""
    if not ids:
        return {}
    where = Conditions()
    where.add("TraceId IN {ids:Array(String)}", ids=hexes(ids))
    of_spans = _LINE.format(table=asker.tables.traces, where=where)
    of_logs = _LOG_LINE.format(table=asker.tables.logs, where=where)
    logs = {row[0]: row[1:] for row in asker.rows(of_logs, where, threads=1)}
    found = [_line(row, logs.pop(row[0], [0, 0, 0])) for row in asker.rows(of_spans, where)]
    found += [_line_of_logs(trace_id, *told) for trace_id, told in logs.items()]
    return {line.trace_id: line for line in found}


def _line(columns: list[Any], of_logs: list[int]) -> TraceSummary:
    trace_id, start, end, naming, spans, opened, lost, errors, agent_spans, version = columns[:10]
    counts, arrivals, agents = columns[10:]
    name, span_id, service, kind, is_root = naming
    root_service = service.decode() if is_root else ""
    # They were numbered as they arrived, and whoever answers last arrives first.
    order = sorted(arrivals, key=lambda one: (one.decode() != root_service, arrivals[one]))
    named = sorted(agents, key=lambda agent: (agents[agent], agent))[:_NAMED_AGENTS]
    return TraceSummary(
        trace_id=bytes.fromhex(trace_id.decode()),
        name=name.decode(),
        start_ns=start,
        end_ns=end,
        root_span_id=bytes.fromhex(span_id.decode()) if is_root else None,
        root_service=root_service,
        root_kind=kind_of(kind) if is_root else 0,
        span_count=spans,
        open_count=opened,
        lost_count=lost,
        error_count=errors,
        log_count=of_logs[0],
        services={one.decode(): counts[one] for one in order},
        agents=tuple(agent.decode() for agent in named),
        agent_span_count=agent_spans,
        agent_version=version,
    )


def _line_of_logs(trace_id: bytes, count: int, first_ns: int, last_ns: int) -> TraceSummary:
    """Return the line of a trace of which only log records came."""
    return TraceSummary(
        trace_id=bytes.fromhex(trace_id.decode()),
        name="",
        start_ns=first_ns,
        end_ns=last_ns,
        root_span_id=None,
        root_service="",
        root_kind=0,
        span_count=0,
        open_count=0,
        lost_count=0,
        error_count=0,
        log_count=count,
        services={},
        agents=(),
        agent_span_count=0,
        agent_version=0,
    )


def summary(asker: Asker, trace_id: bytes) -> TraceSummary | None:
    """Answer `Store.summary`."""
    return lines(asker, [trace_id]).get(trace_id)


def whole(asker: Asker, trace_id: bytes, limit: int) -> StoredTrace | None:
    """Answer `Store.trace`."""
    line = summary(asker, trace_id)
    if line is None:
        return None
    logs: list[list[Any]] = []
    if line.log_count:
        where = Conditions()
        where.add("TraceId = {id:String}", id=trace_id.hex())
        logs = asker.rows(
            f"SELECT {LOG} FROM {asker.tables.logs} WHERE {where}"
            f" ORDER BY Time, Row LIMIT 1 BY Time, Id LIMIT {limit:d}",
            where,
            threads=1,
        )
    return StoredTrace(
        summary=line,
        spans=spans_of(asker, [trace_id], limit),
        logs=[read_log(columns).row for columns in logs],
        truncated=line.span_count > limit or line.log_count > limit,
    )


def spans_of(asker: Asker, ids: Collection[bytes], limit: int) -> list[SpanRow]:
    """Answer `Store.spans`."""
    if not ids:
        return []
    where = Conditions()
    where.add("TraceId IN {ids:Array(String)}", ids=hexes(ids))
    rows = asker.rows(
        f"SELECT * FROM (SELECT {SPAN} FROM {asker.tables.traces} WHERE {where}"
        " ORDER BY TraceId, SpanId, Version DESC LIMIT 1 BY TraceId, SpanId)"
        f" ORDER BY Start, TraceId, SpanId LIMIT {limit:d}",
        where,
        threads=1,
    )
    return [read_span(columns) for columns in rows]
