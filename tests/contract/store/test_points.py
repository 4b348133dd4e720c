"""Metrics in the tables of the collector's exporter, one row for each data point."""

from __future__ import annotations

import ast
from contextlib import closing
from itertools import count
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.proto.metrics.v1.metrics_pb2 import ResourceMetrics

from otbridge.hub.store import open_store
from otbridge.hub.store.clickhouse.points import KINDS
from otbridge.hub.store.vocabulary import Retention
from otbridge.wire.rows import Batch, MetricsRow
from tests.contract.store.test_clickhouse import ask
from tests.hub.store.builders import SECOND, T0, key_values, span_id, trace_id

if TYPE_CHECKING:
    from collections.abc import Iterator

    from otbridge.hub.store import Store
    from otbridge.testing.clock import FakeClock
    from tests.contract.store.server import Server

_databases = count(1)


@pytest.fixture
def database() -> str:
    return f"points_{next(_databases)}"


@pytest.fixture
def store(server: Server, database: str, clock: FakeClock) -> Iterator[Store]:
    with closing(_open(server, database, clock)) as opened:
        yield opened


def _open(server: Server, database: str, clock: FakeClock, **options: Any) -> Store:
    address = f"clickhouse://127.0.0.1:{server.http_port}/{database}"
    return open_store(address, clock=clock, **options)


def _metrics() -> MetricsRow:
    """One data point of each kind, and two gauges."""
    message = ResourceMetrics(schema_url="https://example.org/resource")
    message.resource.attributes.extend(key_values({"service.name": "shop"}))
    within = message.scope_metrics.add(schema_url="https://example.org/scope")
    within.scope.name, within.scope.version = "tests", "1.2"
    within.scope.attributes.extend(key_values({"team": "a"}))
    within.scope.dropped_attributes_count = 3
    times = {"start_time_unix_nano": T0, "time_unix_nano": T0 + SECOND}
    attributes = key_values({"route": "/o", "n": 7})

    gauges = within.metrics.add(name="load", unit="%", description="How busy").gauge
    gauges.data_points.add(as_double=0.5, attributes=attributes, flags=1, **times)
    gauges.data_points.add(as_int=2, **times)
    requests = within.metrics.add(name="requests").sum
    requests.aggregation_temporality = 2  # type: ignore[assignment] # an enum's number
    requests.is_monotonic = True
    point = requests.data_points.add(as_int=2**40, **times)
    point.exemplars.add(
        time_unix_nano=T0,
        as_int=3,
        trace_id=trace_id(1),
        span_id=span_id(2),
        filtered_attributes=key_values({"user": "ada"}),
    )
    durations = within.metrics.add(name="duration").histogram
    durations.aggregation_temporality = 1  # type: ignore[assignment] # an enum's number
    durations.data_points.add(
        count=3, sum=6.5, min=1, max=4, bucket_counts=[1, 2], explicit_bounds=[2.5], **times
    )
    sizes = within.metrics.add(name="size").exponential_histogram
    sized = sizes.data_points.add(count=4, sum=9, scale=-1, zero_count=1, **times)
    sized.positive.offset, sized.negative.offset = 2, -2
    sized.positive.bucket_counts.extend([1, 1])
    sized.negative.bucket_counts.extend([1])
    within.metrics.add(name="nothing").gauge.SetInParent()
    summed = within.metrics.add(name="latency").summary.data_points.add(count=5, sum=10, **times)
    summed.quantile_values.add(quantile=0.5, value=1.5)
    return MetricsRow("shop", T0, 6, message.SerializeToString())


def _told(server: Server, database: str, kind: str, columns: str) -> Any:
    sql = f"SELECT groupArray(({columns})) FROM (SELECT * FROM {database}.otel_metrics_{kind}"
    return ast.literal_eval(ask(server, f"{sql} FINAL ORDER BY Place)").replace("true", "True"))


EXPECTED = {
    ("gauge", "Value"): [0.5, 2.0],
    ("sum", "Value, AggregationTemporality, IsMonotonic"): [(2.0**40, 2, True)],
    ("sum", "Exemplars.Value, Exemplars.TraceId, Exemplars.SpanId"): [
        ([3.0], [trace_id(1).hex()], [span_id(2).hex()])
    ],
    ("sum", "Exemplars.FilteredAttributes"): [[{"user": "ada"}]],
    ("histogram", "Count, Sum, Min, Max, BucketCounts, ExplicitBounds, AggregationTemporality"): [
        (3, 6.5, 1.0, 4.0, [1, 2], [2.5], 1)
    ],
    ("exponential_histogram", "Count, Sum, Scale, ZeroCount"): [(4, 9.0, -1, 1)],
    (
        "exponential_histogram",
        "PositiveOffset, PositiveBucketCounts, NegativeOffset, NegativeBucketCounts",
    ): [(2, [1, 1], -2, [1])],
    ("summary", "Count, Sum, ValueAtQuantiles.Quantile, ValueAtQuantiles.Value"): [
        (5, 10.0, [0.5], [1.5])
    ],
    ("gauge", "ServiceName, MetricName, MetricUnit, MetricDescription, Flags"): [
        ("shop", "load", "%", "How busy", 1),
        ("shop", "load", "%", "How busy", 0),
    ],
    ("gauge", "Attributes, ResourceAttributes, ScopeAttributes"): [
        ({"route": "/o", "n": "7"}, {"service.name": "shop"}, {"team": "a"}),
        ({}, {"service.name": "shop"}, {"team": "a"}),
    ],
    (
        "summary",
        "ScopeName, ScopeVersion, ScopeDroppedAttrCount, ScopeSchemaUrl, ResourceSchemaUrl",
    ): [("tests", "1.2", 3, "https://example.org/scope", "https://example.org/resource")],
    ("sum", "toUnixTimestamp64Nano(StartTimeUnix), toUnixTimestamp64Nano(TimeUnix)"): [
        (T0, T0 + SECOND)
    ],
}


def test_every_kind_of_data_point_has_a_row_in_its_table(
    store: Store, server: Server, database: str
) -> None:
    store.submit(Batch(metrics=[_metrics()])).result(timeout=30)
    for (kind, columns), expected in EXPECTED.items():
        assert _told(server, database, kind, columns) == expected, (kind, columns)


def test_points_of_a_batch_that_comes_again_count_once(
    server: Server, database: str, clock: FakeClock
) -> None:
    """Of two hubs neither knows what the other was sent."""
    for _ in range(2):
        with closing(_open(server, database, clock)) as store:
            store.submit(Batch(metrics=[_metrics(), _metrics()], key=("s", 1))).result(timeout=30)
    assert len(_told(server, database, "gauge", "Value")) == 4
    assert len(_told(server, database, "summary", "Count")) == 2


def test_tables_that_a_collector_made_get_our_columns_and_take_points_of_both(
    server: Server, database: str, clock: FakeClock
) -> None:
    ask(server, f"CREATE DATABASE {database}")
    columns = "ServiceName String, MetricName String, Attributes Map(String, String),"
    others = (
        "ResourceAttributes Map(String, String), ResourceSchemaUrl String, ScopeName String,"
        " ScopeVersion String, ScopeAttributes Map(String, String), ScopeDroppedAttrCount UInt32,"
        " ScopeSchemaUrl String, MetricDescription String, MetricUnit String,"
        " StartTimeUnix DateTime64(9), TimeUnix DateTime64(9), Value Float64, Flags UInt32,"
        " Exemplars Nested(FilteredAttributes Map(String, String), TimeUnix DateTime64(9),"
        " Value Float64, SpanId String, TraceId String)"
    )
    ask(
        server,
        f"CREATE TABLE {database}.otel_metrics_gauge ({columns} {others}) ENGINE = MergeTree"
        " PARTITION BY toDate(TimeUnix) ORDER BY (ServiceName, MetricName)",
    )
    with closing(_open(server, database, clock)) as store:
        store.submit(Batch(metrics=[_metrics()])).result(timeout=30)
    ask(server, f"INSERT INTO {database}.otel_metrics_gauge (MetricName, Value) VALUES ('own', 9)")
    told = ask(
        server,
        f"SELECT groupArray(Value) FROM (SELECT Value FROM {database}.otel_metrics_gauge"
        " ORDER BY Value)",
    )
    assert ast.literal_eval(told) == [0.5, 2, 9]


def test_old_days_of_points_are_deleted_with_all_else(
    server: Server, database: str, clock: FakeClock
) -> None:
    kept = Retention(days=1)
    with closing(_open(server, database, clock, retention=kept)) as store:
        store.submit(Batch(metrics=[_metrics()])).result(timeout=30)
        clock.advance(3 * 86_400)
        store.submit(Batch(metrics=[MetricsRow("odd", T0, 1, b"no metrics")])).result(timeout=30)
        store.expire().result(timeout=30)
    for kind in KINDS:
        assert _told(server, database, kind, "Place") == []
