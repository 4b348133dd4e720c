"""Our processors and exporters on providers that the program makes itself."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.exporter.otlp.proto.common._log_encoder import encode_logs
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor

from otbridge import _configure
from otbridge.config import resolve
from otbridge.telemetry.exporters_logs import OtbridgeLogRecordExporter, OtbridgeLogRecordProcessor
from otbridge.telemetry.exporters_metrics import OtbridgeMetricExporter
from otbridge.telemetry.exporters_traces import OtbridgeSpanExporter, OtbridgeSpanProcessor
from otbridge.testing import OtlpReceiver

if TYPE_CHECKING:
    from collections.abc import Iterator

THEIRS = Resource({"service.name": "theirs", "n": 1}, "https://opentelemetry.io/schemas/1.30.0")


@pytest.fixture
def receiver() -> Iterator[OtlpReceiver]:
    """A receiver that otbridge sends to in this test."""
    with OtlpReceiver() as receiver:
        given = {"endpoint": receiver.http_url, "console": "off", "live": "off", "spool": False}
        _configure.activate(resolve(given, environ={}, folder=Path("/")))
        yield receiver
        _configure.shutdown()


def of(resource: Any) -> dict[str, Any]:
    return {pair.key: pair.value.string_value for pair in resource.attributes}


@pytest.mark.parametrize("kind", ["processor", "exporter"])
def test_spans_of_any_provider_come_with_its_resource(receiver: OtlpReceiver, kind: Any) -> None:
    provider = TracerProvider(resource=THEIRS, shutdown_on_exit=False)
    exported = SimpleSpanProcessor(OtbridgeSpanExporter())
    provider.add_span_processor(OtbridgeSpanProcessor() if kind == "processor" else exported)
    with provider.get_tracer("t", "1").start_as_current_span("work", attributes={"n": 1}):
        pass
    provider.shutdown()
    (item,) = receiver.resource_spans
    assert of(item.resource)["service.name"] == "theirs"
    assert item.schema_url == THEIRS.schema_url
    assert (item.scope_spans[0].scope.name, item.scope_spans[0].scope.version) == ("t", "1")
    assert [span.name for span in receiver.spans] == ["work"]


def test_what_is_not_sampled_is_not_delivered(receiver: OtlpReceiver) -> None:
    from opentelemetry.sdk.trace.sampling import ALWAYS_OFF

    provider = TracerProvider(sampler=ALWAYS_OFF, shutdown_on_exit=False)
    provider.add_span_processor(OtbridgeSpanProcessor())
    provider.get_tracer("t").start_span("work").end()
    assert provider.force_flush()
    assert receiver.spans == []


RECORDS: dict[str, dict[str, Any]] = {
    "a plain line": {"body": "hello", "severity_number": SeverityNumber.INFO},
    "an event": {"event_name": "order.placed", "attributes": {"n": 7, "ok": True}},
    "a mapping as body": {"body": {"a": [1, 2.5, None, {"b": b"x"}]}},
    "nothing at all": {},
    "a time and a text": {"timestamp": 17, "severity_text": "LOUD", "body": 3},
}


@pytest.mark.parametrize("name", RECORDS)
@pytest.mark.parametrize("kind", ["processor", "exporter"])
def test_a_log_record_comes_as_the_official_encoder_would_send_it(
    receiver: OtlpReceiver, name: Any, kind: Any
) -> None:
    official = InMemoryLogRecordExporter()  # type: ignore[no-untyped-call]  # untyped in the SDK
    provider = LoggerProvider(resource=THEIRS, shutdown_on_exit=False)
    provider.add_log_record_processor(SimpleLogRecordProcessor(official))
    exported = SimpleLogRecordProcessor(OtbridgeLogRecordExporter())
    provider.add_log_record_processor(
        OtbridgeLogRecordProcessor() if kind == "processor" else exported
    )
    tracer = TracerProvider(shutdown_on_exit=False).get_tracer("t")
    with tracer.start_as_current_span("work"):
        provider.get_logger("l", "2").emit(LogRecord(**RECORDS[name]))
    expected = encode_logs(official.get_finished_logs()).resource_logs
    provider.shutdown()
    assert receiver.resource_logs == list(expected)


def test_a_record_keeps_count_of_what_its_provider_has_dropped(receiver: OtlpReceiver) -> None:
    from opentelemetry.sdk._logs import LogRecordLimits, ReadableLogRecord, ReadWriteLogRecord

    with pytest.warns(UserWarning, match="dropped"):
        limited = ReadWriteLogRecord(
            LogRecord(body="x", attributes={"a": 1, "b": 2}),
            resource=THEIRS,
            limits=LogRecordLimits(max_log_record_attributes=1),
        )
    assert isinstance(limited, ReadWriteLogRecord)
    readable = ReadableLogRecord(limited.log_record, THEIRS)
    exporter = OtbridgeLogRecordExporter()
    exporter.export([readable])
    assert exporter.force_flush()
    assert receiver.logs[-1].dropped_attributes_count == 1


def test_secrets_are_blanked_out_before_anything_is_sent(receiver: OtlpReceiver) -> None:
    logs = LoggerProvider(resource=THEIRS, shutdown_on_exit=False)
    logs.add_log_record_processor(OtbridgeLogRecordProcessor())
    logs.get_logger("l").emit(LogRecord(body={"password": "hunter2"}, attributes={"api_key": "k1"}))
    spans = TracerProvider(shutdown_on_exit=False)
    spans.add_span_processor(OtbridgeSpanProcessor())
    spans.get_tracer("t").start_span("work", attributes={"password": "hunter2"}).end()
    logs.force_flush()
    spans.force_flush()
    assert receiver.logs
    assert receiver.spans
    assert not any(b"hunter2" in each.body or b"k1" in each.body for each in receiver.requests)


def test_a_poisoned_record_harms_neither_its_caller_nor_its_neighbours(
    receiver: OtlpReceiver,
) -> None:
    class Poison:
        def __str__(self) -> str:
            raise RuntimeError("poison")

    provider = LoggerProvider(resource=THEIRS, shutdown_on_exit=False)
    provider.add_log_record_processor(OtbridgeLogRecordProcessor())
    logger = provider.get_logger("l")
    for body in ("before", Poison(), "after"):
        logger.emit(LogRecord(body=body))  # type: ignore[arg-type]  # what the types forbid, people do
    provider.force_flush()
    found = [record.body.string_value for record in receiver.logs]
    assert len(found) == 3
    assert found[0] == "before"
    assert found[2] == "after"


@pytest.mark.parametrize(
    ("preference", "temporality"), [("", 2), ("cumulative", 2), ("delta", 1), ("LowMemory", 1)]
)
def test_metrics_come_in_the_temporality_that_the_environment_prefers(
    receiver: OtlpReceiver,
    monkeypatch: pytest.MonkeyPatch,
    preference: Any,
    temporality: Any,
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", preference)
    reader = PeriodicExportingMetricReader(OtbridgeMetricExporter(), float("inf"))
    provider = MeterProvider([reader], resource=THEIRS, shutdown_on_exit=False)
    provider.get_meter("m").create_counter("c").add(3)
    provider.force_flush()
    provider.shutdown()
    (metric,) = receiver.metrics
    assert metric.sum.aggregation_temporality == temporality
    assert of(receiver.resource_metrics[0].resource)["service.name"] == "theirs"


def test_what_an_exporter_is_given_matters_only_where_nothing_is_configured(
    receiver: OtlpReceiver,
) -> None:
    exporter = OtbridgeSpanExporter(endpoint="http://127.0.0.1:1")
    span = TracerProvider(shutdown_on_exit=False).get_tracer("t").start_span("work")
    span.end()
    exporter.export([span])  # type: ignore[list-item]  # the SDK's spans can be read
    exporter.shutdown()
    assert [each.name for each in receiver.spans] == ["work"]


def test_after_otbridge_is_shut_down_nothing_is_delivered_and_nothing_raises(
    receiver: OtlpReceiver,
) -> None:
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(OtbridgeSpanProcessor())
    _configure.shutdown()
    provider.get_tracer("t").start_span("work").end()
    assert provider.force_flush()
    provider.shutdown()
    assert receiver.spans == []
    assert _configure.stats()["traces"].dropped == {"shutdown": 1}


def test_what_the_sdk_still_holds_back_is_flushed_with_the_rest(
    receiver: OtlpReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    from otbridge.telemetry import outlets

    monkeypatch.setattr(outlets, "_sources", {})
    asked: list[int] = []
    outlets.use("metrics", {}, asked.append)
    _configure.flush(3)
    assert asked == [3000]
