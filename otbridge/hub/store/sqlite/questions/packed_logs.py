"""Questions about the log records of one day's file: which fit, newest first."""

# ruff: noqa: S608 - the SQL is put together from our own names; values only go in as parameters

from __future__ import annotations

import json
from collections import Counter
from itertools import islice
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from otbridge.hub.store.sqlite.questions import attribute_search
from otbridge.hub.store.sqlite.questions.conditions import Conditions
from otbridge.hub.store.sqlite.questions.log_words import LogWords
from otbridge.hub.store.sqlite.questions.records import Records
from otbridge.hub.store.sqlite.questions.traces import like
from otbridge.hub.store.sqlite.questions.word_search import (
    LOG_WORDS,
    STEPS,
    among,
    few,
    spelled_out,
)
from otbridge.hub.store.sqlite.writing.log_stretches import ANY_SERVICE, IN_STRETCHES, windows
from otbridge.hub.store.sqlite.writing.log_writer import NO_TRACE, PART, span_mark
from otbridge.hub.store.text import PAIR_BYTES, match_expression
from otbridge.hub.store.vocabulary import SESSION_KEYS, Term

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from otbridge.hub.store.sqlite.questions.reader import Reader
    from otbridge.hub.store.vocabulary import LogFilter
    from otbridge.wire.rows import LogRow

    Found = tuple[int, int, Any]
    """Time, number and a value of a record."""
    Fits = Callable[[int], bool]
    Parts = dict[int, int]
    """Numbers of first records, and how many there are."""

__all__ = ["LOOKED_AT", "PackedLogs"]

LOOKED_AT: Final = object()
"""Marks the record at which looking ended."""

_VALUES: Final = {
    "": "NULL",
    "service": "(SELECT ServiceName FROM otel_service_names WHERE Id = o.ServiceId)",
    "severity": "(o.SeverityNumber + 3) / 4",
    "name": "coalesce(o.EventName, '')",
}

_MORE: Final = 16
"""After a page that was not enough, the next is so many times as long."""

_LONGEST_PAGE: Final = 65_536

_LAST_NUMBER: Final = 2**63 - 1

_IN_PARTS: Final = (
    "json_each(?) d CROSS JOIN otel_log_rows o"
    " ON o.Id BETWEEN json_extract(d.value, '$[0]')"
    " AND json_extract(d.value, '$[0]') + json_extract(d.value, '$[1]') - 1"
)

_PARTS_OF_SESSION: Final = (
    "SELECT First, LogCount FROM otel_log_parts WHERE TraceKey IN (SELECT t.TraceKey"
    " FROM otel_sessions s JOIN otel_session_traces t ON t.SessionNumber = s.Id"
    " WHERE s.SessionId = ?)"
)


class _Asked(NamedTuple):
    """One question."""

    wanted: LogFilter
    service: int
    where: Conditions
    """What has to hold for a row."""
    value: str
    size: int
    """Rows that are read at first."""


def _never() -> bool:
    return False


class PackedLogs:
    """The log records that one day's file has in packs, for one question."""

    def __init__(self, reader: Reader, day: str) -> None:
        self._reader = reader
        self._day = day
        self._records = Records(reader, day)
        self.log = self._records.log
        self.data = self._records.log_data

    def latest(self) -> int:
        """Return the time of the newest record; 0 where there is none."""
        sql = "SELECT max(MaxTimestamp) FROM otel_log_stretches WHERE ServiceId = ?"
        found = self._reader.first(self._day, sql, ANY_SERVICE)
        return (found[0] if found else 0) or 0

    def newest(
        self,
        wanted: LogFilter,
        key: int | None,
        limit: int,
        *,
        after: tuple[int, int] | None = None,
        value: str = "",
        is_late: Callable[[], bool] = _never,
    ) -> Iterator[Found]:
        """Yield the records that fit, newest first.

        Args:
            wanted: What has to hold for them.
            key: That of the wanted trace.
            limit: As many are likely to be taken.
            after: Time and number of the record that the page before ended with.
            value: What is told of each beside its time and its number: `service`, `severity` (in
                steps of four), `name`, or nothing.
            is_late: Tells that looking has to end; the last that is yielded has `LOOKED_AT` for a
                value then, and need not fit.
        """
        service = ANY_SERVICE if wanted.service is None else self._service(wanted.service)
        if service is None:
            return
        # Where records are looked at, more of them are wanted than fit in the end.
        size = limit if _told_by_rows(wanted) else _LONGEST_PAGE
        asked = _Asked(wanted, service, _conditions(wanted, service), _VALUES[value], size)
        fits = self._fits(wanted)
        for one in self._candidates(asked, key, after, is_late):
            if one[2] is LOOKED_AT:
                yield one
                return
            if fits(one[1]):
                yield one
            if is_late():
                yield (*one[:2], LOOKED_AT)
                return

    def _candidates(
        self,
        asked: _Asked,
        key: int | None,
        after: tuple[int, int] | None,
        is_late: Callable[[], bool],
    ) -> Iterator[Found]:
        """Yield the records that fit as far as rows and indexes know, newest first."""
        expression = self._expression(asked.wanted)
        parts = self._parts_of(asked.wanted, key, expression)
        if parts is not None:
            yield from self._in_parts(parts, asked, after)
            return
        newest = self._in_windows(asked, after)
        if expression:
            for most in STEPS:
                step = list(islice(newest, most))
                yield from self._among(expression, step)
                if len(step) < most:
                    return
                after = step[-1][:2]
                if is_late():
                    yield (*after, LOOKED_AT)
                    return
            newest = self._in_parts(self._having(expression), asked, after)
        yield from newest

    def count(self, wanted: LogFilter, key: int | None, value: str, most: int) -> Counter[Any]:
        """Return how often each *value* occurs among the newest records that fit, *most* of them."""
        if key is not None or not _told_by_rows(wanted):
            found = self.newest(wanted, key, most, value=value)
            return Counter(one[2] for one in islice(found, most))
        service = ANY_SERVICE if wanted.service is None else self._service(wanted.service)
        counts: Counter[Any] = Counter()
        if service is None:
            return counts
        where = _conditions(wanted, service)
        for window in windows(self._reader, self._day, wanted, service):
            window.add(str(where), *where.parameters)
            left = most - counts.total()
            some = f"SELECT {_VALUES[value]} AS Value FROM {IN_STRETCHES} WHERE {window}"
            ordered = f"{some} ORDER BY o.Timestamp DESC, o.Id DESC LIMIT ?"
            for select, limit in ((some, ()), (ordered, (left,))):
                sql = f"SELECT Value, count(*) FROM ({select}) GROUP BY Value"
                rows = self._reader.rows(self._day, sql, *window.parameters, *limit)
                inside = Counter(dict(rows))
                if inside.total() <= left:
                    break
            counts += inside
            if counts.total() >= most:
                break
        return counts

    def _service(self, name: str) -> int | None:
        sql = "SELECT Id FROM otel_service_names WHERE ServiceName = ?"
        found = self._reader.first(self._day, sql, name)
        return found[0] if found else None

    # ---------------------------------------------------------------- what an index knows

    def _expression(self, wanted: LogFilter) -> str:
        """Return what is asked of the full text; empty where it is nothing that it knows quickly."""
        words = [spelled_out(self._reader, self._day, LOG_WORDS, term) for term in wanted.terms]
        every = [word.whole for word in words if word]
        every += [attribute_search.words(one, PAIR_BYTES) or "" for one in wanted.attributes]
        return " AND ".join(f"({one})" for one in every if one)

    def _parts_of(self, wanted: LogFilter, key: int | None, expression: str) -> Parts | None:
        """Return the parts that have all that is wanted, or None where it is not quick to know."""
        parts: Parts | None = None
        if key is not None:
            sql = "SELECT First, LogCount FROM otel_log_parts WHERE TraceKey = ?"
            parts = dict(self._reader.rows(self._day, sql, key))
        elif wanted.session is not None:
            parts = dict(self._reader.rows(self._day, _PARTS_OF_SESSION, wanted.session))
            names = " OR ".join(match_expression(pair) or "" for pair in _pairs(wanted.session))
            parts |= self._having(names)
        if not expression:
            return parts
        if parts:
            having = among(self._reader, self._day, LOG_WORDS, expression, parts)
            return {first: parts[first] for first in having}
        if parts is None and few(self._reader, self._day, LOG_WORDS, expression) is not None:
            return self._having(expression)
        return parts

    def _having(self, expression: str, first: int = 0, last: int = _LAST_NUMBER) -> Parts:
        """Return the parts that have these words and begin between these numbers."""
        found = self._reader.rows(
            self._day,
            "SELECT r.Id, coalesce(p.LogCount, 1) FROM otel_log_rows r LEFT JOIN otel_log_parts p"
            f" ON p.TraceKey = coalesce(r.TraceKey, {NO_TRACE}) AND p.First = r.Id WHERE r.Id IN"
            f" (SELECT rowid FROM {LOG_WORDS} WHERE {LOG_WORDS} MATCH ?"
            " AND rowid BETWEEN ? AND ?)",
            expression,
            first,
            last,
        )
        return dict(found)

    def _among(self, expression: str, found: list[Found]) -> list[Found]:
        """Return those of the records that are in parts with the words."""
        if not found:
            return []
        numbers = [one[1] for one in found]
        parts = self._having(expression, min(numbers) - PART, max(numbers))
        having = _numbers(parts)
        return [one for one in found if one[1] in having]

    # ---------------------------------------------------------------- records in order

    def _in_windows(self, asked: _Asked, after: tuple[int, int] | None) -> Iterator[Found]:
        """Yield all records that the rows say fit, newest first."""
        before_ns = after[0] if after else None
        for window in windows(self._reader, self._day, asked.wanted, asked.service, before_ns):
            window.add(str(asked.where), *asked.where.parameters)
            yield from self._pages(IN_STRETCHES, window, asked, after)

    def _in_parts(
        self, parts: Parts, asked: _Asked, after: tuple[int, int] | None
    ) -> Iterator[Found]:
        """Yield those of the records of these *parts* that the rows say fit, newest first."""
        given = json.dumps([*parts.items()])
        return self._pages(_IN_PARTS, asked.where, asked, after, given)

    def _pages(
        self,
        table: str,
        conditions: Conditions,
        asked: _Asked,
        after: tuple[int, int] | None,
        *given: str,
    ) -> Iterator[Found]:
        size = asked.size
        while True:
            where = conditions.copy()
            if after is not None:
                where.add("(o.Timestamp, o.Id) < (?, ?)", *after)
            found = self._reader.rows(
                self._day,
                f"SELECT o.Timestamp, o.Id, {asked.value} FROM {table} WHERE {where}"
                " ORDER BY o.Timestamp DESC, o.Id DESC LIMIT ?",
                *given,
                *where.parameters,
                size,
            )
            yield from found
            if len(found) < size:
                return
            after = found[-1][:2]
            size = max(size, min(size * _MORE, _LONGEST_PAGE))

    # ---------------------------------------------------------------- what only the record knows

    def _fits(self, wanted: LogFilter) -> Fits:
        """Return who tells whether a record meets what the rows do not know, or not exactly."""
        words = LogWords(wanted.terms)
        tests: list[Callable[[LogRow], bool]] = [words.all_in] if wanted.terms else []
        if wanted.span_id is not None:
            tests.append(lambda row: row.span_id == wanted.span_id)
        in_session = self._in_session(wanted.session) if wanted.session is not None else None
        has_attributes = attribute_search.log_fits(self._reader, self._day, wanted.attributes)

        def fits(number: int) -> bool:
            if not (tests or in_session):
                return has_attributes(number)
            data = self.data(number)
            if data is not None and not words.may_be_in(data):
                return False
            row = self.log(number)
            return (
                row is not None
                and all(test(row) for test in tests)
                and (in_session is None or in_session(number, row))
                and has_attributes(number)
            )

        return fits

    def _in_session(self, session: str) -> Callable[[int, LogRow], bool]:
        """Return who tells whether a record is of a trace of the session, or names it itself."""
        of_traces = _numbers(dict(self._reader.rows(self._day, _PARTS_OF_SESSION, session)))
        words = LogWords((), _pairs(session))
        return lambda number, row: number in of_traces or words.one_in(row)


def _told_by_rows(wanted: LogFilter) -> bool:
    """Whether the rows alone tell which records fit."""
    return not (wanted.terms or wanted.attributes or wanted.session or wanted.span_id)


def _conditions(wanted: LogFilter, service: int) -> Conditions:
    """Return what has to hold for a row `o`, apart from words, attributes and sessions."""
    where = Conditions()
    if service != ANY_SERVICE:
        where.add("o.ServiceId = ?", service)
    if wanted.span_id is not None:
        where.add("o.SpanMark = ?", span_mark(wanted.span_id))
    if wanted.name is not None:
        where.add("o.EventName LIKE ? ESCAPE '\\'", f"%{like(wanted.name)}%")
    if wanted.min_severity is not None:
        where.add("o.SeverityNumber >= ?", wanted.min_severity)
    if wanted.from_ns is not None:
        where.add("o.Timestamp >= ?", wanted.from_ns)
    if wanted.to_ns is not None:
        where.add("o.Timestamp < ?", wanted.to_ns)
    return where


def _pairs(session: str) -> list[Term]:
    """Return what a record has that names the session."""
    return [Term(session, key) for key in SESSION_KEYS]


def _numbers(parts: Parts) -> set[int]:
    return {number for first, count in parts.items() for number in range(first, first + count)}
