"""Questions about traces, in SQL. Each looks at one day's file after the other."""

# ruff: noqa: S608 - the SQL is put together from our own names; values only go in as parameters

from __future__ import annotations

import json
from itertools import chain, repeat
from typing import TYPE_CHECKING, Final, NamedTuple

from otbridge.hub.store.budget import page_time
from otbridge.hub.store.sqlite.files import legacy
from otbridge.hub.store.sqlite.questions import attribute_search
from otbridge.hub.store.sqlite.questions.attribute_search import TRACE_FITS
from otbridge.hub.store.sqlite.questions.conditions import Conditions
from otbridge.hub.store.sqlite.questions.newest import Source, newest_first
from otbridge.hub.store.sqlite.questions.records_of_traces import day_logs, day_spans
from otbridge.hub.store.sqlite.questions.trace_search import (
    LATER_STEP,
    TRACE_STEPS,
    Line,
    TraceSearch,
    as_trace_id,
)
from otbridge.hub.store.sqlite.questions.word_search import LOG_WORDS, TRACE_WORDS, spelled_out
from otbridge.hub.store.sqlite.writing.summary import COLUMNS, read_summary
from otbridge.hub.store.text import PAIR_BYTES, match_expression
from otbridge.hub.store.vocabulary import ShortPage, StoredTrace, TracePosition, TraceSummary

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from otbridge.hub.store.conditions import AttributeCondition
    from otbridge.hub.store.sqlite.questions.reader import Reader
    from otbridge.hub.store.vocabulary import TraceFilter

__all__ = [
    "home_of",
    "like",
    "newest_lines",
    "open_producers",
    "page",
    "summary",
    "trace_conditions",
    "whole",
]


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
    is_late = page_time()
    found = [
        Source(_newest(reader, day), newest_lines(reader, day, wanted, limit, after, is_late))
        for day in reversed(reader.days)
    ]
    lines: list[TraceSummary] = []
    for line in newest_first(found, _place):
        if isinstance(line, TracePosition):
            return ShortPage(lines, line)
        lines.append(line.summary)
        if len(lines) == limit:
            break
    return lines


def _place(line: Line | TracePosition) -> TracePosition:
    if isinstance(line, TracePosition):
        return line
    return TracePosition(line.summary.start_ns, line.summary.trace_id)


def _newest(reader: Reader, day: str) -> tuple[int, bytes]:
    (start_ns,) = reader.first(
        day, "SELECT max(Start) FROM otel_trace_summary WHERE SpanCount > 0"
    ) or (None,)
    return (start_ns or 0, _LAST_ID)


def newest_lines(  # noqa: PLR0917 - as `Store.traces` has them
    reader: Reader,
    day: str,
    wanted: TraceFilter,
    limit: int,
    after: TracePosition | None,
    is_late: Callable[[], bool],
) -> Iterator[Line | TracePosition]:
    """Yield the traces of one day that fit, newest first.

    Where the time is up, the last is how far they are known.
    """
    search = TraceSearch.of(reader, day, wanted)
    has_attributes = attribute_search.trace_fits(reader, day, wanted.attributes)
    for step in _steps(reader, day, wanted, limit, after, search):
        for line in step.lines:
            if (search is None or search.begins(line.key)) and has_attributes(line.key):
                yield line
            if is_late():
                yield _place(line)
                return
        if is_late():
            yield step.end
            return


class _Step(NamedTuple):
    """Some traces that may fit, newest first, of all those before `end`."""

    lines: list[Line]
    end: TracePosition


def _steps(  # noqa: PLR0917 - one caller
    reader: Reader,
    day: str,
    wanted: TraceFilter,
    limit: int,
    after: TracePosition | None,
    search: TraceSearch | None,
) -> Iterator[_Step]:
    """Yield all traces that may fit, newest first, some at a time."""
    if search is not None:
        where = plain_conditions(wanted)
        sizes: Iterable[int] = TRACE_STEPS
        if (known := search.few()) is not None:
            where.add("TraceKey IN (SELECT value FROM json_each(?))", json.dumps([*known]))
            sizes = (len(known) + 1,)
        elif search.looks_through:
            sizes = chain(TRACE_STEPS, repeat(LATER_STEP))
        for size in sizes:
            found = _select(reader, day, where, size, after)
            if found:
                after = _place(found[-1])
                yield _Step(search.among(found), after)
            if len(found) < size:
                return
    # What is not among so many is rare, and the full text tells quickly where it is.
    where = word_conditions(reader, day, wanted)
    for size in chain((limit,), repeat(LATER_STEP)):
        found = _select(reader, day, where, size, after)
        if found:
            after = _place(found[-1])
            yield _Step(found, after)
        if len(found) < size:
            return


def _select(
    reader: Reader, day: str, conditions: Conditions, limit: int, after: TracePosition | None
) -> list[Line]:
    where = conditions.copy()
    if after is not None:
        where.add("(Start, TraceId) < (?, ?)", after.start_ns, after.trace_id)
    sql = (
        f"SELECT {COLUMNS} FROM otel_trace_summary WHERE {where}"
        " ORDER BY Start DESC, TraceId DESC LIMIT ?"
    )
    found = reader.rows(day, sql, *where.parameters, limit)
    return [Line(columns[0], read_summary(columns)) for columns in found]


def trace_conditions(reader: Reader, day: str, wanted: TraceFilter) -> Conditions:
    """Return what has to hold for a row of `otel_trace_summary`."""
    where = word_conditions(reader, day, wanted)
    if wanted.attributes:
        where.add(f"{TRACE_FITS}(TraceKey)")  # the last, because it costs most
    return where


def word_conditions(reader: Reader, day: str, wanted: TraceFilter) -> Conditions:
    """Return the same as far as indexes know it: of attributes only some words."""
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
