"""Which values a field has among the records that fit, and how often."""

# ruff: noqa: S608 - the SQL is put together from our own names; values only go in as parameters

from __future__ import annotations

from collections import Counter
from itertools import chain, islice
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec

from otbridge.hub.store.budget import page_time
from otbridge.hub.store.sqlite.questions.attribute_search import TraceAttributes, written
from otbridge.hub.store.sqlite.questions.logs import home_days, logs_of
from otbridge.hub.store.sqlite.questions.packed_logs import LOOKED_AT as TIME_IS_UP
from otbridge.hub.store.sqlite.questions.trace_search import LATER_STEP, Line, TraceSearch
from otbridge.hub.store.sqlite.questions.traces import newest_lines, trace_conditions
from otbridge.hub.store.vocabulary import (
    AttributeKey,
    Facets,
    LogFilter,
    TraceFilter,
    TracePosition,
)
from otbridge.wire.otlp_outline import read_log

if TYPE_CHECKING:
    from collections.abc import Callable

    from otbridge.hub.store.sqlite.questions.conditions import Conditions
    from otbridge.hub.store.sqlite.questions.reader import Reader
    from otbridge.hub.store.vocabulary import FacetField

__all__ = ["LOOKED_AT", "UNPACKED", "count"]

LOOKED_AT: Final = 100_000
"""Records that are looked at, newest first: at most half a second on the 2-core reference machine."""

UNPACKED: Final = 20_000
"""The same where each has to be unpacked, for an attribute's value."""

_LEVELS: Final = ("unspecified", "trace", "debug", "info", "warn", "error", "fatal")
"""OTLP has four severity numbers to a level, from 1 on (OTel logs data model)."""


class _Tally(NamedTuple):
    """What one day has."""

    counts: Counter[Any]
    """How often each value occurs."""
    looked_at: int
    """In how many records."""
    in_time: bool = True
    """Whether these were all, or as many as are looked at."""


def count(
    reader: Reader, wanted: LogFilter | TraceFilter, field: FacetField | AttributeKey
) -> Facets:
    """Answer `Store.facets`."""
    is_late = page_time()
    if isinstance(field, AttributeKey):
        return _count_values(reader, wanted, field.name.encode(), is_late)
    if isinstance(wanted, LogFilter):
        return _count_logs(reader, wanted, field, is_late)
    return _over(reader.days, lambda day, left: _traces(reader, day, wanted, field, left, is_late))


def _traces(  # noqa: PLR0917 - one caller
    reader: Reader,
    day: str,
    wanted: TraceFilter,
    field: FacetField,
    left: int,
    is_late: Callable[[], bool],
) -> _Tally:
    if _has_to_read(reader, day, wanted):
        lines, in_time = _read_lines(reader, day, wanted, left, is_late)
        names = (
            line.summary.services if field == "service" else (line.summary.name,) for line in lines
        )
        return _Tally(Counter(chain.from_iterable(names)), len(lines), in_time)
    where = trace_conditions(reader, day, wanted)
    if field == "service":
        return _services(reader, day, where, left)
    newest = f"SELECT Name FROM otel_trace_summary WHERE {where} ORDER BY Start DESC LIMIT ?"
    return _values(reader, day, newest, where, left)


def _has_to_read(reader: Reader, day: str, wanted: TraceFilter) -> bool:
    """Whether records have to be read to know which traces fit."""
    search = TraceSearch.of(reader, day, wanted)
    return bool(wanted.attributes) or (search is not None and search.looks_through)


def _read_lines(
    reader: Reader, day: str, wanted: TraceFilter, most: int, is_late: Callable[[], bool]
) -> tuple[list[Line], bool]:
    """Return the newest traces that fit, and whether these are all, or *most*."""
    lines: list[Line] = []
    for line in newest_lines(reader, day, wanted, LATER_STEP, None, is_late):
        if isinstance(line, TracePosition):
            return lines, False
        lines.append(line)
        if len(lines) == most:
            break
    return lines, True


def _count_logs(
    reader: Reader, wanted: LogFilter, field: FacetField, is_late: Callable[[], bool]
) -> Facets:
    days, key = home_days(reader, wanted)
    facets = _over(
        days,
        lambda day, left: _logs(reader, day, wanted, key, field, left, is_late),
        UNPACKED if wanted.terms else None,
    )
    return _by_level(facets) if field == "severity" else facets


def _logs(  # noqa: PLR0917 - one caller
    reader: Reader,
    day: str,
    wanted: LogFilter,
    key: int | None,
    field: FacetField,
    left: int,
    is_late: Callable[[], bool],
) -> _Tally:
    counts: Counter[Any] = Counter()
    for logs in logs_of(reader, day):
        most = left - counts.total()
        if not (wanted.attributes or wanted.terms):
            counts += logs.count(wanted, key, field, most)
            continue
        for _, _, value in islice(
            logs.newest(wanted, key, most, value=field, is_late=is_late), most
        ):
            if value is TIME_IS_UP:
                return _Tally(counts, counts.total(), in_time=False)
            counts[value] += 1
    return _Tally(counts, counts.total())


def _count_values(
    reader: Reader, wanted: LogFilter | TraceFilter, key: bytes, is_late: Callable[[], bool]
) -> Facets:
    """Count the values of an attribute."""
    if isinstance(wanted, TraceFilter):
        return _over(
            reader.days,
            lambda day, left: _trace_values(reader, day, wanted, key, left, is_late),
            UNPACKED,
        )
    days, trace = home_days(reader, wanted)
    return _over(
        days,
        lambda day, left: _log_values(reader, day, wanted, trace, key, left, is_late),
        UNPACKED,
    )


def _log_values(  # noqa: PLR0917 - one caller
    reader: Reader,
    day: str,
    wanted: LogFilter,
    trace: int | None,
    key: bytes,
    left: int,
    is_late: Callable[[], bool],
) -> _Tally:
    counts: Counter[Any] = Counter()
    looked_at = 0
    for logs in logs_of(reader, day):
        most = left - looked_at
        found = logs.newest(wanted, trace, most, is_late=is_late)
        for _, number, mark in islice(found, most):
            if mark is TIME_IS_UP:
                return _Tally(counts, looked_at, in_time=False)
            looked_at += 1
            data = logs.data(number)
            value = None if data is None else written(key, read_log(data).attributes)
            if value is not None:
                counts[value] += 1
    return _Tally(counts, looked_at)


def _trace_values(  # noqa: PLR0917 - one caller
    reader: Reader,
    day: str,
    wanted: TraceFilter,
    key: bytes,
    left: int,
    is_late: Callable[[], bool],
) -> _Tally:
    """Count a trace for each value that one of its spans has."""
    counts: Counter[Any] = Counter()
    traces = TraceAttributes(reader, day)
    looked_at = 0
    for line in newest_lines(reader, day, wanted, LATER_STEP, None, is_late):
        if isinstance(line, TracePosition):
            return _Tally(counts, looked_at, in_time=False)
        looked_at += 1
        counts.update({value for one in traces.of(line.key) if (value := written(key, one))})
        if looked_at == left:
            break
    return _Tally(counts, looked_at)


def _over(
    days: tuple[str, ...], tally: Callable[[str, int], _Tally], most: int | None = None
) -> Facets:
    """Add up the *tally* of each day, latest first, until enough was looked at."""
    most = LOOKED_AT if most is None else most
    counts: Counter[Any] = Counter()
    looked_at = 0
    for day in reversed(days):
        if looked_at == most:
            break
        found = tally(day, most - looked_at)
        counts += found.counts
        looked_at += found.looked_at
        if not found.in_time:
            return Facets(counts, looked_at, complete=False)
    return Facets(counts, looked_at, complete=looked_at < most)


def _values(reader: Reader, day: str, newest: str, where: Conditions, left: int) -> _Tally:
    sql = f"WITH newest (Value) AS ({newest}) SELECT Value, count(*) FROM newest GROUP BY Value"
    found = Counter(dict(reader.rows(day, sql, *where.parameters, left)))
    return _Tally(found, found.total())


def _services(reader: Reader, day: str, where: Conditions, left: int) -> _Tally:
    """Count a trace for each of its services."""
    sql = f"SELECT Services FROM otel_trace_summary WHERE {where} ORDER BY Start DESC LIMIT ?"
    rows = reader.rows(day, sql, *where.parameters, left)
    decode = msgspec.json.Decoder(dict[str, int]).decode
    named = (service for (services,) in rows for service in decode(services))
    return _Tally(Counter(named), len(rows))


def _by_level(facets: Facets) -> Facets:
    counts: Counter[str] = Counter()
    for number, records in facets.counts.items():
        in_range = 0 <= int(number) < len(_LEVELS)
        counts[_LEVELS[int(number)] if in_range else _LEVELS[0]] += records
    return facets._replace(counts=counts)
