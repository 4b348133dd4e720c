"""Which values a field has among the records that fit, and how often."""

# ruff: noqa: S608 - the SQL is put together from our own names; values only go in as parameters

from __future__ import annotations

from collections import Counter
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

import msgspec

from otbridge.hub.store.sqlite import attribute_search
from otbridge.hub.store.sqlite.attribute_search import TraceAttributes, written
from otbridge.hub.store.sqlite.logs import home_days, logs_of
from otbridge.hub.store.sqlite.traces import trace_conditions
from otbridge.hub.store.vocabulary import AttributeKey, Facets, LogFilter, TraceFilter
from otbridge.wire.otlp_outline import read_log

if TYPE_CHECKING:
    from collections.abc import Callable

    from otbridge.hub.store.sqlite.conditions import Conditions
    from otbridge.hub.store.sqlite.reader import Reader
    from otbridge.hub.store.vocabulary import FacetField

    Tally = tuple[Counter[Any], int]
    """How often each value occurs, and in how many records."""

__all__ = ["LOOKED_AT", "UNPACKED", "count"]

LOOKED_AT: Final = 100_000
"""Records that are looked at, newest first: at most half a second on the 2-core reference machine."""

UNPACKED: Final = 20_000
"""The same where each has to be unpacked, for an attribute's value."""

_LEVELS: Final = ("unspecified", "trace", "debug", "info", "warn", "error", "fatal")
"""OTLP has four severity numbers to a level, from 1 on (OTel logs data model)."""


def count(
    reader: Reader, wanted: LogFilter | TraceFilter, field: FacetField | AttributeKey
) -> Facets:
    """Answer `Store.facets`."""
    if wanted.attributes:
        for day in reader.days:
            attribute_search.define(reader, day, wanted.attributes)
    if isinstance(field, AttributeKey):
        return _count_values(reader, wanted, field.name.encode())
    if isinstance(wanted, LogFilter):
        return _count_logs(reader, wanted, field)
    return _over(reader.days, lambda day, left: _traces(reader, day, wanted, field, left))


def _traces(reader: Reader, day: str, wanted: TraceFilter, field: FacetField, left: int) -> Tally:
    where = trace_conditions(reader, day, wanted)
    if field == "service":
        return _services(reader, day, where, left)
    newest = f"SELECT Name FROM otel_trace_summary WHERE {where} ORDER BY Start DESC LIMIT ?"
    return _values(reader, day, newest, where, left)


def _count_logs(reader: Reader, wanted: LogFilter, field: FacetField) -> Facets:
    days, key = home_days(reader, wanted)
    facets = _over(
        days,
        lambda day, left: _logs(reader, day, wanted, key, field, left),
        UNPACKED if wanted.terms else None,
    )
    return _by_level(facets) if field == "severity" else facets


def _logs(  # noqa: PLR0917 - one caller
    reader: Reader, day: str, wanted: LogFilter, key: int | None, field: FacetField, left: int
) -> Tally:
    counts: Counter[Any] = Counter()
    for logs in logs_of(reader, day):
        counts += logs.count(wanted, key, field, left - counts.total())
    return counts, counts.total()


def _count_values(reader: Reader, wanted: LogFilter | TraceFilter, key: bytes) -> Facets:
    """Count the values of an attribute."""
    if isinstance(wanted, TraceFilter):
        return _over(
            reader.days,
            lambda day, left: _trace_values(reader, day, wanted, key, left),
            UNPACKED,
        )
    days, trace = home_days(reader, wanted)
    return _over(
        days, lambda day, left: _log_values(reader, day, wanted, trace, key, left), UNPACKED
    )


def _log_values(  # noqa: PLR0917 - one caller
    reader: Reader, day: str, wanted: LogFilter, trace: int | None, key: bytes, left: int
) -> Tally:
    counts: Counter[Any] = Counter()
    looked_at = 0
    for logs in logs_of(reader, day):
        most = left - looked_at
        for _, number, _ in islice(logs.newest(wanted, trace, most), most):
            looked_at += 1
            data = logs.data(number)
            value = None if data is None else written(key, read_log(data).attributes)
            if value is not None:
                counts[value] += 1
    return counts, looked_at


def _trace_values(reader: Reader, day: str, wanted: TraceFilter, key: bytes, left: int) -> Tally:
    """Count a trace for each value that one of its spans has."""
    counts: Counter[Any] = Counter()
    where = trace_conditions(reader, day, wanted)
    sql = f"SELECT TraceKey FROM otel_trace_summary WHERE {where} ORDER BY Start DESC LIMIT ?"
    found = reader.rows(day, sql, *where.parameters, left)
    traces = TraceAttributes(reader, day)
    for (trace,) in found:
        counts.update({value for one in traces.of(trace) if (value := written(key, one))})
        reader.check_time()
    return counts, len(found)


def _over(
    days: tuple[str, ...], tally: Callable[[str, int], Tally], most: int | None = None
) -> Facets:
    """Add up the *tally* of each day, latest first, until enough was looked at."""
    most = LOOKED_AT if most is None else most
    counts: Counter[Any] = Counter()
    looked_at = 0
    for day in reversed(days):
        if looked_at == most:
            break
        found, records = tally(day, most - looked_at)
        counts += found
        looked_at += records
    return Facets(counts, looked_at, complete=looked_at < most)


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
