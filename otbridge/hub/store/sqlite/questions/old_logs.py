"""Log records of version 1, which have their bytes beside them and indexes of their own."""

# ruff: noqa: S608 - the SQL is put together from our own names; values only go in as parameters

from __future__ import annotations

from collections import Counter
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from otbridge.hub.store.sqlite.files import legacy
from otbridge.hub.store.sqlite.questions import attribute_search
from otbridge.hub.store.sqlite.questions.attribute_search import OLD_LOG_FITS
from otbridge.hub.store.sqlite.questions.conditions import Conditions
from otbridge.hub.store.sqlite.questions.traces import like
from otbridge.hub.store.text import match_expression
from otbridge.hub.store.vocabulary import SESSION_KEYS, Term

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from otbridge.hub.store.sqlite.questions.reader import Reader
    from otbridge.hub.store.vocabulary import LogFilter
    from otbridge.wire.rows import LogRow

__all__ = ["OldLogs"]

_WARNING: Final = 13
"""OTLP's WARN, from which on the table has an index of its own."""

_TEXT: Final = "SELECT rowid FROM otel_logs_text WHERE otel_logs_text MATCH ?"

_VALUES: Final = {
    "": "NULL",
    "service": "o.ServiceName",
    "severity": "(o.SeverityNumber + 3) / 4",
    "name": "coalesce(o.EventName, '')",
}


class OldLogs:
    """The records that one day's file has in a table of version 1."""

    def __init__(self, reader: Reader, day: str) -> None:
        self._reader = reader
        self._day = day

    def latest(self) -> int:
        """Return the time of the newest record; 0 where there is none."""
        found = self._reader.first(self._day, "SELECT max(Timestamp) FROM otel_logs")
        return (found[0] if found else 0) or 0

    def log(self, number: int) -> LogRow | None:
        """Return a record by its number, or None where it is corrupt."""
        found = self._reader.rows(self._day, f"{legacy.SELECT_LOG} WHERE o.Id = ?", number)
        rows = self._reader.keep_sound(found, legacy.read_log)
        return rows[0] if rows else None

    def data(self, number: int) -> bytes | None:
        """Return the bytes of a record by its number."""
        found = self._reader.first(self._day, "SELECT Raw FROM otel_logs WHERE Id = ?", number)
        return found[0] if found else None

    def newest(
        self,
        wanted: LogFilter,
        key: int | None,
        limit: int,
        *,
        after: tuple[int, int] | None = None,
        value: str = "",
        is_late: Callable[[], bool] | None = None,  # noqa: ARG002 - SQL looks, not we
    ) -> Iterator[tuple[int, int, Any]]:
        """Yield time, number and a value of the records that fit; see `PackedLogs.newest`."""
        if wanted.attributes:
            attribute_search.define(self._reader, self._day, wanted.attributes)
        conditions = _conditions(wanted, key)
        while True:
            where = conditions.copy()
            if after is not None:
                where.add("(o.Timestamp, o.Id) < (?, ?)", *after)
            found = self._reader.rows(
                self._day,
                f"SELECT o.Timestamp, o.Id, {_VALUES[value]} FROM otel_logs o"
                f" WHERE {where} ORDER BY o.Timestamp DESC, o.Id DESC LIMIT ?",
                *where.parameters,
                limit,
            )
            yield from found
            if len(found) < limit:
                return
            after = found[-1][:2]

    def count(self, wanted: LogFilter, key: int | None, value: str, most: int) -> Counter[Any]:
        """Return how often each *value* occurs; see `PackedLogs.count`."""
        found = self.newest(wanted, key, most, value=value)
        return Counter(one[2] for one in islice(found, most))


def _conditions(wanted: LogFilter, key: int | None) -> Conditions:
    """Return what has to hold for a row of the table; *key* is the wanted trace's."""
    where = Conditions()
    if key is not None:
        where.add("o.TraceKey = ?", key)
    if wanted.span_id is not None:
        where.add("o.SpanId = ?", wanted.span_id)
    if wanted.service is not None:
        where.add("o.ServiceName = ?", wanted.service)
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
        pairs = [Term(wanted.session, name) for name in SESSION_KEYS]
        where.add(
            "o.TraceKey IN (SELECT TraceKey FROM otel_session_traces WHERE SessionNumber IN"
            f" (SELECT Id FROM otel_sessions WHERE SessionId = ?)) OR o.Id IN ({_TEXT})",
            wanted.session,
            " OR ".join(match_expression(pair, legacy.PAIR_BYTES) or "" for pair in pairs),
        )
    for expression in _expressions(wanted):
        where.add(f"o.Id IN ({_TEXT})", expression)
    if wanted.attributes:
        where.add(f"{OLD_LOG_FITS}(o.Raw)")  # the last, because it costs most
    return where


def _expressions(wanted: LogFilter) -> Iterator[str]:
    """Yield what is asked of the full text."""
    for term in wanted.terms:
        if expression := match_expression(term, legacy.PAIR_BYTES):
            yield expression
    for condition in wanted.attributes:
        if expression := attribute_search.words(condition, legacy.PAIR_BYTES):
            yield expression
