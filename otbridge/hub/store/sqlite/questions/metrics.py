"""Questions about metrics, in SQL."""

from __future__ import annotations

import heapq
from itertools import islice
from typing import TYPE_CHECKING, Any, Final
from zlib import crc32

import msgspec

from otbridge.hub.store.metric_outline import MAX_KEYS
from otbridge.hub.store.vocabulary import MetricTotals
from otbridge.wire.rows import MetricsRow

if TYPE_CHECKING:
    from collections.abc import Iterator

    from otbridge.hub.store.sqlite.questions.reader import Reader
    from otbridge.hub.store.vocabulary import MetricFilter

__all__ = ["names", "rows"]

_NAMES: Final = (
    "SELECT MetricName, MetricType, MetricUnit, AggregationTemporality, IsMonotonic,"
    " MetricDescription, ServiceName, Attributes, DataPoints, LastTime FROM otel_metric_names"
    " WHERE ? IS NULL OR ServiceName = ?"
)
_ROWS: Final = (
    "SELECT DISTINCT r.LastTime, o.Id, o.ServiceName, o.ReceivedTimestamp, o.DataPoints, o.Raw,"
    " o.Crc FROM otel_metric_names n CROSS JOIN otel_metric_rows r ON r.NameId = n.Id"
    " JOIN otel_metrics o ON o.Id = r.RowId WHERE n.MetricName = ? AND r.LastTime >= ?"
    " AND r.FirstTime < ? AND (? IS NULL OR n.ServiceName = ?)"
    " ORDER BY r.LastTime DESC, o.Id DESC LIMIT ?"
)


def names(reader: Reader, service: str | None) -> list[MetricTotals]:
    """Answer `Store.metrics`."""
    found: dict[tuple[Any, ...], list[tuple[Any, ...]]] = {}
    for day in reader.days:
        for row in reader.rows(day, _NAMES, service, service):
            found.setdefault(row[:5], []).append(row[5:])
    return [_totals(key, rows) for key, rows in sorted(found.items())]


def _totals(key: tuple[Any, ...], rows: list[tuple[Any, ...]]) -> MetricTotals:
    name, kind, unit, temporality, monotonic = key
    descriptions, services, attributes, points, last = zip(*rows, strict=True)
    keys = {key for told in set(attributes) for key in msgspec.json.decode(told)}
    return MetricTotals(
        name=name,
        type=kind,
        unit=unit,
        description=max(descriptions, key=len),
        temporality=temporality,
        monotonic=bool(monotonic),
        services=tuple(sorted(set(services))),
        attribute_keys=tuple(sorted(keys)[:MAX_KEYS]),
        data_points=sum(points),
        last_ns=max(last),
    )


def rows(reader: Reader, wanted: MetricFilter, limit: int) -> list[MetricsRow]:
    """Answer `Store.metric_rows`."""
    found = [_day_rows(reader, day, wanted, limit) for day in reversed(reader.days)]
    latest_first = heapq.merge(*found, key=lambda pair: pair[0], reverse=True)
    return [row for _, row in islice(latest_first, limit)]


def _day_rows(
    reader: Reader, day: str, wanted: MetricFilter, limit: int
) -> Iterator[tuple[int, MetricsRow]]:
    columns = reader.rows(
        day,
        _ROWS,
        wanted.name,
        wanted.from_ns,
        wanted.to_ns,
        wanted.service,
        wanted.service,
        limit,
    )
    for last_ns, _, service, received_ns, points, raw, crc in columns:
        if crc32(raw) == crc:
            yield last_ns, MetricsRow(service, received_ns, points, raw)
        else:
            reader.corrupt += 1
