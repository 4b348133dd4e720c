"""`/api/v1/metrics`: which metrics there are, and the data points of one."""

from __future__ import annotations

import time
from math import isfinite
from typing import TYPE_CHECKING, Any, NotRequired, TypedDict

from otbridge.hub.api.errors import NotFound
from otbridge.hub.api.filters import time_range
from otbridge.hub.api.schemas import ScopeJson  # noqa: TC001 - the OpenAPI document is made of it
from otbridge.hub.api.shapes import attributes_json, exact
from otbridge.hub.query.metric_series import read_series
from otbridge.hub.query.pages import page_by_key
from otbridge.hub.store.vocabulary import MetricFilter

if TYPE_CHECKING:
    from otbridge.hub.query.metric_series import Point, Series
    from otbridge.hub.store import Store
    from otbridge.hub.store.vocabulary import MetricTotals

__all__ = ["MetricSeriesJson", "MetricsJson", "get_metric", "get_metrics"]


class MetricJson(TypedDict):
    """A metric: data points of one name, type and unit."""

    name: str
    type: str
    unit: str
    description: str
    temporality: str | None
    monotonic: bool
    services: list[str]
    attribute_keys: list[str]
    data_points: int
    last_time_unix_nano: str


class MetricsJson(TypedDict):
    """A page of metrics, by name."""

    metrics: list[MetricJson]
    next_cursor: str | None


class ExemplarJson(TypedDict):
    """A measurement that a data point was made from, and the span in which it was taken."""

    time_unix_nano: str
    value: int | float | str | None
    trace_id: str | None
    span_id: str | None
    attributes: dict[str, Any]


class BucketsJson(TypedDict):
    """Buckets of an exponential histogram, on one side of zero."""

    offset: int
    counts: list[int]


class QuantileJson(TypedDict):
    """A quantile of a summary."""

    quantile: float
    value: int | float | str | None


class PointJson(TypedDict):
    """A data point; which fields it has depends on the series' type."""

    time_unix_nano: str
    start_time_unix_nano: str | None
    increase: int | float | str | None
    value: NotRequired[int | float | str | None]
    count: NotRequired[int | str]
    sum: NotRequired[int | float | str | None]
    min: NotRequired[int | float | str | None]
    max: NotRequired[int | float | str | None]
    bounds: NotRequired[list[float]]
    counts: NotRequired[list[int]]
    scale: NotRequired[int]
    zero_count: NotRequired[int]
    zero_threshold: NotRequired[float]
    positive: NotRequired[BucketsJson]
    negative: NotRequired[BucketsJson]
    quantiles: NotRequired[list[QuantileJson]]
    exemplars: NotRequired[list[ExemplarJson]]


class SeriesJson(TypedDict):
    """Data points of one resource, scope and set of attributes, in time order."""

    id: str
    service: str
    resource: dict[str, Any]
    scope: ScopeJson
    type: str
    unit: str
    temporality: str | None
    monotonic: bool
    attributes: dict[str, Any]
    points: list[PointJson]
    truncated: bool


class MetricSeriesJson(TypedDict):
    """A page of a metric's series."""

    name: str
    description: str
    from_unix_nano: str
    to_unix_nano: str
    series: list[SeriesJson]
    complete: bool
    next_cursor: str | None


def get_metrics(store: Store, asked: dict[str, Any]) -> MetricsJson:
    """Answer `GET /api/v1/metrics`."""
    found = (one for one in store.metrics(asked["service"]) if _fits(one, asked))
    page = page_by_key(
        found,
        lambda one: (one.name, one.type, one.unit, one.temporality, int(one.monotonic)),
        "metrics",
        asked["limit"],
        asked["cursor"],
    )
    return {"metrics": [_json(one) for one in page.items], "next_cursor": page.next_cursor}


def _fits(metric: MetricTotals, asked: dict[str, Any]) -> bool:
    name, from_ns, to_ns = asked["name"], asked["from"], asked["to"]
    return (
        (name is None or name.casefold() in metric.name.casefold())
        and (from_ns is None or metric.last_ns >= from_ns)
        and (to_ns is None or metric.last_ns < to_ns)
    )


def _json(metric: MetricTotals) -> MetricJson:
    return {
        "name": metric.name,
        "type": metric.type,
        "unit": metric.unit,
        "description": metric.description,
        "temporality": metric.temporality or None,
        "monotonic": metric.monotonic,
        "services": list(metric.services),
        "attribute_keys": list(metric.attribute_keys),
        "data_points": metric.data_points,
        "last_time_unix_nano": str(metric.last_ns),
    }


def get_metric(store: Store, asked: dict[str, Any]) -> MetricSeriesJson:
    """Answer `GET /api/v1/metrics/{metric_name}`."""
    from_ns, to_ns = time_range(asked, time.time_ns())
    wanted = MetricFilter(asked["metric_name"], from_ns, to_ns, asked["service"])
    found = read_series(store, wanted, asked["attr"])
    if not found.series and not any(one.name == wanted.name for one in store.metrics()):
        raise NotFound(
            "unknown_metric",
            f"The hub has no metric {wanted.name[:80]!r}.",
            "Nothing of this name has arrived, or its days have been deleted.",
            "Ask /api/v1/metrics for those it has.",
        )
    page = page_by_key(
        found.series, lambda one: (one.service, one.id), "series", asked["limit"], asked["cursor"]
    )
    descriptions = [one.description for one in found.series]
    return {
        "name": wanted.name,
        "description": max(descriptions, key=len, default=""),
        "from_unix_nano": str(from_ns),
        "to_unix_nano": str(to_ns),
        "series": [_series_json(one, from_ns) for one in page.items],
        "complete": found.complete,
        "next_cursor": page.next_cursor,
    }


def _series_json(series: Series, from_ns: int) -> SeriesJson:
    points = [_point_json(series, point) for point in series.points(from_ns)]
    return {
        "id": series.id,
        "service": series.service,
        "resource": attributes_json(series.resource.attributes),
        "scope": {"name": series.scope.name, "version": series.scope.version},
        "type": series.type,
        "unit": series.unit,
        "temporality": series.temporality or None,
        "monotonic": series.monotonic,
        "attributes": attributes_json(series.attributes),
        "points": points,
        "truncated": series.truncated,
    }


def _point_json(series: Series, point: Point) -> PointJson:
    message = point.message
    start = message.start_time_unix_nano
    answer: PointJson = {
        "time_unix_nano": str(message.time_unix_nano),
        "start_time_unix_nano": str(start) if start else None,
        "increase": _number(point.increase),
    }
    if series.type in ("gauge", "sum"):
        answer["value"] = _value(message)
    else:
        answer["count"] = exact(message.count)
        answer["sum"] = _number(message.sum) if _has(message, "sum") else None
        _add_distribution(answer, series.type, message)
    exemplars = getattr(message, "exemplars", ())
    if exemplars:
        answer["exemplars"] = [_exemplar_json(exemplar) for exemplar in exemplars]
    return answer


def _add_distribution(answer: PointJson, kind: str, message: Any) -> None:
    if kind == "summary":
        answer["quantiles"] = [
            {"quantile": one.quantile, "value": _number(one.value)}
            for one in message.quantile_values
        ]
        return
    answer["min"] = _number(message.min) if _has(message, "min") else None
    answer["max"] = _number(message.max) if _has(message, "max") else None
    if kind == "histogram":
        answer["bounds"] = list(message.explicit_bounds)
        answer["counts"] = list(message.bucket_counts)
        return
    answer["scale"] = message.scale
    answer["zero_count"] = message.zero_count
    answer["zero_threshold"] = message.zero_threshold
    answer["positive"] = _buckets(message.positive)
    answer["negative"] = _buckets(message.negative)


def _buckets(buckets: Any) -> BucketsJson:
    return {"offset": buckets.offset, "counts": list(buckets.bucket_counts)}


def _exemplar_json(exemplar: Any) -> ExemplarJson:
    return {
        "time_unix_nano": str(exemplar.time_unix_nano),
        "value": _value(exemplar),
        "trace_id": exemplar.trace_id.hex() or None,
        "span_id": exemplar.span_id.hex() or None,
        "attributes": attributes_json(exemplar.filtered_attributes),
    }


def _has(message: Any, field: str) -> bool:
    """Whether an optional field is there; a summary's sum always is."""
    return not message.DESCRIPTOR.fields_by_name[field].has_presence or message.HasField(field)


def _value(message: Any) -> int | float | str | None:
    kind = message.WhichOneof("value")
    return _number(getattr(message, kind)) if kind else None


def _number(number: float | None) -> int | float | str | None:
    """Return a number as JSON can hold it: what is not finite, or not exact, is a text."""
    if isinstance(number, float) and not isfinite(number):
        return "NaN" if number != number else "Infinity" if number > 0 else "-Infinity"  # noqa: PLR0124 - only NaN is not itself
    found: int | float | str | None = exact(number)
    return found
