"""What services did in a time, and whom they called: counted when it is asked.

ClickHouse reads the few columns that this needs faster than a day of spans comes in, and a count
that is made now knows nothing of copies.
"""

# ruff: noqa: S608 - the SQL is put together from our own names; values only go in as parameters

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from otbridge.hub.store.clickhouse.columns import KINDS, kind_of
from otbridge.hub.store.clickhouse.questions import Conditions
from otbridge.hub.store.vocabulary import (
    OperationMinute,
    OperationTotals,
    ServiceEdge,
    ServiceMap,
    ServiceNode,
)

if TYPE_CHECKING:
    from otbridge.hub.store.clickhouse.questions import Asker

__all__ = ["operations", "service_map"]

_MINUTE_NS: Final = 60 * 10**9

_LEAD_NS: Final = 10 * _MINUTE_NS

_P95 = "toUInt64(quantileDD(0.01, 0.95)(Duration))"
"""Within 1 % of the real one (DDSketch's relative error)."""


def operations(
    asker: Asker, from_ns: int, to_ns: int, service: str | None
) -> list[OperationTotals]:
    """Answer `Store.operations`."""
    where, seconds = _between(from_ns, to_ns)
    if service is not None:
        where.add("ServiceName = {service:String}", service=service)
    rows = asker.rows(
        "SELECT toString(ServiceName) AS Service, toString(SpanName) AS Name,"
        " toString(SpanKind) AS Kind, count(), countIf(StatusCode = 'Error'),"
        " arrayMap(one -> toUInt64(one), quantilesDD(0.01, 0.5, 0.95, 0.99)(Duration))"
        f" FROM {asker.counted(asker.tables.traces)} WHERE {where}"
        " GROUP BY Service, Name, Kind",
        where,
    )
    found = [
        OperationTotals(
            service=service_name.decode(),
            name=name.decode(),
            kind=kind_of(kind),
            count=spans,
            error_count=errors,
            rate=spans / seconds,
            error_rate=errors / spans,
            p50_ns=p50,
            p95_ns=p95,
            p99_ns=p99,
        )
        for service_name, name, kind, spans, errors, (p50, p95, p99) in rows
    ]
    return sorted(found, key=lambda one: (one.service, one.name, one.kind))


def operation_minutes(
    asker: Asker, from_ns: int, to_ns: int, limit: int, service: str | None
) -> list[OperationMinute]:
    """Answer `Store.operation_minutes`."""
    where, _ = _between(from_ns, to_ns)
    if service is not None:
        where.add("ServiceName = {service:String}", service=service)
    kinds = ", ".join(f"'{kind}'" for kind in KINDS)
    rows = asker.rows(
        "SELECT toString(ServiceName) AS Service, toString(SpanName) AS Name,"
        f" greatest(indexOf([{kinds}], toString(SpanKind)), 1) - 1 AS Kind,"
        f" intDiv(toUnixTimestamp64Nano(Timestamp), {_MINUTE_NS:d}) * {_MINUTE_NS:d} AS Minute,"
        " count(), countIf(StatusCode = 'Error'),"
        " arrayMap(one -> toUInt64(one), quantilesDD(0.01, 0.5, 0.95, 0.99)(Duration))"
        f" FROM {asker.counted(asker.tables.traces)} WHERE {where}"
        " GROUP BY Service, Name, Kind, Minute"
        f" ORDER BY Service, Name, Kind, Minute LIMIT {limit:d}",
        where,
    )
    return [
        OperationMinute(service_name.decode(), name.decode(), *numbers, *quantiles)
        for service_name, name, *numbers, quantiles in rows
    ]


def service_map(asker: Asker, from_ns: int, to_ns: int) -> ServiceMap:
    """Answer `Store.service_map`."""
    where, _ = _between(from_ns, to_ns)
    # A caller begins before it calls; one that began long before is not looked for.
    of_callers, _ = _between(from_ns - _LEAD_NS, to_ns, beside=where)
    traces = asker.counted(asker.tables.traces)
    asked = "SpanKind IN ('Server', 'Consumer')"
    nodes = asker.rows(
        f"SELECT toString(ServiceName) AS Service, countIf({asked}),"
        f" countIf({asked} AND StatusCode = 'Error'),"
        f" if(countIf({asked}) = 0, 0, toUInt64(quantileDDIf(0.01, 0.95)(Duration, {asked})))"
        f" FROM {traces} WHERE {where} GROUP BY Service ORDER BY Service",
        where,
    )
    edges = asker.rows(
        "SELECT toString(Client), toString(Server), Link, count(), countIf(Failed),"
        f" {_P95} FROM (SELECT TraceId, SpanId, ServiceName AS Client FROM {traces}"
        f" WHERE {of_callers}) AS caller INNER JOIN ("
        " SELECT arrayJoin(arrayConcat([(TraceId, ParentSpanId, 0)], if(SpanKind = 'Consumer',"
        " arrayMap((t, s) -> (t, s, 1), `Links.TraceId`, `Links.SpanId`), []))) AS Joined,"
        " Joined.1 AS CallerTrace, Joined.2 AS CallerSpan, Joined.3 AS Link,"
        " ServiceName AS Server, Duration, StatusCode = 'Error' AS Failed"
        f" FROM {traces} WHERE {where} AND (ParentSpanId != '' OR SpanKind = 'Consumer')"
        ") AS called ON caller.TraceId = called.CallerTrace AND caller.SpanId = called.CallerSpan"
        " WHERE Client != Server GROUP BY Client, Server, Link ORDER BY Client, Server, Link",
        where,
    )
    return ServiceMap(
        nodes=[ServiceNode(name.decode(), *numbers) for name, *numbers in nodes],
        edges=[
            ServiceEdge(client.decode(), server.decode(), bool(link), *numbers)
            for client, server, link, *numbers in edges
        ],
    )


def _between(
    from_ns: int, to_ns: int, beside: Conditions | None = None
) -> tuple[Conditions, float]:
    """Return that a span has ended and began in these minutes, and how many seconds they are."""
    begin = from_ns - from_ns % _MINUTE_NS
    end = -(-to_ns // _MINUTE_NS) * _MINUTE_NS
    where = Conditions("State = 'ended'", beside=beside)
    where.add("Timestamp >= fromUnixTimestamp64Nano({begin:Int64})", begin=begin)
    where.add("Timestamp < fromUnixTimestamp64Nano({end:Int64})", end=end)
    return where, max(end - begin, _MINUTE_NS) / 1e9
