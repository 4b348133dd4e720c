"""Spans that have not ended: whose they are, and the verdict on them."""

# ruff: noqa: S608 - the SQL is put together from our own names; values only go in as parameters

from __future__ import annotations

from typing import TYPE_CHECKING

from otbridge.hub.store.clickhouse.questions import Conditions
from otbridge.hub.store.clickhouse.rows import SPAN, read_span

if TYPE_CHECKING:
    from collections.abc import Sequence

    from otbridge.hub.store.clickhouse.questions import Asker
    from otbridge.wire.rows import SpanRow

__all__ = ["lost_among", "open_of", "open_producers"]

_AT_ONCE = 10_000
"""Spans that one verdict is given to; who left more behind is judged again."""


def open_producers(asker: Asker) -> list[str]:
    """Answer `Store.open_producers`."""
    where = Conditions("Producer != ''")
    rows = asker.rows(
        f"SELECT DISTINCT toString(Producer) FROM ({_latest(asker, where, 'Producer')})"
        " WHERE StateNumber = 1",
        where,
    )
    return sorted(producer.decode() for (producer,) in rows)


def open_of(asker: Asker, producer: str) -> list[SpanRow]:
    """Return the spans of *producer* that are open and not lost, in the order of storing."""
    where = Conditions()
    where.add("Producer = {producer:String}", producer=producer)
    rows = asker.rows(
        f"SELECT * EXCEPT Row FROM ({_latest(asker, where, f'{SPAN}, Row')})"
        f" WHERE StateNumber = 1 ORDER BY Row LIMIT {_AT_ONCE:d}",
        where,
    )
    return [read_span(columns) for columns in rows]


def lost_among(asker: Asker, spans: Sequence[tuple[bytes, bytes]]) -> list[SpanRow]:
    """Return those of the spans with these (trace id, span id) that are lost."""
    if not spans:
        return []
    where = Conditions()
    where.add(
        "TraceId IN {traces:Array(String)} AND concat(TraceId, SpanId) IN {spans:Array(String)}",
        traces=[trace_id.hex() for trace_id, _ in spans],
        spans=[f"{trace_id.hex()}{span_id.hex()}" for trace_id, span_id in spans],
    )
    rows = asker.rows(
        f"SELECT * FROM (SELECT {SPAN} FROM {asker.tables.traces} WHERE {where}"
        " ORDER BY TraceId, SpanId, Version DESC LIMIT 1 BY TraceId, SpanId)"
        " WHERE StateNumber = 2",
        where,
    )
    return [read_span(columns) for columns in rows]


def _latest(asker: Asker, where: Conditions, columns: str) -> str:
    """Return the SELECT of the copy that counts, of every span that was open at some time.

    The open copies go with the next merge and an index finds those that are left; so this looks at
    little, however many spans there are.
    """
    traces = asker.tables.traces
    state = "" if "StateNumber" in columns else ", toInt8(State) AS StateNumber"
    return (
        f"SELECT {columns}{state} FROM {traces} WHERE (TraceId, SpanId) IN"
        f" (SELECT TraceId, SpanId FROM {traces} WHERE State != 'ended' AND {where})"
        " ORDER BY TraceId, SpanId, Version DESC LIMIT 1 BY TraceId, SpanId"
    )
