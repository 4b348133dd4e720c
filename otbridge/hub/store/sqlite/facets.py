"""Which values a field has among the records that fit, and how often."""

# ruff: noqa: S608 - the SQL is put together from our own names; values only go in as parameters

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, Final

import msgspec

from otbridge.hub.store.sqlite.logs import log_conditions, tables_of
from otbridge.hub.store.sqlite.traces import home_of, trace_conditions
from otbridge.hub.store.vocabulary import Facets, LogFilter

if TYPE_CHECKING:
    from collections.abc import Callable

    from otbridge.hub.store.sqlite.conditions import Conditions
    from otbridge.hub.store.sqlite.reader import Reader
    from otbridge.hub.store.vocabulary import FacetField, TraceFilter

    Tally = tuple[Counter[Any], int]
    """How often each value occurs, and in how many records."""

__all__ = ["LOOKED_AT", "count"]

LOOKED_AT: Final = 100_000
"""Records that are looked at, newest first: at most half a second on the 2-core reference machine."""

_LEVELS: Final = ("unspecified", "trace", "debug", "info", "warn", "error", "fatal")
"""OTLP has four severity numbers to a level, from 1 on (OTel logs data model)."""

_LOG_VALUES: Final[dict[FacetField, str]] = {
    "severity": "(o.SeverityNumber + 3) / 4",
    "name": "coalesce(o.EventName, '')",
}


def count(reader: Reader, wanted: LogFilter | TraceFilter, field: FacetField) -> Facets:
    """Answer `Store.facets`."""
    if isinstance(wanted, LogFilter):
        return _count_logs(reader, wanted, field)
    return _over(reader.days, lambda day, left: _traces(reader, day, wanted, field, left))


def _traces(reader: Reader, day: str, wanted: TraceFilter, field: FacetField, left: int) -> Tally:
    where = trace_conditions(wanted, None, has_old=reader.has_old(day))
    if field == "service":
        return _services(reader, day, where, left)
    newest = f"SELECT Name FROM otel_trace_summary WHERE {where} ORDER BY Start DESC LIMIT ?"
    return _values(reader, day, newest, where, left)


def _count_logs(reader: Reader, wanted: LogFilter, field: FacetField) -> Facets:
    days, key = reader.days, None
    if wanted.trace_id is not None:
        home = home_of(reader, wanted.trace_id)
        if home is None:
            return Facets({}, 0, complete=True)
        days, key = (home[0],), home[1]
    facets = _over(days, lambda day, left: _logs(reader, day, wanted, key, field, left))
    return _by_level(facets) if field == "severity" else facets


def _logs(  # noqa: PLR0917 - one caller
    reader: Reader, day: str, wanted: LogFilter, key: int | None, field: FacetField, left: int
) -> Tally:
    counts: Counter[Any] = Counter()
    for table in tables_of(reader, day):
        where = log_conditions(wanted, key, table)
        value = table.service if field == "service" else _LOG_VALUES[field]
        newest = (
            f"SELECT {value} FROM {table.name} o WHERE {where} ORDER BY o.Timestamp DESC LIMIT ?"
        )
        counts += _values(reader, day, newest, where, left - counts.total())[0]
    return counts, counts.total()


def _over(days: tuple[str, ...], tally: Callable[[str, int], Tally]) -> Facets:
    """Add up the *tally* of each day, latest first, until enough was looked at."""
    counts: Counter[Any] = Counter()
    looked_at = 0
    for day in reversed(days):
        if looked_at == LOOKED_AT:
            break
        found, records = tally(day, LOOKED_AT - looked_at)
        counts += found
        looked_at += records
    return Facets(counts, looked_at, complete=looked_at < LOOKED_AT)


def _values(reader: Reader, day: str, newest: str, where: Conditions, left: int) -> Tally:
    sql = f"WITH newest (Value) AS ({newest}) SELECT Value, count(*) FROM newest GROUP BY Value"
    found = Counter(dict(reader.rows(day, sql, *where.parameters, left)))
    return found, found.total()


def _services(reader: Reader, day: str, where: Conditions, left: int) -> Tally:
    """Count a trace for each of its services."""
    sql = f"SELECT Services FROM otel_trace_summary WHERE {where} ORDER BY Start DESC LIMIT ?"
    rows = reader.rows(day, sql, *where.parameters, left)
    decode = msgspec.json.Decoder(dict[str, int]).decode
    return Counter(service for (services,) in rows for service in decode(services)), len(rows)


def _by_level(facets: Facets) -> Facets:
    counts: Counter[str] = Counter()
    for number, records in facets.counts.items():
        in_range = 0 <= int(number) < len(_LEVELS)
        counts[_LEVELS[int(number)] if in_range else _LEVELS[0]] += records
    return facets._replace(counts=counts)
