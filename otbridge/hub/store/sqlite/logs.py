"""Questions about log records, in SQL."""

# ruff: noqa: S608 - the SQL is put together from our own names; values only go in as parameters

from __future__ import annotations

import heapq
from itertools import islice
from typing import TYPE_CHECKING

from otbridge.hub.store.sqlite.conditions import Conditions
from otbridge.hub.store.sqlite.rows import SELECT_LOG, read_log, row_of_log, time_of_log
from otbridge.hub.store.sqlite.traces import home_of
from otbridge.hub.store.text import match_expression
from otbridge.hub.store.vocabulary import LogPosition, StoredLog

if TYPE_CHECKING:
    from otbridge.hub.store.sqlite.reader import Reader
    from otbridge.hub.store.vocabulary import LogFilter

__all__ = ["log_conditions", "page"]

_WARNING = 13
"""OTLP's WARN, from which on the table of logs has an index of its own."""


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
        where = log_conditions(wanted, key)
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


def log_conditions(wanted: LogFilter, key: int | None) -> Conditions:
    """Return what has to hold for a row of `otel_logs o`; *key* is the wanted trace's."""
    where = Conditions()
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
