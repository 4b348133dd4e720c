"""Data points in the metric tables of the collector's exporter, for other people's questions.

Our own answers are made of `otel_metrics_raw`, where a request's metrics stand as they came; what
is written here is what Grafana, or whoever knows those tables, reads.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec
from google.protobuf.message import DecodeError
from opentelemetry.proto.metrics.v1.metrics_pb2 import ResourceMetrics

from otbridge.hub.store.attributes import decode_attributes
from otbridge.hub.store.clickhouse.columns import FIRST_WINS, LATEST_NS, texts_of
from otbridge.hub.store.clickhouse.engine import pack_values
from otbridge.hub.store.metric_outline import type_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from opentelemetry.proto.metrics.v1.metrics_pb2 import (
        Exemplar,
        Metric,
        NumberDataPoint,
        ScopeMetrics,
    )

    from otbridge.wire.rows import MetricsRow

__all__ = ["KINDS", "add_points", "columns_of"]

_SHARED: Final = (
    "ServiceName, MetricName, MetricDescription, MetricUnit, ResourceAttributes, ResourceSchemaUrl,"
    " ScopeName, ScopeVersion, ScopeAttributes, ScopeDroppedAttrCount, ScopeSchemaUrl"
)
_OF_EACH: Final = "Attributes, StartTimeUnix, TimeUnix, Flags, Received, Row, Version, Id, Place"
_EXEMPLARS: Final = (
    "`Exemplars.FilteredAttributes`, `Exemplars.TimeUnix`, `Exemplars.Value`, `Exemplars.SpanId`,"
    " `Exemplars.TraceId`"
)


class _Kind(NamedTuple):
    """What is particular to one kind of data point."""

    columns: str
    values: Callable[[Any, Any], tuple[Any, ...]]
    """Return what goes into them, of a data point and of the `Gauge`, `Sum` … that it is in."""


def _of_gauge(point: NumberDataPoint, _: Any) -> tuple[Any, ...]:
    return (_number(point), *_exemplars(point.exemplars))


def _of_sum(point: NumberDataPoint, data: Any) -> tuple[Any, ...]:
    return (*_of_gauge(point, data), data.aggregation_temporality, data.is_monotonic)


def _of_histogram(point: Any, data: Any) -> tuple[Any, ...]:
    return (
        *(point.count, point.sum, point.min, point.max),
        *(list(point.bucket_counts), list(point.explicit_bounds)),
        *_exemplars(point.exemplars),
        data.aggregation_temporality,
    )


def _of_exponential(point: Any, data: Any) -> tuple[Any, ...]:
    return (
        *(point.count, point.sum, point.min, point.max, point.scale, point.zero_count),
        *(point.positive.offset, list(point.positive.bucket_counts)),
        *(point.negative.offset, list(point.negative.bucket_counts)),
        *_exemplars(point.exemplars),
        data.aggregation_temporality,
    )


def _of_summary(point: Any, _: Any) -> tuple[Any, ...]:
    quantiles = point.quantile_values
    return (
        *(point.count, point.sum),
        *([one.quantile for one in quantiles], [one.value for one in quantiles]),
    )


KINDS: Final = {
    "gauge": _Kind(f"Value, {_EXEMPLARS}", _of_gauge),
    "sum": _Kind(f"Value, {_EXEMPLARS}, AggregationTemporality, IsMonotonic", _of_sum),
    "histogram": _Kind(
        f"Count, Sum, Min, Max, BucketCounts, ExplicitBounds, {_EXEMPLARS}, AggregationTemporality",
        _of_histogram,
    ),
    "exponential_histogram": _Kind(
        "Count, Sum, Min, Max, Scale, ZeroCount, PositiveOffset, PositiveBucketCounts,"
        f" NegativeOffset, NegativeBucketCounts, {_EXEMPLARS}, AggregationTemporality",
        _of_exponential,
    ),
    "summary": _Kind(
        "Count, Sum, `ValueAtQuantiles.Quantile`, `ValueAtQuantiles.Value`", _of_summary
    ),
}
"""By the name that OTLP's Metric has for it; that of the table is `otel_metrics_` and it."""


def columns_of(kind: str) -> str:
    """Return the columns that `add_points` has values for."""
    return f"{_SHARED}, {_OF_EACH}, {KINDS[kind].columns}"


def add_points(
    values: dict[str, list[Any]], row: MetricsRow, number: int, received_ns: int, identity: int
) -> None:
    """Append to *values*, by kind, what goes into the columns for each data point of *row*.

    Copies of a row have the same *identity*, and so have their points.
    """
    place = 0
    for kind, shared, data in _metrics(row):
        values_of = KINDS[kind].values
        into = values.setdefault(kind, [])
        for point in data.data_points:
            into += (
                shared,
                texts_of(decode_attributes(point.attributes)),
                min(point.start_time_unix_nano, LATEST_NS),
                min(point.time_unix_nano, LATEST_NS),
                point.flags,
                received_ns,
                number,
                FIRST_WINS - number,
                identity,
                place,
                *values_of(point, data),
            )
            place += 1


def _metrics(row: MetricsRow) -> Iterator[tuple[str, msgspec.Raw, Any]]:
    """Yield of each metric its kind, the columns `_SHARED`, packed, and the `Gauge`, `Sum` … itself."""
    try:
        message = ResourceMetrics.FromString(row.data)
    except DecodeError:
        return  # kept as it came; the hub's doors let no such thing in
    resource = (texts_of(decode_attributes(message.resource.attributes)), message.schema_url)
    for within in message.scope_metrics:
        for metric in within.metrics:
            kind = type_of(metric)
            if kind:
                shared = _shared(row.service, metric, resource, within)
                yield kind, shared, getattr(metric, kind)


def _shared(
    service: str, metric: Metric, resource: tuple[dict[str, str], str], within: ScopeMetrics
) -> msgspec.Raw:
    scope = within.scope
    values = (
        *(service, metric.name, metric.description, metric.unit, *resource),
        *(scope.name, scope.version, texts_of(decode_attributes(scope.attributes))),
        *(scope.dropped_attributes_count, within.schema_url),
    )
    return msgspec.Raw(pack_values(values))


def _number(point: NumberDataPoint | Exemplar) -> float:
    return float(point.as_int) if point.WhichOneof("value") == "as_int" else point.as_double


def _exemplars(exemplars: Iterable[Exemplar]) -> tuple[list[Any], ...]:
    found = list(exemplars)
    return (
        [texts_of(decode_attributes(one.filtered_attributes)) for one in found],
        [min(one.time_unix_nano, LATEST_NS) for one in found],
        [_number(one) for one in found],
        [one.span_id.hex() for one in found],
        [one.trace_id.hex() for one in found],
    )
