"""Metrics by name, and the rows that have their data points."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opentelemetry.proto.metrics.v1.metrics_pb2 import ResourceMetrics

from otbridge.hub.store.vocabulary import MetricFilter, MetricTotals
from otbridge.wire.rows import Batch, MetricsRow
from tests.hub.store.builders import SECOND, T0, key_values

if TYPE_CHECKING:
    from otbridge.hub.store import Store
    from otbridge.testing.clock import FakeClock

DAY = 86_400


def sent(service: str, *ats: int, value: int = 1, **attributes: object) -> MetricsRow:
    """What a service sends: a sum and a gauge with a data point at each of *ats*."""
    message = ResourceMetrics()
    message.resource.attributes.extend(key_values({"service.name": service}))
    scope = message.scope_metrics.add()
    requests = scope.metrics.add(name="requests", unit="1", description="Requests served")
    requests.sum.aggregation_temporality = 2  # type: ignore[assignment] # an enum's number
    requests.sum.is_monotonic = True
    load = scope.metrics.add(name="load", unit="%")
    scope.metrics.add(name="empty").gauge.SetInParent()
    for at in ats:
        for points in (requests.sum.data_points, load.gauge.data_points):
            points.add(
                time_unix_nano=T0 + at * SECOND,
                as_int=value,
                attributes=key_values({"route": "/", **attributes}),
            )
    return MetricsRow(service, T0 + max(ats) * SECOND, 2 * len(ats), message.SerializeToString())


def store_metrics(store: Store, *rows: MetricsRow) -> None:
    store.submit(Batch(metrics=list(rows))).result(timeout=20)


def rows(store: Store, begin: int, end: int, limit: int = 10, **more: str) -> list[str]:
    """Return which services have data points in these seconds, the latest first."""
    wanted = MetricFilter("requests", T0 + begin * SECOND, T0 + end * SECOND, **more)
    return [row.service for row in store.metric_rows(wanted, limit)]


def test_metrics_are_told_with_their_services_and_attributes(store: Store) -> None:
    store_metrics(store, sent("shop", 1, 2), sent("bank", 3, account="a"))
    store_metrics(store, sent("shop", 4))
    load, requests = store.metrics()
    assert requests == MetricTotals(
        name="requests",
        type="sum",
        unit="1",
        description="Requests served",
        temporality="cumulative",
        monotonic=True,
        services=("bank", "shop"),
        attribute_keys=("account", "route"),
        data_points=4,
        last_ns=T0 + 4 * SECOND,
    )
    assert (load.name, load.type, load.temporality, load.monotonic) == ("load", "gauge", "", False)
    (_, of_bank) = store.metrics("bank")
    assert (of_bank.services, of_bank.data_points) == (("bank",), 1)
    assert store.metrics("nobody") == []


def test_rows_are_found_by_the_times_of_their_data_points(store: Store, clock: FakeClock) -> None:
    store_metrics(store, sent("one", 10, 20), sent("two", 15), sent("three", 30))
    clock.advance(DAY)
    store_metrics(store, sent("tomorrow", DAY))
    assert rows(store, 0, 2 * DAY) == ["tomorrow", "three", "one", "two"]
    assert rows(store, 0, 2 * DAY, limit=2) == ["tomorrow", "three"]
    assert rows(store, 12, 16) == ["one", "two"]
    assert rows(store, 20, 30) == ["one"]
    assert rows(store, 21, 30) == []
    assert rows(store, 0, 2 * DAY, service="two") == ["two"]


def test_rows_come_back_as_they_were(store: Store) -> None:
    row = sent("shop", 1)
    store_metrics(store, row)
    (found,) = store.metric_rows(MetricFilter("load", T0, T0 + 10 * SECOND), 10)
    assert found == row


def test_what_is_no_metric_is_kept_and_not_found(store: Store) -> None:
    store_metrics(store, MetricsRow("web", T0, 3, b"raw"))
    assert store.metrics() == []
    assert store.totals().data_points == 3
