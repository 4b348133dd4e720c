"""The questions, in SQL. Each looks at one day's file after the other and merges the answers."""

# ruff: noqa: S608 - the SQL is put together from our own names; values only go in as parameters

from __future__ import annotations

import heapq
from itertools import islice
from typing import TYPE_CHECKING, Any

from otbridge.hub.store.sqlite.rows import (
    SELECT_LOG,
    SELECT_SPAN,
    read_log,
    read_span,
    row_of_log,
    time_of_log,
)
from otbridge.hub.store.sqlite.summary import COLUMNS, read_summary
from otbridge.hub.store.text import match_expression
from otbridge.hub.store.vocabulary import (
    LogPosition,
    ServiceTotals,
    StoredLog,
    StoredTrace,
    TraceSummary,
)

if TYPE_CHECKING:
    from collections.abc import Collection

    from otbridge.hub.store.sqlite.reader import Reader
    from otbridge.hub.store.vocabulary import LogFilter, Term, TraceFilter, TracePosition
    from otbridge.wire.rows import SpanRow

__all__ = [
    "counts",
    "logs",
    "related",
    "services",
    "spans",
    "summary",
    "trace",
    "traces",
    "traces_of_run",
]

_WARNING = 13
"""OTLP's WARN, from which on the table of logs has an index of its own."""


class _Conditions:
    """A WHERE clause that is put together piece by piece; values only ever go in as parameters."""

    def __init__(self, *always: str) -> None:
        self._sql = list(always)
        self.parameters: list[Any] = []

    def add(self, sql: str, *parameters: Any) -> None:
        self._sql.append(sql)
        self.parameters += parameters

    def __str__(self) -> str:
        return " AND ".join(f"({condition})" for condition in self._sql) or "1"


# -------------------------------------------------------------------- traces


def traces(
    reader: Reader, wanted: TraceFilter, limit: int, after: TracePosition | None
) -> list[TraceSummary]:
    """Answer `Store.traces`."""
    where = _trace_conditions(wanted, after)
    sql = (
        f"SELECT {COLUMNS} FROM otel_trace_summary WHERE {where}"
        " ORDER BY Start DESC, TraceId DESC LIMIT ?"
    )
    found = [
        [read_summary(columns) for columns in reader.rows(day, sql, *where.parameters, limit)]
        for day in reversed(reader.days)
    ]
    newest_first = heapq.merge(
        *found, key=lambda summary: (summary.start_ns, summary.trace_id), reverse=True
    )
    return list(islice(newest_first, limit))


def _trace_conditions(wanted: TraceFilter, after: TracePosition | None) -> _Conditions:
    where = _Conditions("AgentSpanCount > 0" if wanted.agents else "SpanCount > 0")
    if after is not None:
        where.add("(Start, TraceId) < (?, ?)", after.start_ns, after.trace_id)
    if wanted.from_ns is not None:
        where.add("Start >= ?", wanted.from_ns)
    if wanted.to_ns is not None:
        where.add("Start < ?", wanted.to_ns)
    if wanted.min_duration_ns is not None:
        where.add("End - Start >= ?", wanted.min_duration_ns)
    if wanted.error is not None:
        where.add("ErrorCount > 0" if wanted.error else "ErrorCount = 0")
    if wanted.name is not None:
        where.add("Name LIKE ? ESCAPE '\\'", f"%{_like(wanted.name)}%")
    if wanted.service is not None:
        where.add("EXISTS (SELECT 1 FROM json_each(Services) WHERE key = ?)", wanted.service)
    for term in wanted.terms:
        expression = match_expression(term)
        if expression is not None:
            where.add(
                "TraceId = ? OR TraceKey IN"
                " (SELECT rowid >> 20 FROM otel_traces_text WHERE otel_traces_text MATCH ?"
                " UNION SELECT TraceKey FROM otel_logs WHERE Id IN"
                " (SELECT rowid FROM otel_logs_text WHERE otel_logs_text MATCH ?))",
                _as_trace_id(term),
                expression,
                expression,
            )
    return where


def _as_trace_id(term: Term) -> bytes | None:
    """Return the trace id that the term is, where it is one: people paste them."""
    if term.key is None and len(term.text) == 32:
        try:
            return bytes.fromhex(term.text)
        except ValueError:
            return None
    return None


def _like(text: str) -> str:
    """Return *text* with LIKE's own characters taken literally."""
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def _home(reader: Reader, trace_id: bytes) -> tuple[str, int, TraceSummary] | None:
    """Return the day that the trace is kept in, its key there, and its line."""
    for day in reversed(reader.days):
        columns = reader.first(
            day, f"SELECT {COLUMNS} FROM otel_trace_summary WHERE TraceId = ?", trace_id
        )
        if columns is not None:
            return day, columns[0], read_summary(columns)
    return None


def summary(reader: Reader, trace_id: bytes) -> TraceSummary | None:
    """Answer `Store.summary`."""
    home = _home(reader, trace_id)
    return home[2] if home else None


def trace(reader: Reader, trace_id: bytes, limit: int) -> StoredTrace | None:
    """Answer `Store.trace`."""
    home = _home(reader, trace_id)
    if home is None:
        return None
    day, key, line = home
    # Sorted before the joins, over the few columns that the order needs.
    spans = reader.rows(
        day,
        f"{SELECT_SPAN} WHERE o.Id IN (SELECT Id FROM otel_traces WHERE TraceKey = ?"
        " ORDER BY Timestamp, Id LIMIT ?) ORDER BY o.Timestamp, o.Id",
        key,
        limit,
    )
    logs = reader.rows(
        day,
        f"{SELECT_LOG} WHERE o.Id IN (SELECT Id FROM otel_logs WHERE TraceKey = ?"
        " ORDER BY Timestamp, Id LIMIT ?) ORDER BY o.Timestamp, o.Id",
        key,
        limit,
    )
    return StoredTrace(
        summary=line,
        spans=reader.keep_sound(spans, read_span),
        logs=reader.keep_sound(logs, read_log),
        truncated=line.span_count > limit or line.log_count > limit,
    )


# -------------------------------------------------------------------- logs


def logs(
    reader: Reader, wanted: LogFilter, limit: int, after: LogPosition | None
) -> list[StoredLog]:
    """Answer `Store.logs`."""
    days: tuple[str, ...] = reader.days
    key: int | None = None
    if wanted.trace_id is not None:
        home = _home(reader, wanted.trace_id)
        if home is None:
            return []
        days, key = (home[0],), home[1]
    found = [_day_logs(reader, day, wanted, key, limit, after) for day in reversed(days)]
    newest_first = heapq.merge(*found, key=lambda log: log.position, reverse=True)
    return list(islice(newest_first, limit))


def _day_logs(  # noqa: PLR0917 - one caller
    reader: Reader,
    day: str,
    wanted: LogFilter,
    key: int | None,
    limit: int,
    after: LogPosition | None,
) -> list[StoredLog]:
    sound: list[StoredLog] = []
    while True:
        asked = limit - len(sound)
        where = _log_conditions(wanted, key)
        if after is not None:
            # At one time the later day comes first, and within a day the later row.
            below = after.row if day == after.day else (0 if day > after.day else 2**63 - 1)
            where.add("(o.Timestamp, o.Id) < (?, ?)", after.time_ns, below)
        # Sorted before the joins, over the few columns that the order needs.
        found = reader.rows(
            day,
            f"{SELECT_LOG} WHERE o.Id IN (SELECT o.Id FROM otel_logs o WHERE {where}"
            " ORDER BY o.Timestamp DESC, o.Id DESC LIMIT ?) ORDER BY o.Timestamp DESC, o.Id DESC",
            *where.parameters,
            asked,
        )
        for columns in found:
            after = LogPosition(time_of_log(columns), day, row_of_log(columns))
            row = read_log(columns)
            if row is None:
                reader.corrupt += 1
            else:
                sound.append(StoredLog(after, row))
        if len(found) < asked or len(sound) == limit:
            return sound
        # Some rows did not fit their checksum: a short page would look like the last one.


def _log_conditions(wanted: LogFilter, key: int | None) -> _Conditions:
    where = _Conditions()
    if key is not None:
        where.add("o.TraceKey = ?", key)
    if wanted.span_id is not None:
        where.add("o.SpanId = ?", wanted.span_id)
    if wanted.service is not None:
        where.add("o.ServiceName = ?", wanted.service)
    if wanted.min_severity is not None:
        where.add("o.SeverityNumber >= ?", wanted.min_severity)
        if wanted.min_severity >= _WARNING:
            # Said with a literal, for SQLite to see that the small index has all of them.
            where.add(f"o.SeverityNumber >= {_WARNING}")
    if wanted.from_ns is not None:
        where.add("o.Timestamp >= ?", wanted.from_ns)
    if wanted.to_ns is not None:
        where.add("o.Timestamp < ?", wanted.to_ns)
    for term in wanted.terms:
        expression = match_expression(term)
        if expression is not None:
            where.add(
                "o.Id IN (SELECT rowid FROM otel_logs_text WHERE otel_logs_text MATCH ?)",
                expression,
            )
    return where


# -------------------------------------------------------------------- runs


def spans(reader: Reader, trace_ids: Collection[bytes], limit: int) -> list[SpanRow]:
    """Answer `Store.spans`."""
    found: list[SpanRow] = []
    wanted = list(trace_ids)
    sql = (
        f"{SELECT_SPAN} WHERE o.TraceKey IN (SELECT TraceKey FROM otel_trace_summary"
        f" WHERE TraceId IN ({_marks(wanted)})) ORDER BY o.Timestamp, o.Id LIMIT ?"
    )
    for day in reader.days:
        found += reader.keep_sound(reader.rows(day, sql, *wanted, limit), read_span)
    found.sort(key=lambda row: row.start_ns)
    return found[:limit]


def related(reader: Reader, trace_id: bytes) -> set[bytes]:
    """Answer `Store.related`."""
    home = _home(reader, trace_id)
    if home is None:
        return set()
    day, key, _ = home
    links = reader.rows(day, "SELECT LinkedTraceId FROM otel_links WHERE TraceKey = ?", key)
    found = {linked for (linked,) in links if _home(reader, linked) is not None}
    told = reader.rows(
        day,
        "SELECT DISTINCT GenAiConversation, GenAiRun FROM otel_traces"
        " WHERE TraceKey = ? AND GenAiKind IS NOT NULL",
        key,
    )
    conversations = {talk for talk, _ in told if talk is not None}
    runs = {run for _, run in told if run is not None}
    for other_day in reader.days:
        found |= _traces_with(reader, other_day, "otel_links", "LinkedTraceId", {trace_id})
        found |= _traces_with(reader, other_day, "otel_traces", "GenAiConversation", conversations)
        found |= _traces_with(reader, other_day, "otel_traces", "GenAiRun", runs)
    found.discard(trace_id)
    return found


def traces_of_run(reader: Reader, run: str) -> set[bytes]:
    """Answer `Store.traces_of_run`."""
    found: set[bytes] = set()
    for day in reader.days:
        found |= _traces_with(reader, day, "otel_traces", "GenAiRun", {run})
    return found


def _traces_with(reader: Reader, day: str, table: str, column: str, values: set[Any]) -> set[bytes]:
    """Return the traces with a row in *table* whose *column* has one of the *values*."""
    if not values:
        return set()
    found = reader.rows(
        day,
        f"SELECT TraceId FROM otel_trace_summary WHERE TraceKey IN"
        f" (SELECT TraceKey FROM {table} WHERE {column} IN ({_marks(values)}))",
        *values,
    )
    return {trace_id for (trace_id,) in found}


def _marks(values: Collection[Any]) -> str:
    return ", ".join("?" * len(values))


# -------------------------------------------------------------------- totals


def services(reader: Reader) -> list[ServiceTotals]:
    """Answer `Store.services`."""
    totals: dict[str, ServiceTotals] = {}
    for day in reader.days:
        for name, spans, records, last_seen in reader.rows(
            day,
            "SELECT ServiceName, SpanCount, LogCount, LastSeen FROM otel_services"
            " WHERE SpanCount > 0 OR LogCount > 0",
        ):
            known = totals.get(name, ServiceTotals(name, 0, 0, 0))
            totals[name] = ServiceTotals(
                name,
                known.span_count + spans,
                known.log_count + records,
                max(known.last_seen_ns, last_seen),
            )
    return [totals[name] for name in sorted(totals)]


def counts(reader: Reader) -> tuple[int, int, int]:
    """Return how many spans, logs and data points are stored."""
    spans = records = points = 0
    for day in reader.days:
        found = reader.first(
            day,
            "SELECT coalesce(sum(SpanCount), 0), coalesce(sum(LogCount), 0),"
            " coalesce(sum(DataPoints), 0) FROM otel_services",
        )
        if found is not None:
            spans, records, points = spans + found[0], records + found[1], points + found[2]
    return spans, records, points
