"""Questions about metrics, in SQL; their data points are in the rows that they came in."""

# ruff: noqa: S608 - the SQL is put together from our own names; values only go in as parameters

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from otbridge.hub.store.clickhouse.questions import Conditions
from otbridge.hub.store.clickhouse.rows import METRICS, read_metrics
from otbridge.hub.store.metric_outline import MAX_KEYS
from otbridge.hub.store.vocabulary import MetricTotals

if TYPE_CHECKING:
    from otbridge.hub.store.clickhouse.questions import Asker
    from otbridge.hub.store.vocabulary import MetricFilter
    from otbridge.wire.rows import MetricsRow

__all__ = ["names", "rows"]


def names(asker: Asker, service: str | None) -> list[MetricTotals]:
    """Answer `Store.metrics`."""
    where = Conditions()
    if service is not None:
        where.add("ServiceName = {service:String}", service=service)
    found = asker.rows(
        "SELECT m.MetricName AS Name, m.MetricType AS Kind, m.MetricUnit AS Unit,"
        " m.AggregationTemporality AS Temporality, m.IsMonotonic AS Monotonic,"
        " argMax(m.MetricDescription, length(m.MetricDescription)),"
        " arraySort(groupUniqArray(toString(ServiceName))),"
        f" arraySlice(arraySort(groupUniqArrayArray(m.Attributes)), 1, {MAX_KEYS:d}),"
        f" sum(m.DataPoints), max(m.LastTime) FROM {asker.tables.metrics} FINAL"
        f" ARRAY JOIN Metrics AS m WHERE {where} GROUP BY Name, Kind, Unit, Temporality, Monotonic"
        " ORDER BY Name, Kind, Unit, Temporality, Monotonic",
        where,
    )
    return [_totals(columns) for columns in found]


def _totals(columns: list[Any]) -> MetricTotals:
    name, kind, unit, temporality, monotonic, description, services, keys, points, last = columns
    return MetricTotals(
        name=name.decode(),
        type=kind.decode(),
        unit=unit.decode(),
        description=description.decode(),
        temporality=temporality.decode(),
        monotonic=bool(monotonic),
        services=tuple(service.decode() for service in services),
        attribute_keys=tuple(key.decode() for key in keys),
        data_points=points,
        last_ns=last,
    )


def rows(asker: Asker, wanted: MetricFilter, limit: int) -> list[MetricsRow]:
    """Answer `Store.metric_rows`."""
    where = Conditions()
    where.add("has(`Metrics.MetricName`, {name:String})", name=wanted.name)
    where.add(
        "arrayExists((n, first, last) -> n = {name:String} AND last >= {begin:Int64}"
        " AND first < {end:Int64}, `Metrics.MetricName`, `Metrics.FirstTime`, `Metrics.LastTime`)",
        name=wanted.name,
        begin=wanted.from_ns,
        end=wanted.to_ns,
    )
    if wanted.service is not None:
        where.add("ServiceName = {service:String}", service=wanted.service)
    found = asker.rows(
        f"SELECT {METRICS} FROM {asker.tables.metrics} FINAL WHERE {where}"
        f" ORDER BY arrayMax(`Metrics.LastTime`) DESC, Row DESC LIMIT {limit:d}",
        where,
    )
    return [read_metrics(columns) for columns in found]
