"""Questions about traces, in SQL. Each looks at one day's file after the other."""

# ruff: noqa: S608 - the SQL is put together from our own names; values only go in as parameters

from __future__ import annotations

import heapq
from itertools import islice
from typing import TYPE_CHECKING, Final

from otbridge.hub.store.sqlite import attribute_search, legacy
from otbridge.hub.store.sqlite.attribute_search import TRACE_FITS
from otbridge.hub.store.sqlite.conditions import Conditions
from otbridge.hub.store.sqlite.records_of_traces import day_logs, day_spans
from otbridge.hub.store.sqlite.summary import COLUMNS, read_summary
from otbridge.hub.store.text import PAIR_BYTES, match_expression
from otbridge.hub.store.vocabulary import StoredTrace, TraceSummary

if TYPE_CHECKING:
    from otbridge.hub.store.conditions import AttributeCondition
    from otbridge.hub.store.sqlite.reader import Reader
    from otbridge.hub.store.vocabulary import Term, TraceFilter, TracePosition

__all__ = ["home_of", "like", "open_producers", "page", "summary", "trace_conditions", "whole"]


_SPANS_WITH_WORDS: Final = (
    "SELECT TraceKey FROM otel_trace_texts WHERE Id IN"
    " (SELECT rowid FROM otel_trace_words WHERE otel_trace_words MATCH ?)"
)
_WITH_WORDS: Final = (
    f"{_SPANS_WITH_WORDS} UNION SELECT TraceKey FROM otel_log_rows WHERE Id IN"
    " (SELECT rowid FROM otel_log_words WHERE otel_log_words MATCH ?)"
)
"""The keys of the traces with a span or a log record that has the words."""


def page(
    reader: Reader, wanted: TraceFilter, limit: int, after: TracePosition | None
) -> list[TraceSummary]:
    """Answer `Store.traces`."""
    found = [_day_traces(reader, day, wanted, limit, after) for day in reversed(reader.days)]
    newest_first = heapq.merge(
        *found, key=lambda summary: (summary.start_ns, summary.trace_id), reverse=True
    )
    return list(islice(newest_first, limit))


def _day_traces(
    reader: Reader, day: str, wanted: TraceFilter, limit: int, after: TracePosition | None
) -> list[TraceSummary]:
    if wanted.attributes:
        attribute_search.define(reader, day, wanted.attributes)
    where = trace_conditions(wanted, after, has_old=reader.has_old(day))
    sql = (
        f"SELECT {COLUMNS} FROM otel_trace_summary WHERE {where}"
        " ORDER BY Start DESC, TraceId DESC LIMIT ?"
    )
    return [read_summary(columns) for columns in reader.rows(day, sql, *where.parameters, limit)]


def trace_conditions(
    wanted: TraceFilter, after: TracePosition | None, *, has_old: bool
) -> Conditions:
    """Return what has to hold for a row of `otel_trace_summary`.

    Args:
        wanted: What is asked for.
        after: Where the page before ended.
        has_old: Whether the file has log records of version 1.
    """
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
        where.add("Name LIKE ? ESCAPE '\\'", f"%{like(wanted.name)}%")
    if wanted.service is not None:
        where.add("EXISTS (SELECT 1 FROM json_each(Services) WHERE key = ?)", wanted.service)
    for term in wanted.terms:
        expression = match_expression(term)
        if expression is None:
            continue
        keys, values = _WITH_WORDS, [expression] * 2
        if has_old:
            keys = f"{keys} UNION {legacy.WITH_WORDS}"
            values += [match_expression(term, legacy.PAIR_BYTES) or ""] * 2
        where.add(f"TraceId = ? OR TraceKey IN ({keys})", _as_trace_id(term), *values)
    if wanted.trace_ids is not None:
        where.add(
            f"TraceId IN ({', '.join('?' * len(wanted.trace_ids))})", *sorted(wanted.trace_ids)
        )
    if wanted.session is not None:
        where.add(
            "TraceKey IN (SELECT TraceKey FROM otel_session_traces WHERE SessionNumber IN"
            " (SELECT Id FROM otel_sessions WHERE SessionId = ?))",
            wanted.session,
        )
    for condition in wanted.attributes:
        _add_narrowed(where, condition, has_old=has_old)
    if wanted.attributes:
        where.add(f"{TRACE_FITS}(TraceKey)")  # the last, because it costs most
    return where


def _add_narrowed(where: Conditions, condition: AttributeCondition, *, has_old: bool) -> None:
    """Add what an index knows of the *condition*; open spans are in none."""
    expression = attribute_search.words(condition, PAIR_BYTES)
    if not expression:
        return
    keys, values = _SPANS_WITH_WORDS, [expression]
    if has_old:
        keys = f"{keys} UNION {legacy.SPANS_WITH_WORDS}"
        values.append(attribute_search.words(condition, legacy.PAIR_BYTES) or "")
    where.add(f"TraceKey IN ({keys}) OR OpenCount > 0 OR LostCount > 0", *values)


def _as_trace_id(term: Term) -> bytes | None:
    """Return the trace id that the term is, where it is one: people paste them."""
    if term.key is None and len(term.text) == 32:
        try:
            return bytes.fromhex(term.text)
        except ValueError:
            return None
    return None


def like(text: str) -> str:
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
    sql = "SELECT DISTINCT Producer FROM otel_open_spans WHERE Lost = 0"
    found = {producer for day in reader.days for (producer,) in reader.rows(day, sql)}
    return sorted(found - {""})


def whole(reader: Reader, trace_id: bytes, limit: int) -> StoredTrace | None:
    """Answer `Store.trace`."""
    home = home_of(reader, trace_id)
    if home is None:
        return None
    day, key, line = home
    return StoredTrace(
        summary=line,
        spans=day_spans(reader, day, [key], limit),
        logs=day_logs(reader, day, key, limit),
        truncated=line.span_count > limit or line.log_count > limit,
    )
