"""OTLP over HTTP, rule by rule (the numbers are those of the OTLP server checklist)."""

from __future__ import annotations

import asyncio
import gzip
import json
import socket
import subprocess
import time
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import msgspec
import pytest
import zstandard
from google.rpc.error_details_pb2 import BadRequest  # type: ignore[import-untyped]
from google.rpc.status_pb2 import Status  # type: ignore[import-untyped]
from opentelemetry._logs import SeverityNumber
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import (
    ExportLogsServiceRequest,
    ExportLogsServiceResponse,
)
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

from otbridge.hub.ingest import Busy, Overload
from otbridge.hub.ledger import HubLedger
from otbridge.hub.limits import MAX_INFLATED_BYTES
from otbridge.hub.receivers.otlp_http import OtlpHttp
from otbridge.hub.security import Origins
from otbridge.wire.otlp_json import to_json

if TYPE_CHECKING:
    from tests.hub.hub_process import HubProcess

PROTOBUF = "application/x-protobuf"
JSON = "application/json"
TYPES = [PROTOBUF, JSON]
NPM = Path(__file__).parents[3] / "ts-bridge"

_ids = iter(range(1, 10**6))


def one_span(*, trace_id: bytes | None = None, name: str = "a") -> ExportTraceServiceRequest:
    """A request with one span of a new trace."""
    request = ExportTraceServiceRequest()
    request.resource_spans.add().scope_spans.add().spans.add(
        trace_id=new_trace() if trace_id is None else trace_id,
        span_id=b"12345678",
        name=name,
        start_time_unix_nano=time.time_ns(),
        end_time_unix_nano=time.time_ns(),
    )
    return request


def new_trace() -> bytes:
    return next(_ids).to_bytes(16, "big")


def encoded(request: Any, content_type: str) -> bytes:
    if content_type == PROTOBUF:
        data: bytes = request.SerializeToString()
        return data
    return msgspec.json.encode(to_json(request))


def post(
    hub: HubProcess,
    content: bytes,
    content_type: str = PROTOBUF,
    path: str = "/v1/traces",
    **more: str,
) -> httpx.Response:
    headers = {"content-type": content_type, **{key.replace("_", "-"): more[key] for key in more}}
    return hub.http.post(path, content=content, headers=headers)


def status_of(answer: httpx.Response) -> Status:
    """The google.rpc.Status that every error has as its body."""
    if answer.headers["content-type"] == JSON:
        document = answer.json()
        return Status(code=document["code"], message=document["message"])
    assert answer.headers["content-type"] == PROTOBUF
    return Status.FromString(answer.content)


def trace(hub: HubProcess, trace_id: bytes) -> dict[str, Any]:
    answer: dict[str, Any] = hub.http.get(f"/api/v1/traces/{trace_id.hex()}").json()
    return answer


@pytest.mark.parametrize("content_type", TYPES)
def test_a_request_is_stored_when_it_is_answered(shared_hub: HubProcess, content_type: str) -> None:
    trace_id = new_trace()
    answer = post(shared_hub, encoded(one_span(trace_id=trace_id), content_type), content_type)
    assert answer.status_code == 200  # H1, H3
    assert answer.headers["content-type"] == content_type  # H2
    assert answer.content == (b"" if content_type == PROTOBUF else b"{}")  # S6
    assert [span["name"] for span in trace(shared_hub, trace_id)["spans"]] == ["a"]


@pytest.mark.parametrize("path", ["/v1/traces", "/v1/logs", "/v1/metrics"])
@pytest.mark.parametrize(("content_type", "empty"), [(PROTOBUF, b""), (JSON, b"{}")])
def test_an_empty_request_is_a_success(
    shared_hub: HubProcess, path: str, content_type: str, empty: bytes
) -> None:
    answer = post(shared_hub, empty, content_type, path)  # S5
    assert (answer.status_code, answer.content) == (200, empty)


@pytest.mark.parametrize("content_type", TYPES)
def test_a_content_type_may_have_parameters_and_any_case(
    shared_hub: HubProcess, content_type: str
) -> None:
    spelled = f"{content_type.title()}; charset=utf-8"
    assert post(shared_hub, encoded(one_span(), content_type), spelled).status_code == 200


@pytest.mark.parametrize(
    ("encoding", "compress"),
    [
        ("gzip", gzip.compress),  # S1
        ("GZIP", gzip.compress),
        ("deflate", zlib.compress),
        ("zstd", zstandard.compress),
        ("identity", bytes),
    ],
)
def test_bodies_may_be_compressed(shared_hub: HubProcess, encoding: str, compress: Any) -> None:
    body = compress(encoded(one_span(), PROTOBUF))
    assert post(shared_hub, body, content_encoding=encoding).status_code == 200


@pytest.mark.parametrize("content_type", TYPES)
def test_refused_records_are_counted_with_a_reason(
    shared_hub: HubProcess, content_type: str
) -> None:
    request = one_span(trace_id=b"short")
    request.MergeFrom(one_span())
    answer = post(shared_hub, encoded(request, content_type), content_type)
    assert answer.status_code == 200  # S7
    if content_type == JSON:
        partial = answer.json()["partialSuccess"]
        assert partial["rejectedSpans"] == "1"
        assert "trace id" in partial["errorMessage"]
    else:
        response = ExportTraceServiceResponse.FromString(answer.content)
        assert response.partial_success.rejected_spans == 1
        assert "trace id" in response.partial_success.error_message


def test_refused_log_records_are_named_as_such(shared_hub: HubProcess) -> None:
    request = ExportLogsServiceRequest()
    record = request.resource_logs.add().scope_logs.add().log_records.add()
    for _ in range(10_001):
        record.attributes.add()
    answer = post(shared_hub, encoded(request, PROTOBUF), path="/v1/logs")
    response = ExportLogsServiceResponse.FromString(answer.content)
    assert response.partial_success.rejected_log_records == 1
    answer = post(shared_hub, encoded(request, JSON), JSON, path="/v1/logs")
    assert answer.json()["partialSuccess"]["rejectedLogRecords"] == "1"


@pytest.mark.parametrize(("content_type", "body"), [(PROTOBUF, b"\xff\xff"), (JSON, b"{")])
def test_malformed_data_is_400_with_a_status_that_says_why(
    shared_hub: HubProcess, content_type: str, body: bytes
) -> None:
    answer = post(shared_hub, body, content_type)
    assert answer.status_code == 400
    status = status_of(answer)  # H6
    assert status.code == 3
    assert status.message
    if content_type == PROTOBUF:
        details = BadRequest()  # H5
        assert status.details[0].Unpack(details)
        assert details.field_violations[0].description
    else:
        assert answer.json()["details"][0]["@type"].endswith("google.rpc.BadRequest")


def test_a_value_of_the_wrong_kind_is_named_with_its_place(shared_hub: HubProcess) -> None:
    body = b'{"resourceSpans":[{"scopeSpans":[{"spans":[{"kind":"SPAN_KIND_SERVER"}]}]}]}'
    answer = post(shared_hub, body, JSON)
    assert answer.status_code == 400
    assert "resourceSpans[0].scopeSpans[0].spans[0].kind" in answer.json()["message"]


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "zstd"])
def test_a_compressed_body_that_is_damaged_or_cut_short_is_400(
    shared_hub: HubProcess, encoding: str
) -> None:
    compressors: dict[str, Any] = {
        "gzip": gzip.compress,
        "deflate": zlib.compress,
        "zstd": zstandard.compress,
    }
    whole = compressors[encoding](encoded(one_span(), PROTOBUF) * 3)
    for body in (whole[:-5], b"nonsense"):
        assert post(shared_hub, body, content_encoding=encoding).status_code == 400  # H10


@pytest.mark.parametrize("encoding", ["br", "gzip, gzip", "x" * 100])
def test_an_unknown_content_encoding_is_400(shared_hub: HubProcess, encoding: str) -> None:
    assert post(shared_hub, b"", content_encoding=encoding).status_code == 400  # H10


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH"])
def test_another_method_is_405(shared_hub: HubProcess, method: str) -> None:
    answer = shared_hub.http.request(method, "/v1/traces")
    assert answer.status_code == 405  # H10
    assert "POST" in answer.headers["allow"]
    assert status_of(answer).code == 12


@pytest.mark.parametrize("content_type", ["", "text/plain", "application/xml", "*/*"])
def test_another_content_type_is_415(shared_hub: HubProcess, content_type: str) -> None:
    headers = {"content-type": content_type} if content_type else {}
    answer = shared_hub.http.post("/v1/traces", content=b"x", headers=headers)
    assert answer.status_code == 415  # H10
    assert PROTOBUF in status_of(answer).message


def test_an_unknown_path_is_404_and_says_where_to_send(shared_hub: HubProcess) -> None:
    answer = post(shared_hub, b"", path="/v1/profiles")
    assert answer.status_code == 404
    assert "/v1/traces" in answer.json()["error"]["do"]


@pytest.mark.parametrize("announced", [True, False])
def test_a_body_over_the_limit_is_413(shared_hub: HubProcess, announced: bool) -> None:
    chunk = bytes(1 << 20)
    content: Any = chunk * 17 if announced else (chunk for _ in range(17))
    answer = shared_hub.http.post("/v1/traces", content=content, headers={"content-type": PROTOBUF})
    assert answer.status_code == 413  # H4
    assert status_of(answer).code == 8


def test_a_decompression_bomb_is_413_and_costs_no_more_than_the_limit(
    shared_hub: HubProcess,
) -> None:
    shared_hub.http.get("/healthz")
    before = shared_hub.resident_bytes()
    bomb = gzip.compress(bytes(64 << 20), 9) * 16
    began = shared_hub.cpu_s()
    answer = post(shared_hub, bomb, content_encoding="gzip")
    assert answer.status_code == 413
    assert shared_hub.cpu_s() - began < 2
    assert shared_hub.resident_bytes() - before < MAX_INFLATED_BYTES + (16 << 20)


@pytest.mark.parametrize(
    ("content_type", "bomb"),
    [
        (PROTOBUF, b"\x0a\x80\x92\xf4\x01\x12\xfc\x91\xf4\x01" + b"\x12\x00" * 1_999_998),
        (JSON, b'{"resourceSpans":[' + b"{}," * 4_000_000 + b"{}]}"),
        (JSON, b'{"resourceSpans":[' + b"0," * 6_000_000 + b"0]}"),
        (JSON, b'{"a":' + b"[" * 10_000_000),
    ],
    ids=["empty spans", "empty objects", "numbers", "depth"],
)
def test_small_things_in_large_numbers_are_refused_before_they_take_memory(
    hub: HubProcess, content_type: str, bomb: bytes
) -> None:
    answer = post(hub, bomb, content_type)
    assert answer.status_code in (400, 413)
    assert hub.resident_bytes() < 150 << 20  # reliability checklist, line 11


def test_after_a_large_request_the_hub_is_small_again(hub: HubProcess) -> None:
    before = hub.resident_bytes()
    large = gzip.compress(one_span(name="x" * (60 << 20)).SerializeToString())
    assert post(hub, large, content_encoding="gzip").status_code == 413
    assert post(hub, b"").status_code == 200
    assert hub.resident_bytes() - before < 40 << 20


def test_a_gzip_answer_is_never_forced_on_a_sender(shared_hub: HubProcess) -> None:
    answer = post(shared_hub, b"", accept_encoding="identity")
    assert "content-encoding" not in answer.headers  # H9


def test_a_sender_that_hangs_up_midway_harms_nobody(shared_hub: HubProcess) -> None:
    host, port = shared_hub.url.removeprefix("http://").split(":")
    head = (
        f"POST /v1/traces HTTP/1.1\r\nHost: localhost\r\nContent-Type: {PROTOBUF}\r\n"
        "Content-Length: 100\r\n\r\nabc"
    )
    with socket.create_connection((host, int(port))) as rude:
        rude.sendall(head.encode())
    assert post(shared_hub, b"").status_code == 200


def test_what_is_no_http_is_400(shared_hub: HubProcess) -> None:
    host, port = shared_hub.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as stranger:
        stranger.sendall(b"\x16\x03\x01 this is TLS\r\n\r\n")
        assert b" 400 " in stranger.recv(200)


def test_the_books_of_the_hub_add_up(hub: HubProcess) -> None:
    request = one_span()
    request.MergeFrom(one_span(trace_id=b""))
    post(hub, encoded(request, PROTOBUF))
    post(hub, b"\xff")
    post(hub, b"{", JSON)
    post(hub, bytes(17 << 20))
    stats = hub.http.get("/api/v1/stats").json()
    assert stats["received"]["traces"] == 2
    assert stats["stored"]["traces"] == 1
    assert stats["rejected"] == {"invalid_trace_id": 1, "malformed": 2, "too_large": 1}
    assert (stats["waiting"], stats["refused"]["traces"]) == (0, 0)
    assert [(sender["door"], sender["records"]) for sender in stats["senders"]] == [("http", 1)]


@pytest.mark.parametrize("compression", [Compression.NoCompression, Compression.Gzip])
def test_the_stock_python_exporters_are_understood(
    shared_hub: HubProcess, compression: Compression
) -> None:
    service = f"stock-http-{compression.value}"
    resource = Resource.create({"service.name": service})
    tracing = TracerProvider(resource=resource)
    tracing.add_span_processor(
        SimpleSpanProcessor(
            OTLPSpanExporter(f"{shared_hub.url}/v1/traces", compression=compression)
        )
    )
    logging = LoggerProvider(resource=resource)
    logging.add_log_record_processor(
        SimpleLogRecordProcessor(
            OTLPLogExporter(f"{shared_hub.url}/v1/logs", compression=compression)
        )
    )
    reader = PeriodicExportingMetricReader(
        OTLPMetricExporter(f"{shared_hub.url}/v1/metrics", compression=compression)
    )
    metering = MeterProvider([reader], resource=resource)
    with tracing.get_tracer("t").start_as_current_span("stock", attributes={"n": 2**60}) as span:
        logging.get_logger("l").emit(
            body={"order": [1, b"\x00"]}, severity_number=SeverityNumber.WARN
        )
        context = span.get_span_context()
    metering.get_meter("m").create_counter("orders").add(1)
    for provider in (tracing, logging, metering):
        provider.shutdown()
    shown = trace(shared_hub, context.trace_id.to_bytes(16, "big"))
    (stored,) = shown["spans"]
    assert (stored["name"], stored["service"]) == ("stock", service)
    assert stored["attributes"] == {"n": str(2**60)}
    (log,) = shown["logs"]
    assert log["span_id"] == stored["span_id"]
    assert log["body"] == {"order": [1, "AA=="]}
    stats = shared_hub.http.get("/api/v1/stats").json()
    assert stats["stored"]["metrics"] >= 1


@pytest.mark.skipif(
    not (NPM / "node_modules" / "@opentelemetry").is_dir(),
    reason="needs: npm --prefix ts-bridge ci",
)
def test_the_stock_javascript_exporters_are_understood(shared_hub: HubProcess) -> None:
    command = ["node", str(NPM / "sdk" / "test" / "stock-exporter.mjs"), shared_hub.url]
    said = subprocess.run(command, check=True, timeout=60, stdout=subprocess.PIPE).stdout
    sent = json.loads(said)
    shown = trace(shared_hub, bytes.fromhex(sent["traceId"]))
    (span,), (log,) = shown["spans"], shown["logs"]
    assert (span["span_id"], span["kind"], span["service"]) == (
        sent["spanId"],
        "client",
        "stock-js",
    )
    assert span["attributes"] == {
        "text": "a", "int": 7, "float": 0.5, "flag": True, "list": ["x", "y"]
    }  # fmt: skip
    assert [event["name"] for event in span["events"]] == ["an event"]
    assert (log["span_id"], log["severity_number"]) == (sent["spanId"], 13)


def test_the_trace_comes_back_as_the_otlp_that_was_sent(shared_hub: HubProcess) -> None:
    request = one_span(name="exact")
    span = request.resource_spans[0].scope_spans[0].spans[0]
    span.attributes.add(key="n").value.int_value = 2**62
    span.attributes.add(key="d").value.double_value = float("inf")
    span.attributes.add(key="b").value.bytes_value = b"\x00\xff"
    post(shared_hub, encoded(request, PROTOBUF))
    answer = shared_hub.http.get(f"/api/v1/traces/{span.trace_id.hex()}/otlp")
    (source,) = json.loads(answer.content)["resourceSpans"]
    assert source["scopeSpans"][0]["spans"] == [to_json(span)]


@pytest.mark.parametrize(
    ("busy", "status"),
    [
        (Busy("The store is full.", retry_s=2), 503),
        (Overload("Too much at once."), 429),
    ],
)
@pytest.mark.parametrize("content_type", TYPES)
def test_a_hub_that_cannot_take_now_says_when_to_come_again(
    busy: Busy, status: int, content_type: str
) -> None:
    class BusyIngest:
        async def take(self, *_: object, **__: object) -> None:
            raise busy

    ingest: Any = BusyIngest()
    app: Any = OtlpHttp(ingest, Origins(), HubLedger())

    async def scene() -> httpx.Response:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            empty = encoded(ExportLogsServiceRequest(), content_type)
            headers = {"content-type": content_type}
            return await client.post("/v1/logs", content=empty, headers=headers)

    answer = asyncio.run(scene())
    assert answer.status_code == status  # H7
    assert answer.headers["retry-after"] == str(busy.retry_s)
    assert status_of(answer).message == busy.what


@pytest.mark.parametrize("content_type", TYPES)
@pytest.mark.parametrize(
    ("header", "value", "status"),
    [("host", "evil.test", 421), ("origin", "https://evil.test", 403)],
)
def test_a_sender_that_is_turned_away_at_the_door_reads_a_status(
    shared_hub: HubProcess, content_type: str, header: str, value: str, status: int
) -> None:
    body = encoded(one_span(), content_type)
    answer = post(shared_hub, body, content_type, **{header: value})
    assert answer.status_code == status
    assert answer.headers["content-type"] == content_type
    assert status_of(answer).code == 7  # H6


@pytest.mark.parametrize("content_type", TYPES)
def test_references_to_a_string_table_are_taken_and_warned_of(
    shared_hub: HubProcess, content_type: str
) -> None:
    trace_id = new_trace()
    request = one_span(trace_id=trace_id)
    attribute = request.resource_spans[0].scope_spans[0].spans[0].attributes.add(key="a")
    attribute.value.string_value_strindex = 7
    answer = post(shared_hub, encoded(request, content_type), content_type)
    if content_type == JSON:
        partial = answer.json()["partialSuccess"]
        said = (partial["rejectedSpans"], partial["errorMessage"])
    else:
        response = ExportTraceServiceResponse.FromString(answer.content).partial_success
        said = (str(response.rejected_spans), response.error_message)
    assert said[0] == "0"  # S8
    assert "string table" in said[1]  # S14
    (stored,) = trace(shared_hub, trace_id)["spans"]
    assert stored["attributes"] == {"a": None}
