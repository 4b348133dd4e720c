"""Questions about traces, in SQL. Each looks at one day's file after the other."""

# ruff: noqa: S608 - the SQL is put together from our own names; values only go in as parameters

from __future__ import annotations

import json
from itertools import islice
from typing import TYPE_CHECKING, Final, NamedTuple

from otbridge.hub.store.sqlite import attribute_search, legacy
from otbridge.hub.store.sqlite.attribute_search import TRACE_FITS
from otbridge.hub.store.sqlite.conditions import Conditions
from otbridge.hub.store.sqlite.newest import Source, newest_first
from otbridge.hub.store.sqlite.records_of_traces import day_logs, day_spans
from otbridge.hub.store.sqlite.summary import COLUMNS, read_summary
from otbridge.hub.store.sqlite.trace_search import TRACE_STEPS, TraceSearch, as_trace_id
from otbridge.hub.store.sqlite.word_search import LOG_WORDS, TRACE_WORDS, spelled_out
from otbridge.hub.store.text import PAIR_BYTES, match_expression
from otbridge.hub.store.vocabulary import StoredTrace, TracePosition, TraceSummary

if TYPE_CHECKING:
    from collections.abc import Iterator

    from otbridge.hub.store.conditions import AttributeCondition
    from otbridge.hub.store.sqlite.reader import Reader
    from otbridge.hub.store.vocabulary import TraceFilter

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

_LAST_ID: Final = b"\xff" * 17
"""Sorts behind all trace ids."""


def page(
    reader: Reader, wanted: TraceFilter, limit: int, after: TracePosition | None
) -> list[TraceSummary]:
    """Answer `Store.traces`."""
    found = [
        Source(_newest(reader, day), _day_traces(reader, day, wanted, limit, after))
        for day in reversed(reader.days)
    ]
    lines: Iterator[TraceSummary] = newest_first(
        found, lambda summary: (summary.start_ns, summary.trace_id)
    )
    return list(islice(lines, limit))


def _newest(reader: Reader, day: str) -> tuple[int, bytes]:
    (start_ns,) = reader.first(
        day, "SELECT max(Start) FROM otel_trace_summary WHERE SpanCount > 0"
    ) or (None,)
    return (start_ns or 0, _LAST_ID)


def _day_traces(
    reader: Reader, day: str, wanted: TraceFilter, limit: int, after: TracePosition | None
) -> Iterator[TraceSummary]:
    if wanted.attributes:
        attribute_search.define(reader, day, wanted.attributes)
    search = TraceSearch.of(reader, day, wanted)
    if search is not None:
        plain = plain_conditions(wanted)
        fits = attribute_search.trace_fits(reader, day, wanted.attributes)
        known = search.few()
        if known is not None:
            plain.add("TraceKey IN (SELECT value FROM json_each(?))", json.dumps([*known]))
            step = _select(reader, day, plain, len(known), after)
            yield from (line.summary for line in step if fits(line.key))
            return
        for size in TRACE_STEPS:
            step = _select(reader, day, plain, size, after)
            having = search.among([line.key for line in step])
            yield from (line.summary for line in step if line.key in having and fits(line.key))
            if len(step) < size:
                return
            after = TracePosition(step[-1].summary.start_ns, step[-1].summary.trace_id)
    where = trace_conditions(reader, day, wanted)
    yield from (line.summary for line in _select(reader, day, where, limit, after))


class _Line(NamedTuple):
    key: int
    summary: TraceSummary


def _select(
    reader: Reader, day: str, conditions: Conditions, limit: int, after: TracePosition | None
) -> list[_Line]:
    where = conditions.copy()
    if after is not None:
        where.add("(Start, TraceId) < (?, ?)", after.start_ns, after.trace_id)
    sql = (
        f"SELECT {COLUMNS} FROM otel_trace_summary WHERE {where}"
        " ORDER BY Start DESC, TraceId DESC LIMIT ?"
    )
    found = reader.rows(day, sql, *where.parameters, limit)
    return [_Line(columns[0], read_summary(columns)) for columns in found]


def trace_conditions(reader: Reader, day: str, wanted: TraceFilter) -> Conditions:
    """Return what has to hold for a row of `otel_trace_summary`."""
    has_old = reader.has_old(day)
    where = plain_conditions(wanted)
    for term in wanted.terms:
        of_spans = spelled_out(reader, day, TRACE_WORDS, term)
        of_logs = spelled_out(reader, day, LOG_WORDS, term)
        if of_spans is None or of_logs is None:
            continue
        keys, values = _WITH_WORDS, [of_spans.expression, of_logs.expression]
        if has_old:
            keys = f"{keys} UNION {legacy.WITH_WORDS}"
            values += [match_expression(term, legacy.PAIR_BYTES) or ""] * 2
        where.add(f"TraceId = ? OR TraceKey IN ({keys})", as_trace_id(term), *values)
    for condition in wanted.attributes:
        _add_narrowed(where, condition, has_old=has_old)
    if wanted.attributes:
        where.add(f"{TRACE_FITS}(TraceKey)")  # the last, because it costs most
    return where


def plain_conditions(wanted: TraceFilter) -> Conditions:
    """Return the conditions that have to do with neither words nor attributes."""
    where = Conditions("AgentSpanCount > 0" if wanted.agents else "SpanCount > 0")
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
