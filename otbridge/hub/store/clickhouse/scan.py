"""Everything of one signal in the order in which it was stored: what an export reads."""

# ruff: noqa: S608 - the SQL is put together from our own names; values only go in as parameters

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from otbridge.hub.store.clickhouse.questions import Conditions
from otbridge.hub.store.clickhouse.rows import (
    LOG,
    METRICS,
    SPAN,
    read_log,
    read_metrics,
    read_span,
)
from otbridge.hub.store.vocabulary import ScanPage, ScanPosition

if TYPE_CHECKING:
    from collections.abc import Callable

    from otbridge.hub.store.clickhouse.questions import Asker
    from otbridge.hub.store.vocabulary import ScanFilter
    from otbridge.typing import Signal

__all__ = ["page"]


class _Source(NamedTuple):
    table: str
    select: str
    tie: str
    """What tells rows apart that two hubs stored in one nanosecond; a text."""
    time: str
    only: str
    read: Callable[[list[Any]], Any]


_SOURCES: Final[dict[Signal, _Source]] = {
    "traces": _Source(
        "traces", SPAN, "concat(TraceId, SpanId)", "Timestamp", "State = 'ended'", read_span
    ),
    "logs": _Source(
        "logs", LOG, "hex(Id)", "Timestamp", "1", lambda columns: read_log(columns).row
    ),
    "metrics": _Source("metrics", METRICS, "hex(Id)", "ReceivedTimestamp", "1", read_metrics),
}


def page(asker: Asker, wanted: ScanFilter, limit: int, after: ScanPosition | None) -> ScanPage:
    """Answer `Store.scan`."""
    source = _SOURCES[wanted.signal]
    where = Conditions(source.only)
    if after is not None:
        where.add(
            f"(Row, {source.tie}) > ({{row:Int64}}, {{tie:String}})", row=after.row, tie=after.day
        )
        where.add("Row >= {from_row:Int64}", from_row=after.row)
    if wanted.from_ns is not None:
        where.add(
            f"{source.time} >= fromUnixTimestamp64Nano({{since:Int64}})", since=wanted.from_ns
        )
    if wanted.to_ns is not None:
        where.add(f"{source.time} < fromUnixTimestamp64Nano({{until:Int64}})", until=wanted.to_ns)
    table = getattr(asker.tables, source.table)
    rows = asker.rows(
        f"SELECT {source.tie}, Row AS Number, {source.select} FROM {table} FINAL WHERE {where}"
        f" ORDER BY Number, {source.tie} LIMIT {limit:d}",
        where,
    )
    found = [source.read(columns[2:]) for columns in rows]
    if len(rows) < limit:
        return ScanPage(found, None)
    tie, number = rows[-1][:2]
    return ScanPage(found, ScanPosition(tie.decode(), number))
