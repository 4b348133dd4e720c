"""Delivery's own metrics."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.metrics.v1.metrics_pb2 import (
    Gauge,
    Metric,
    NumberDataPoint,
    ResourceMetrics,
    ScopeMetrics,
)
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

import otbridge
from otbridge.delivery.pipeline import Pipeline
from otbridge.delivery.settings import QueueSettings
from otbridge.sinks.memory import MemorySink
from otbridge.telemetry.health import Health, Source
from otbridge.testing import Answer, OtlpReceiver
from otbridge.typing import Rejected, Retryable, Success
from otbridge.wire.otlp_logs import encode_log_record
from otbridge.wire.otlp_request import Envelope, split_request

if TYPE_CHECKING:
    from collections.abc import Iterator

    from otbridge.typing import Signal

ENVELOPE = Envelope.of({}, "t")
RECORD = encode_log_record(1, 1, 9, "INFO", "x", {})


class Harness:
    """A pipeline, and a look at what its metrics say."""

    def __init__(self, *answers: Any, signal: Signal = "logs", **options: Any) -> None:
        self.health = Health()
        self.pipeline = Pipeline(
            signal,
            MemorySink(*answers),
            report=lambda _: None,
            on_export=lambda seconds, result: self.health.timed(
                signal, seconds, "" if isinstance(result, Success) else result.reason
            ),
            **options,
        )
        self.health.sources = (Source(signal, self.pipeline, 100, "http", "host", 4318),)
        self._reader = InMemoryMetricReader()
        self._provider = MeterProvider([self._reader], shutdown_on_exit=False)
        self.health.register(self._provider)

    def put(self, records: int) -> None:
        self._put_together([(ENVELOPE, RECORD)] * records)

    def put_metrics(self, points: list[int]) -> None:
        """Put a metric for each number, with so many data points."""
        entries = []
        for number in points:
            gauge = Gauge(data_points=[NumberDataPoint(as_int=n) for n in range(number)])
            scope = ScopeMetrics(metrics=[Metric(name="m", gauge=gauge)])
            request = ExportMetricsServiceRequest(
                resource_metrics=[ResourceMetrics(scope_metrics=[scope])]
            )
            entries += split_request("metrics", request.SerializeToString())
        self._put_together(entries)

    def _put_together(self, entries: list[tuple[Envelope, bytes]]) -> None:
        """Put all before the worker wakes: the first would leave alone, with the first answer."""
        worker: Any = self.pipeline._sending.worker
        rouse, worker.rouse = worker.rouse, lambda: None
        for envelope, record in entries:
            self.pipeline.put(envelope, record)
        worker.rouse = rouse

    def read(self, name: str) -> dict[Any, Any]:
        """Return the points of one metric by their `error.type`."""
        found: Any = self._reader.get_metrics_data()
        for metric in found.resource_metrics[0].scope_metrics[0].metrics:
            if metric.name == name:
                points = metric.data.data_points
                return {point.attributes.get("error.type"): point for point in points}
        return {}

    def values(self, name: str) -> dict[Any, Any]:
        return {error: point.value for error, point in self.read(name).items()}

    def end(self) -> None:
        self.pipeline.shutdown(0.0)
        self._provider.shutdown()


@pytest.fixture
def make() -> Iterator[Any]:
    made: list[Harness] = []

    def harness(*answers: Any, **options: Any) -> Harness:
        made.append(Harness(*answers, **options))
        return made[-1]

    yield harness
    for each in made:
        each.end()


def test_what_arrived_is_exported_without_an_error(make: Any) -> None:
    harness = make()
    harness.put(5)
    harness.pipeline.flush(5)
    assert harness.values("otel.sdk.exporter.log.exported") == {None: 5}
    assert harness.values("otel.sdk.processor.log.processed") == {None: 5}
    (point,) = harness.read("otel.sdk.exporter.log.exported").values()
    assert dict(point.attributes) == {
        "otel.component.type": "otlp_http_log_exporter",
        "otel.component.name": "otlp_http_log_exporter/0",
        "server.address": "host",
        "server.port": 4318,
    }


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (Success(3, "too old"), {None: 7, "rejected": 3}),
        (Rejected("404"), {None: 0, "404": 10}),
        (Rejected("PERMISSION_DENIED"), {None: 0, "PERMISSION_DENIED": 10}),
    ],
)
def test_what_did_not_arrive_is_never_without_its_error(
    make: Any, answer: Any, expected: Any
) -> None:
    harness = make(answer)
    harness.put(10)
    harness.pipeline.flush(5)
    assert harness.values("otel.sdk.exporter.log.exported") == expected


def test_what_never_got_to_the_exporter_is_the_processors_loss(make: Any) -> None:
    harness = make(queue=QueueSettings(max_records=20, policy="drop_newest"))
    harness.pipeline._sending.worker.rouse = lambda: None
    harness.put(25)
    assert harness.values("otel.sdk.processor.log.queue.size") == {None: 20}
    assert harness.values("otel.sdk.processor.log.queue.capacity") == {None: 100}
    assert harness.values("otel.sdk.processor.log.processed") == {None: 0, "queue_full": 5}
    harness.pipeline.shutdown(5)
    harness.put(1)
    assert harness.values("otel.sdk.processor.log.processed") == {
        None: 20,
        "queue_full": 5,
        "already_shutdown": 1,
    }
    assert harness.values("otel.sdk.exporter.log.exported") == {None: 20}


def test_an_export_is_timed_once_with_all_its_attempts(make: Any) -> None:
    harness = make(Retryable("503"), Retryable("503"))
    harness.put(1)
    harness.pipeline.flush(5)
    harness.pipeline.flush(5)
    points = harness.read("otel.sdk.exporter.operation.duration")
    assert {error: point.count for error, point in points.items()} == {None: 1}


def test_an_export_that_failed_is_timed_with_its_error(make: Any) -> None:
    harness = make(Rejected("404"))
    harness.put(1)
    harness.pipeline.flush(5)
    assert list(harness.read("otel.sdk.exporter.operation.duration")) == ["404"]


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (Success(), {None: 6}),
        (Success(4, "too old"), {None: 2, "rejected": 4}),
        (Success(100), {None: 0, "rejected": 6}),
        (Rejected("404"), {None: 0, "404": 6}),
    ],
)
def test_of_metrics_data_points_are_counted(make: Any, answer: Any, expected: Any) -> None:
    """Two metrics with three points each, of which receivers refuse points."""
    harness = make(answer, signal="metrics")
    harness.put_metrics([3, 3])
    harness.pipeline.flush(5)
    exported = "otel.sdk.exporter.metric_data_point.exported"
    assert harness.values(exported) == expected
    assert harness.values("otel.sdk.exporter.metric_data_point.inflight") == {None: 0}
    (point, *_) = harness.read(exported).values()
    assert point.attributes["otel.component.type"] == "otlp_http_metric_exporter"
    assert harness.read("otel.sdk.exporter.operation.duration")


def test_a_metric_that_was_never_sent_is_not_forgotten(make: Any) -> None:
    """How many points it had is not known any more: at least one."""
    queue = QueueSettings(max_records=2, policy="drop_newest")
    harness = make(signal="metrics", queue=queue)
    harness.pipeline._sending.worker.rouse = lambda: None
    harness.put_metrics([5, 5, 5])
    harness.pipeline.flush(5)
    assert harness.values("otel.sdk.exporter.metric_data_point.exported") == {
        None: 10,
        "queue_full": 1,
    }


def test_a_program_that_uses_metrics_sends_these_as_well() -> None:
    from opentelemetry import metrics

    with OtlpReceiver() as receiver:
        with otbridge.configure("shop", endpoint=receiver.http_url, console="off"):
            metrics.get_meter("shop").create_counter("refunds").add(1)
            otbridge.get_logger("x").info("hello")
            otbridge.flush()
            receiver.clear()
        names = {metric.name for metric in receiver.metrics}
    assert {
        "refunds",
        "otel.sdk.exporter.log.exported",
        "otel.sdk.exporter.metric_data_point.exported",
        "otel.sdk.processor.log.processed",
    } <= names


def test_a_receiver_that_refuses_is_not_counted_as_a_success() -> None:
    """The official SDK counts 10 exported, without an error, where 7 of 10 were rejected."""
    from opentelemetry import metrics

    with OtlpReceiver() as receiver:
        with otbridge.configure("shop", endpoint=receiver.http_url, console="off", live="off"):
            metrics.get_meter("shop")
            receiver.answer_always(
                lambda body: Answer.partial(7) if b"hello there" in body else Answer.ok()
            )
            for _ in range(10):
                otbridge.get_logger("x").info("hello there")
            otbridge.flush()
            receiver.clear()
            otbridge.flush()
        exported = [
            point
            for metric in receiver.metrics
            if metric.name == "otel.sdk.exporter.log.exported"
            for point in metric.sum.data_points
        ]
    failed = {
        pair.value.string_value: point.as_int
        for point in exported
        for pair in point.attributes
        if pair.key == "error.type"
    }
    assert failed == {"rejected": 7}
    otbridge.configure(profile="testing")  # the test run has lost nothing
