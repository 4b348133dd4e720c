"""Data points are counted without decoding a metric."""

from __future__ import annotations

import pytest
from opentelemetry.proto.metrics.v1.metrics_pb2 import (
    ExponentialHistogram,
    ExponentialHistogramDataPoint,
    Gauge,
    Histogram,
    HistogramDataPoint,
    Metric,
    NumberDataPoint,
    Sum,
    Summary,
    SummaryDataPoint,
)

from otbridge.delivery.batch import Batch
from otbridge.delivery.data_points import data_points, data_points_of
from otbridge.wire.otlp_request import Envelope, compose
from otbridge.wire.protobuf import field

NUMBERS = [NumberDataPoint(as_int=1), NumberDataPoint(as_double=2.0)]


def framed(metric: Metric) -> bytes:
    return field(b"\x12", metric.SerializeToString())


@pytest.mark.parametrize(
    ("metric", "points"),
    [
        (Metric(name="gauge", gauge=Gauge(data_points=NUMBERS)), 2),
        (Metric(name="sum", sum=Sum(data_points=NUMBERS, is_monotonic=True)), 2),
        (Metric(name="h", histogram=Histogram(data_points=[HistogramDataPoint(count=3)])), 1),
        (
            Metric(
                name="e",
                exponential_histogram=ExponentialHistogram(
                    data_points=[ExponentialHistogramDataPoint()] * 3
                ),
            ),
            3,
        ),
        (Metric(name="s", summary=Summary(data_points=[SummaryDataPoint()])), 1),
        (Metric(name="nothing", description="yet"), 0),
    ],
    ids=lambda value: value.name if isinstance(value, Metric) else "",
)
def test_every_kind_of_metric_is_counted(metric: Metric, points: int) -> None:
    assert data_points(framed(metric)) == points


def test_what_is_no_metric_counts_as_a_record() -> None:
    """A batch that cannot be taken apart has at least as many points as records."""
    batch = Batch("metrics", [(Envelope(b"", b""), b"\xff\xff")] * 3, compose)
    assert data_points_of(batch) == 3
