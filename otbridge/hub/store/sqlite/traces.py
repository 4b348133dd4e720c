"""Questions about traces, in SQL. Each looks at one day's file after the other."""

# ruff: noqa: S608 - the SQL is put together from our own names; values only go in as parameters

from __future__ import annotations

import heapq
from itertools import islice
from typing import TYPE_CHECKING

from otbridge.hub.store.sqlite.conditions import Conditions
from otbridge.hub.store.sqlite.rows import SELECT_LOG, SELECT_SPAN, read_log, read_span
from otbridge.hub.store.sqlite.summary import COLUMNS, read_summary
from otbridge.hub.store.text import match_expression
from otbridge.hub.store.vocabulary import StoredTrace, TraceSummary

if TYPE_CHECKING:
    from otbridge.hub.store.sqlite.reader import Reader
    from otbridge.hub.store.vocabulary import Term, TraceFilter, TracePosition

__all__ = ["home_of", "open_producers", "page", "summary", "trace_conditions", "whole"]


def page(
    reader: Reader, wanted: TraceFilter, limit: int, after: TracePosition | None
) -> list[TraceSummary]:
    """Answer `Store.traces`."""
    where = trace_conditions(wanted, after)
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


def trace_conditions(wanted: TraceFilter, after: TracePosition | None) -> Conditions:
    """Return what has to hold for a row of `otel_trace_summary`."""
    where = Conditions("AgentSpanCount > 0" if wanted.agents else "SpanCount > 0")
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


def home_of(reader: Reader, trace_id: bytes) -> tuple[str, int, TraceSummary] | None:
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
    home = home_of(reader, trace_id)
    return home[2] if home else None


def open_producers(reader: Reader) -> list[str]:
    """Answer `Store.open_producers`."""
    sql = "SELECT DISTINCT Producer FROM otel_traces WHERE Duration IS NULL AND Lost = 0"
    found = {producer for day in reader.days for (producer,) in reader.rows(day, sql)}
    return sorted(found - {""})


def whole(reader: Reader, trace_id: bytes, limit: int) -> StoredTrace | None:
    """Answer `Store.trace`."""
    home = home_of(reader, trace_id)
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
