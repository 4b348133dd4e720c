"""OTLP over gRPC, with a plain channel for what stock exporters would never send."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

import grpc
import grpc.aio
import pytest
from google.rpc.error_details_pb2 import (  # type: ignore[import-untyped]
    BadRequest,
    RetryInfo,
)
from google.rpc.status_pb2 import Status  # type: ignore[import-untyped]
from opentelemetry._logs import SeverityNumber
from opentelemetry.exporter.otlp.proto.grpc._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import SimpleLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor

from otbridge._clock import SystemClock
from otbridge.hub.ingest import Ingest
from otbridge.hub.ledger import HubLedger
from otbridge.hub.limits import MAX_BODY_BYTES
from otbridge.hub.live import LiveFeed
from otbridge.hub.receive_log.log import ReceiveLog
from otbridge.hub.receivers.otlp_grpc import OtlpGrpc
from otbridge.hub.store import open_store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.hub.hub_process import HubProcess

TRACES = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"


@pytest.fixture
def export(shared_hub: HubProcess) -> Iterator[Callable[..., Any]]:
    """A call that sends bytes and gets bytes."""
    options = [("grpc.max_send_message_length", -1)]
    with grpc.insecure_channel(shared_hub.grpc, options=options) as channel:
        yield channel.unary_unary(TRACES)


def request(*trace_ids: bytes) -> bytes:
    message = ExportTraceServiceRequest()
    spans = message.resource_spans.add().scope_spans.add().spans
    for trace_id in trace_ids:
        spans.add(
            trace_id=trace_id,
            span_id=b"12345678",
            name="a",
            start_time_unix_nano=time.time_ns(),
            end_time_unix_nano=time.time_ns(),
        )
    return message.SerializeToString()


def test_a_request_is_stored_when_it_is_answered(
    shared_hub: HubProcess, export: Callable[..., Any]
) -> None:
    assert export(request(b"g" * 16), timeout=10) == b""
    assert len(shared_hub.http.get(f"/api/v1/traces/{b'g'.hex() * 16}").json()["spans"]) == 1


def test_an_empty_request_is_a_success(export: Callable[..., Any]) -> None:
    assert export(b"", timeout=10) == b""


def test_gzip_is_taken(export: Callable[..., Any]) -> None:
    answer = export(request(b"z" * 16), timeout=10, compression=grpc.Compression.Gzip)
    assert answer == b""


def test_refused_records_are_counted_with_a_reason(export: Callable[..., Any]) -> None:
    answer = ExportTraceServiceResponse.FromString(export(request(b"short", b"h" * 16), timeout=10))
    assert answer.partial_success.rejected_spans == 1
    assert "trace id" in answer.partial_success.error_message


def refused(export: Callable[..., Any], data: bytes, **more: Any) -> Any:
    with pytest.raises(grpc.RpcError) as caught:
        export(data, timeout=20, **more)
    return caught.value


def test_malformed_data_is_an_invalid_argument(export: Callable[..., Any]) -> None:
    error = refused(export, b"\xff\xff")
    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT  # S9
    assert "protobuf" in error.details()
    status = Status.FromString(dict(error.trailing_metadata())["grpc-status-details-bin"])
    details = BadRequest()
    assert status.details[0].Unpack(details)
    assert details.field_violations[0].description


def test_references_to_a_string_table_are_warned_of(export: Callable[..., Any]) -> None:
    message = ExportTraceServiceRequest.FromString(request(b"r" * 16))
    attribute = message.resource_spans[0].scope_spans[0].spans[0].attributes.add(key="a")
    attribute.value.string_value_strindex = 7
    answer = ExportTraceServiceResponse.FromString(export(message.SerializeToString(), timeout=10))
    assert answer.partial_success.rejected_spans == 0  # S8
    assert "string table" in answer.partial_success.error_message  # S14


@pytest.mark.parametrize("compression", [grpc.Compression.NoCompression, grpc.Compression.Gzip])
def test_a_message_over_the_limit_exhausts_the_resources_for_good(
    shared_hub: HubProcess, export: Callable[..., Any], compression: grpc.Compression
) -> None:
    before = shared_hub.resident_bytes()
    error = refused(export, bytes(MAX_BODY_BYTES + 1), compression=compression)
    assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED  # S3
    keys = [key for key, _ in error.trailing_metadata()]
    assert "grpc-status-details-bin" not in keys
    assert shared_hub.resident_bytes() - before < 64 << 20


def test_more_records_than_allowed_exhaust_the_resources(export: Callable[..., Any]) -> None:
    spans = b"\x12\x00" * 30_000
    scope = b"\x12" + _varint(len(spans)) + spans
    error = refused(export, b"\x0a" + _varint(len(scope)) + scope)
    assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert "records" in error.details()


def _varint(number: int) -> bytes:
    out = b""
    while number > 127:
        out += bytes([number & 127 | 128])
        number >>= 7
    return out + bytes([number])


def test_an_unknown_service_is_unimplemented(shared_hub: HubProcess) -> None:
    with grpc.insecure_channel(shared_hub.grpc) as channel:
        call: Any = channel.unary_unary("/opentelemetry.proto.collector.profiles/Export")
        assert refused(call, b"").code() is grpc.StatusCode.UNIMPLEMENTED


def test_a_caller_that_gives_up_harms_nobody(export: Callable[..., Any]) -> None:
    for _ in range(20):
        export.future(request(b"c" * 16)).cancel()  # type: ignore[attr-defined]
    assert export(b"", timeout=10) == b""


def test_the_stock_python_exporters_are_understood(shared_hub: HubProcess) -> None:
    target = {"endpoint": shared_hub.grpc, "insecure": True}
    resource = Resource.create({"service.name": "stock-grpc"})
    tracing = TracerProvider(resource=resource)
    tracing.add_span_processor(SimpleSpanProcessor(OTLPSpanExporter(**target)))  # type: ignore[arg-type]
    logging = LoggerProvider(resource=resource)
    logging.add_log_record_processor(SimpleLogRecordProcessor(OTLPLogExporter(**target)))  # type: ignore[arg-type]
    metering = MeterProvider(
        [PeriodicExportingMetricReader(OTLPMetricExporter(**target))],  # type: ignore[arg-type]
        resource=resource,
    )
    with tracing.get_tracer("t").start_as_current_span("stock") as span:
        logging.get_logger("l").emit(body="inside", severity_number=SeverityNumber.INFO)
        trace_id = span.get_span_context().trace_id
    metering.get_meter("m").create_histogram("sizes").record(3)
    for provider in (tracing, logging, metering):
        provider.shutdown()
    shown = shared_hub.http.get(f"/api/v1/traces/{trace_id:032x}").json()
    assert [span["service"] for span in shown["spans"]] == ["stock-grpc"]
    assert [log["body"] for log in shown["logs"]] == ["inside"]
    assert shared_hub.http.get("/api/v1/stats").json()["stored"]["metrics"] >= 1


def test_a_hub_that_cannot_take_now_says_when_to_come_again(tmp_path: Path) -> None:
    async def scene() -> Any:
        store = open_store(tmp_path / "store")
        log = ReceiveLog(str(tmp_path / "log"))
        ingest = Ingest(store, LiveFeed(), HubLedger(), SystemClock(), log=log)
        door = OtlpGrpc(ingest)
        port = await door.start("127.0.0.1", 0)
        ingest.close()
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            call: Any = channel.unary_unary(TRACES)
            with pytest.raises(grpc.RpcError) as caught:
                await call(request(b"b" * 16))
        await door.stop(0)
        store.close()
        log.close()
        return caught.value

    error = asyncio.run(scene())
    assert error.code() is grpc.StatusCode.UNAVAILABLE  # S9, S10
    status = Status.FromString(dict(error.trailing_metadata())["grpc-status-details-bin"])
    assert status.code == grpc.StatusCode.UNAVAILABLE.value[0]
    info = RetryInfo()
    assert status.details[0].Unpack(info)
    assert info.retry_delay.ToSeconds() == 2
