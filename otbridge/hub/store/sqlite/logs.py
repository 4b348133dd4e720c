"""Questions about log records, in SQL."""

# ruff: noqa: S608 - the SQL is put together from our own names; values only go in as parameters

from __future__ import annotations

import json
from itertools import islice
from typing import TYPE_CHECKING, Final, NamedTuple

from otbridge.hub.store.sqlite import attribute_search, legacy
from otbridge.hub.store.sqlite.attribute_search import LOG_FITS, OLD_LOG_FITS
from otbridge.hub.store.sqlite.conditions import Conditions
from otbridge.hub.store.sqlite.newest import Source, newest_first
from otbridge.hub.store.sqlite.records import Records
from otbridge.hub.store.sqlite.traces import home_of, like
from otbridge.hub.store.sqlite.word_search import (
    FEW,
    LOG_WORDS,
    STEPS,
    Spelled,
    among,
    begins_a_word,
    few,
    spelled_out,
    texts_of_log,
)
from otbridge.hub.store.text import PAIR_BYTES, match_expression
from otbridge.hub.store.vocabulary import SESSION_KEYS, LogPosition, StoredLog, Term

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from otbridge.hub.store.sqlite.reader import Reader
    from otbridge.hub.store.vocabulary import LogFilter
    from otbridge.wire.rows import LogRow

__all__ = ["Table", "log_conditions", "page", "tables_of"]

_WARNING = 13
"""OTLP's WARN, from which on the table of logs has an index of its own."""

_LAST_ROW: Final = 2**63 - 1


class Table(NamedTuple):
    """A table with a row for each log record."""

    name: str
    of_service: str
    """The condition that a record is of a service."""
    service: str
    """The service's name, as a value."""
    words: str
    """The table of the full text."""
    pair_bytes: int
    """As `pair_word` had it when the words were indexed."""
    fits: str
    """The condition that a record meets those on attributes."""


_ROWS: Final = Table(
    "otel_log_rows",
    "o.ServiceId = (SELECT Id FROM otel_service_names WHERE ServiceName = ?)",
    "(SELECT ServiceName FROM otel_service_names WHERE Id = o.ServiceId)",
    "otel_log_words",
    PAIR_BYTES,
    f"{LOG_FITS}(o.Id)",
)
_OLD_ROWS: Final = Table(
    "otel_logs",
    "o.ServiceName = ?",
    "o.ServiceName",
    "otel_logs_text",
    legacy.PAIR_BYTES,
    f"{OLD_LOG_FITS}(o.Raw)",
)


def page(
    reader: Reader, wanted: LogFilter, limit: int, after: LogPosition | None
) -> list[StoredLog]:
    """Answer `Store.logs`."""
    days: tuple[str, ...] = reader.days
    key: int | None = None
    if wanted.trace_id is not None:
        home = home_of(reader, wanted.trace_id)
        if home is None:
            return []
        days, key = (home[0],), home[1]
    found = [
        Source(
            _newest(reader, day, table), _day_logs(reader, day, table, wanted, key, limit, after)
        )
        for day in reversed(days)
        for table in tables_of(reader, day)
    ]
    return list(islice(newest_first(found, lambda log: log.position), limit))


def _newest(reader: Reader, day: str, table: Table) -> LogPosition:
    (time_ns,) = reader.first(day, f"SELECT max(Timestamp) FROM {table.name}") or (None,)
    return LogPosition(time_ns or 0, day, _LAST_ROW)


def tables_of(reader: Reader, day: str) -> tuple[Table, ...]:
    """Return the tables of a day's file that have log records."""
    return (_ROWS, _OLD_ROWS) if reader.has_old(day) else (_ROWS,)


def _day_logs(  # noqa: PLR0917 - one caller
    reader: Reader,
    day: str,
    table: Table,
    wanted: LogFilter,
    key: int | None,
    limit: int,
    after: LogPosition | None,
) -> Iterator[StoredLog]:
    """Yield the records of one table, newest first; only those that are taken are decoded."""
    records = Records(reader, day)
    if wanted.attributes:
        attribute_search.define(reader, day, wanted.attributes)
    for position in _positions(reader, day, table, wanted, key, limit, after):
        if table is _OLD_ROWS:
            row = _old_log(reader, day, position.row)
        else:
            row = records.log(position.row)
        if row is not None:  # one that does not fit its checksum is left out
            yield StoredLog(position, row)


def _positions(  # noqa: PLR0917 - one caller
    reader: Reader,
    day: str,
    table: Table,
    wanted: LogFilter,
    key: int | None,
    limit: int,
    after: LogPosition | None,
) -> Iterator[LogPosition]:
    """Yield where the records are that fit, newest first."""
    words = asked_words(reader, day, table, wanted)
    if words and key is None and table is _ROWS:
        plain = plain_conditions(wanted, key, table)
        whole = _together(word.whole for word in words)
        fits = _fitting(reader, day, wanted, [word.begun for word in words if word.begun])
        known = few(reader, day, LOG_WORDS, whole) if whole else None
        if known is not None:
            plain.add("o.Id IN (SELECT value FROM json_each(?))", json.dumps(known))
            step = _select(reader, day, table, plain, FEW, after)
            yield from (one for one in step if fits(one.row))
            return
        for size in STEPS:
            step = _select(reader, day, table, plain, size, after)
            if whole and step:
                having = among(reader, day, LOG_WORDS, whole, [one.row for one in step])
            else:
                having = {one.row for one in step}
            yield from (one for one in step if one.row in having and fits(one.row))
            if len(step) < size:
                return
            after = step[-1]
    where = log_conditions(reader, day, wanted, key, table)
    while True:
        found = _select(reader, day, table, where, limit, after)
        yield from found
        if len(found) < limit:
            return
        after = found[-1]


def _fitting(
    reader: Reader, day: str, wanted: LogFilter, beginnings: list[str]
) -> Callable[[int], bool]:
    """Return who tells whether a record meets what the full text does not know, or not quickly."""
    has_attributes = attribute_search.log_fits(reader, day, wanted.attributes)
    if not beginnings:
        return has_attributes
    records = Records(reader, day)

    def fits(number: int) -> bool:
        row = records.log(number)
        if row is None or not has_attributes(number):
            return False
        texts = texts_of_log(row)
        return all(begins_a_word(begun, texts) for begun in beginnings)

    return fits


def _select(  # noqa: PLR0917 - one caller
    reader: Reader,
    day: str,
    table: Table,
    conditions: Conditions,
    limit: int,
    after: LogPosition | None,
) -> list[LogPosition]:
    where = conditions.copy()
    if after is not None:
        # At one time the later day comes first, and within a day the later row.
        below = after.row if day == after.day else (0 if day > after.day else _LAST_ROW)
        where.add("(o.Timestamp, o.Id) < (?, ?)", after.time_ns, below)
    found = reader.rows(
        day,
        f"SELECT o.Timestamp, o.Id FROM {table.name} o WHERE {where}"
        " ORDER BY o.Timestamp DESC, o.Id DESC LIMIT ?",
        *where.parameters,
        limit,
    )
    return [LogPosition(time_ns, day, number) for time_ns, number in found]


def _old_log(reader: Reader, day: str, number: int) -> LogRow | None:
    found = reader.rows(day, f"{legacy.SELECT_LOG} WHERE o.Id = ?", number)
    rows = reader.keep_sound(found, legacy.read_log)
    return rows[0] if rows else None


def log_conditions(
    reader: Reader, day: str, wanted: LogFilter, key: int | None, table: Table
) -> Conditions:
    """Return what has to hold for a row of the *table* `o`; *key* is the wanted trace's."""
    where = plain_conditions(wanted, key, table)
    expression = _together(word.expression for word in asked_words(reader, day, table, wanted))
    if expression:
        words = table.words
        where.add(f"o.Id IN (SELECT rowid FROM {words} WHERE {words} MATCH ?)", expression)
    if wanted.attributes:
        where.add(table.fits)  # the last, because it costs most
    return where


def asked_words(reader: Reader, day: str, table: Table, wanted: LogFilter) -> list[Spelled]:
    """Return what is asked of the full text."""
    if table is _OLD_ROWS:
        terms = [match_expression(term, table.pair_bytes) for term in wanted.terms]
        words = [Spelled(term, term, "") for term in terms if term]
    else:
        found = [spelled_out(reader, day, table.words, term) for term in wanted.terms]
        words = [word for word in found if word]
    for condition in wanted.attributes:
        narrowed = attribute_search.words(condition, table.pair_bytes)
        if narrowed:
            words.append(Spelled(narrowed, narrowed, ""))
    return words


def _together(expressions: Iterable[str]) -> str:
    return " AND ".join(f"({expression})" for expression in expressions if expression)


def plain_conditions(wanted: LogFilter, key: int | None, table: Table) -> Conditions:
    """Return the conditions that have to do with neither words nor attributes."""
    where = Conditions()
    if key is not None:
        where.add("o.TraceKey = ?", key)
    if wanted.span_id is not None:
        where.add("o.SpanId = ?", wanted.span_id)
    if wanted.service is not None:
        where.add(table.of_service, wanted.service)
    if wanted.name is not None:
        where.add("o.EventName LIKE ? ESCAPE '\\'", f"%{like(wanted.name)}%")
    if wanted.min_severity is not None:
        where.add("o.SeverityNumber >= ?", wanted.min_severity)
        if wanted.min_severity >= _WARNING:
            # Said with a literal, for SQLite to see that the small index has all of them.
            where.add(f"o.SeverityNumber >= {_WARNING}")
    if wanted.from_ns is not None:
        where.add("o.Timestamp >= ?", wanted.from_ns)
    if wanted.to_ns is not None:
        where.add("o.Timestamp < ?", wanted.to_ns)
    if wanted.session is not None:
        words = table.words
        pairs = [Term(wanted.session, key) for key in SESSION_KEYS]
        names = " OR ".join(match_expression(pair, table.pair_bytes) or "" for pair in pairs)
        where.add(
            "o.TraceKey IN (SELECT TraceKey FROM otel_session_traces WHERE SessionNumber IN"
            " (SELECT Id FROM otel_sessions WHERE SessionId = ?))"
            f" OR o.Id IN (SELECT rowid FROM {words} WHERE {words} MATCH ?)",
            wanted.session,
            names,
        )
    return where
