"""Metrics: which there are, and their data points as series."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric, ResourceMetrics

from otbridge.wire.rows import Batch, MetricsRow
from tests.hub.store.builders import SECOND, T0, key_values, span_id, trace_id

if TYPE_CHECKING:
    from collections.abc import Callable

    import httpx

    from otbridge.hub.store import Store

DELTA, CUMULATIVE = 1, 2
WHEN = {"from": str(T0), "to": str(T0 + 1_000 * SECOND)}


def send(
    store: Store, fill: Callable[[Metric], None], *, service: str = "shop", instance: str = "1"
) -> None:
    """Store one metric, as *fill* makes it."""
    message = ResourceMetrics()
    names = {"service.name": service, "service.instance.id": instance}
    message.resource.attributes.extend(key_values(names))
    scope = message.scope_metrics.add()
    scope.scope.name = "tests"
    fill(scope.metrics.add(name="m", unit="s", description="What it is"))
    row = MetricsRow(service, T0, 1, message.SerializeToString())
    store.submit(Batch(metrics=[row])).result(timeout=20)


def summed(
    temporality: int, *values: tuple[int, float], start: int = 0, **attributes: Any
) -> Callable[[Metric], None]:
    """A monotonic sum with (seconds, value) data points."""

    def fill(metric: Metric) -> None:
        metric.sum.aggregation_temporality = temporality  # type: ignore[assignment] # a number
        metric.sum.is_monotonic = True
        for at, value in values:
            metric.sum.data_points.add(
                time_unix_nano=T0 + at * SECOND,
                start_time_unix_nano=T0 + start * SECOND,
                as_double=value,
                attributes=key_values(attributes),
            )

    return fill


def get(api: httpx.Client, address: str = "/metrics/m", **query: Any) -> Any:
    response = api.get(address, params={**WHEN, **query})
    assert response.status_code == 200, response.text
    return response.json()


def increases(api: httpx.Client, **query: Any) -> list[list[Any]]:
    return [[point["increase"] for point in one["points"]] for one in get(api, **query)["series"]]


def test_metrics_are_listed_with_what_they_are(api: httpx.Client, store: Store) -> None:
    send(store, summed(CUMULATIVE, (10, 1.0), route="/"))
    assert get(api, "/metrics") == {
        "metrics": [
            {
                "name": "m",
                "type": "sum",
                "unit": "s",
                "description": "What it is",
                "temporality": "cumulative",
                "monotonic": True,
                "services": ["shop"],
                "attribute_keys": ["route"],
                "data_points": 1,
                "last_time_unix_nano": str(T0 + 10 * SECOND),
            }
        ],
        "next_cursor": None,
    }
    assert get(api, "/metrics", name="M", service="shop")["metrics"]
    assert get(api, "/metrics", name="other")["metrics"] == []
    assert get(api, "/metrics", service="bank")["metrics"] == []


def test_a_cumulative_sum_grows_by_what_came_between(api: httpx.Client, store: Store) -> None:
    send(store, summed(CUMULATIVE, (10, 5.0), (20, 8.0)))
    send(store, summed(CUMULATIVE, (30, 8.0), (40, 20.0)))
    assert increases(api) == [[5.0, 3.0, 0.0, 12.0]]
    assert increases(api, **{"from": str(T0 + 15 * SECOND)}) == [[None, 0.0, 12.0]]


def test_a_process_that_begins_anew_loses_nothing(api: httpx.Client, store: Store) -> None:
    send(store, summed(CUMULATIVE, (10, 5.0), (20, 8.0)))
    send(store, summed(CUMULATIVE, (40, 9.0), start=35))
    send(store, summed(CUMULATIVE, (50, 2.0)))  # a sender that does not say so
    assert increases(api) == [[5.0, 3.0, 9.0, 2.0]]


def test_a_delta_sum_says_itself_what_it_grew_by(api: httpx.Client, store: Store) -> None:
    send(store, summed(DELTA, (10, 5.0), (20, 3.0)))
    assert increases(api) == [[5.0, 3.0]]
    (series,) = get(api)["series"]
    assert series["temporality"] == "delta"


def test_series_are_apart_by_attributes_and_by_source(api: httpx.Client, store: Store) -> None:
    send(store, summed(CUMULATIVE, (10, 1.0), code=200))
    send(store, summed(CUMULATIVE, (10, 2.0), code=500))
    send(store, summed(CUMULATIVE, (10, 3.0), code=500), instance="2")
    send(store, summed(CUMULATIVE, (10, 4.0), code="500"), service="bank")
    assert len(get(api)["series"]) == 4
    assert len(get(api, attr="code>=500")["series"]) == 2
    assert [one["attributes"] for one in get(api, service="bank")["series"]] == [{"code": "500"}]
    seen: list[Any] = []
    cursor: str | None = None
    while True:
        page = get(api, limit=1, **({"cursor": cursor} if cursor else {}))
        seen += page["series"]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert seen == get(api)["series"]
    assert {one["resource"]["service.instance.id"] for one in seen} == {"1", "2"}


def gauge(metric: Metric) -> None:
    metric.gauge.data_points.add(time_unix_nano=T0 + SECOND, as_int=2**60)
    metric.gauge.data_points.add(time_unix_nano=T0 + 2 * SECOND, as_double=math.nan)
    metric.gauge.data_points.add(time_unix_nano=T0 + 3 * SECOND, flags=1)


def histogram(metric: Metric) -> None:
    metric.histogram.aggregation_temporality = CUMULATIVE  # type: ignore[assignment] # a number
    point = metric.histogram.data_points.add(
        start_time_unix_nano=T0,
        time_unix_nano=T0 + SECOND,
        count=3,
        sum=6.5,
        min=0.5,
        explicit_bounds=[1, 5],
        bucket_counts=[1, 1, 1],
    )
    point.exemplars.add(
        time_unix_nano=T0 + 1,
        as_double=5.5,
        trace_id=trace_id(1),
        span_id=span_id(2),
        filtered_attributes=key_values({"user.id": 7}),
    )


def exponential(metric: Metric) -> None:
    metric.exponential_histogram.aggregation_temporality = DELTA  # type: ignore[assignment] # a number
    point = metric.exponential_histogram.data_points.add(
        time_unix_nano=T0 + SECOND, count=4, sum=10, scale=3, zero_count=1, zero_threshold=0.1
    )
    point.positive.offset = -2
    point.positive.bucket_counts.extend([1, 2])


def summary(metric: Metric) -> None:
    point = metric.summary.data_points.add(time_unix_nano=T0 + SECOND, count=2, sum=3)
    point.quantile_values.add(quantile=0.5, value=1.5)


@pytest.mark.parametrize(
    ("fill", "expected"),
    [
        (gauge, {"value": str(2**60), "increase": None}),
        (
            histogram,
            {
                "count": 3,
                "sum": 6.5,
                "min": 0.5,
                "max": None,
                "increase": 3,
                "bounds": [1.0, 5.0],
                "counts": [1, 1, 1],
                "exemplars": [
                    {
                        "time_unix_nano": str(T0 + 1),
                        "value": 5.5,
                        "trace_id": trace_id(1).hex(),
                        "span_id": span_id(2).hex(),
                        "attributes": {"user.id": 7},
                    }
                ],
            },
        ),
        (
            exponential,
            {
                "count": 4,
                "sum": 10.0,
                "min": None,
                "max": None,
                "increase": 4,
                "scale": 3,
                "zero_count": 1,
                "zero_threshold": 0.1,
                "positive": {"offset": -2, "counts": [1, 2]},
                "negative": {"offset": 0, "counts": []},
            },
        ),
        (
            summary,
            {
                "count": 2,
                "sum": 3.0,
                "increase": None,
                "quantiles": [{"quantile": 0.5, "value": 1.5}],
            },
        ),
    ],
)
def test_every_kind_of_point_is_told_whole(
    api: httpx.Client, store: Store, fill: Callable[[Metric], None], expected: dict[str, Any]
) -> None:
    send(store, fill)
    point = get(api)["series"][0]["points"][0]
    assert int(point.pop("time_unix_nano")) == T0 + SECOND
    point.pop("start_time_unix_nano")
    assert point == expected


def test_what_is_no_number_is_a_text_and_what_is_missing_is_null(
    api: httpx.Client, store: Store
) -> None:
    send(store, gauge)
    values = [point["value"] for point in get(api)["series"][0]["points"]]
    assert values == [str(2**60), "NaN", None]


def test_of_many_points_the_latest_are_shown(
    api: httpx.Client, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("otbridge.hub.query.metric_series.MAX_POINTS", 2)
    send(store, summed(CUMULATIVE, (10, 1.0), (20, 2.0), (30, 4.0)))
    (series,) = get(api)["series"]
    assert ([point["value"] for point in series["points"]], series["truncated"]) == (
        [2.0, 4.0],
        True,
    )
    monkeypatch.setattr("otbridge.hub.query.metric_series.MAX_ROWS", 1)
    send(store, summed(CUMULATIVE, (40, 5.0)))
    assert get(api)["complete"] is False


def test_a_metric_without_points_in_the_time_is_no_error_and_an_unknown_one_is(
    api: httpx.Client, store: Store
) -> None:
    send(store, summed(CUMULATIVE, (10, 1.0)))
    assert get(api, **{"from": str(T0 + 100 * SECOND)})["series"] == []
    response = api.get("/metrics/a/b")
    assert response.status_code == 404
    assert response.json()["error"]["code"] == "unknown_metric"
    assert "'a/b'" in response.json()["error"]["what"]
