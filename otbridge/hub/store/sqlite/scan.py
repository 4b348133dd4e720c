"""Everything of one signal in the order in which it was stored: what an export reads."""

# ruff: noqa: S608 - the SQL is put together from our own names; values only go in as parameters

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple
from zlib import crc32

from otbridge.hub.store.sqlite.conditions import Conditions
from otbridge.hub.store.sqlite.rows import SELECT_LOG, SELECT_SPAN, read_log, read_span
from otbridge.hub.store.vocabulary import ScanPage, ScanPosition
from otbridge.wire.rows import MetricsRow

if TYPE_CHECKING:
    from collections.abc import Callable

    from otbridge.hub.store.sqlite.reader import Reader
    from otbridge.hub.store.vocabulary import ScanFilter
    from otbridge.typing import Signal

__all__ = ["page"]

_STEP: Final = 5_000
"""Rows of the file that one statement looks at: a few milliseconds, whatever the filter."""

_STEPS: Final = 40
"""Steps in one question, however little they find; the next page goes on from there."""


class _Source(NamedTuple):
    table: str
    select: str
    time: str
    only: str
    read: Callable[[tuple[Any, ...]], Any]


def _read_metrics(columns: tuple[Any, ...]) -> MetricsRow | None:
    crc, service, received_ns, points, raw = columns
    return MetricsRow(service, received_ns, points, raw) if crc32(raw) == crc else None


_SOURCES: Final[dict[Signal, _Source]] = {
    "traces": _Source("otel_traces", SELECT_SPAN, "Timestamp", "o.Duration IS NOT NULL", read_span),
    "logs": _Source("otel_logs", SELECT_LOG, "Timestamp", "1", read_log),
    "metrics": _Source(
        "otel_metrics",
        "SELECT o.Crc, o.ServiceName, o.ReceivedTimestamp, o.DataPoints, o.Raw FROM otel_metrics o",
        "ReceivedTimestamp",
        "1",
        _read_metrics,
    ),
}


def page(reader: Reader, wanted: ScanFilter, limit: int, after: ScanPosition | None) -> ScanPage:
    """Answer `Store.scan`."""
    source = _SOURCES[wanted.signal]
    rows: list[Any] = []
    position = after or ScanPosition("", 0)
    days = [day for day in reader.days if day >= position.day]
    steps = 0
    for day in days:
        place = position.row if day == position.day else 0
        found_last = reader.first(day, f"SELECT max(Id) FROM {source.table}")
        last = (found_last[0] if found_last else 0) or 0
        while place < last:
            if len(rows) == limit or steps == _STEPS:
                return ScanPage(rows, ScanPosition(day, place))
            steps += 1
            end = min(place + _STEP, last)
            asked = limit - len(rows)
            found = _step(reader, day, wanted, (place, end), asked)
            rows += reader.keep_sound([columns for _, columns in found], source.read)
            # With as many as were asked for there may be more in this step.
            place = found[-1][0] if len(found) == asked else end
    return ScanPage(rows, None)


def _step(
    reader: Reader, day: str, wanted: ScanFilter, between: tuple[int, int], limit: int
) -> list[tuple[int, tuple[Any, ...]]]:
    """Return the rows of one step, each with its number."""
    source = _SOURCES[wanted.signal]
    where = Conditions(source.only)
    where.add("o.Id > ? AND o.Id <= ?", *between)
    if wanted.from_ns is not None:
        where.add(f"o.{source.time} >= ?", wanted.from_ns)
    if wanted.to_ns is not None:
        where.add(f"o.{source.time} < ?", wanted.to_ns)
    # The row's number first, whatever else the columns are.
    select = source.select.replace("SELECT ", "SELECT o.Id, ", 1)
    found = reader.rows(
        day, f"{select} WHERE {where} ORDER BY o.Id LIMIT ?", *where.parameters, limit
    )
    return [(columns[0], columns[1:]) for columns in found]
