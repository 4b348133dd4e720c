"""What a store keeps beside a ResourceMetrics, so that its metrics are found without reading all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from google.protobuf.message import DecodeError
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric, ResourceMetrics

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["MAX_KEYS", "MetricOutline", "outlines", "temporality_of", "type_of"]

MAX_KEYS: Final = 100
"""Names of attributes that are kept for a metric."""

_TYPES: Final = frozenset({"gauge", "sum", "histogram", "exponential_histogram", "summary"})

_TEMPORALITIES: Final = ("", "delta", "cumulative")
"""By OTLP's AggregationTemporality numbers."""

_LATEST: Final = 2**63 - 1


class MetricOutline(NamedTuple):
    """One metric of a ResourceMetrics, without its data points."""

    name: str
    type: str
    unit: str
    description: str
    temporality: str
    monotonic: bool
    attribute_keys: tuple[str, ...]
    data_points: int
    first_ns: int
    last_ns: int


def outlines(data: bytes) -> Iterator[MetricOutline]:
    """Yield what is in a ResourceMetrics; metrics without data points are left out."""
    try:
        message = ResourceMetrics.FromString(data)
    except DecodeError:
        return  # kept as it came, and found by nobody; the hub's doors let no such thing in
    for scope in message.scope_metrics:
        for metric in scope.metrics:
            kind = type_of(metric)
            points = getattr(metric, kind).data_points if kind else ()
            if points:
                times = [point.time_unix_nano for point in points]
                keys = {attribute.key for point in points for attribute in point.attributes}
                yield MetricOutline(
                    metric.name,
                    kind,
                    metric.unit,
                    metric.description,
                    temporality_of(metric, kind),
                    kind == "sum" and metric.sum.is_monotonic,
                    tuple(sorted(keys)[:MAX_KEYS]),
                    len(points),
                    min(*times, _LATEST),
                    min(max(times), _LATEST),
                )


def type_of(metric: Metric) -> str:
    """Return which kind of data points the metric has; empty where it has none that we know."""
    kind = metric.WhichOneof("data") or ""
    return kind if kind in _TYPES else ""


def temporality_of(metric: Metric, kind: str) -> str:
    """Return `delta` or `cumulative`; empty for kinds that have neither."""
    number = getattr(getattr(metric, kind), "aggregation_temporality", 0)
    return _TEMPORALITIES[number] if 0 <= number < len(_TEMPORALITIES) else ""
