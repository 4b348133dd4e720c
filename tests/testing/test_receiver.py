"""The scriptable receiver, with the official exporters as its clients."""

from __future__ import annotations

import http.client
import json
import socket
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import grpc
import pytest
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as GrpcExporter
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import SimpleLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor

from otbridge.testing import Answer, OtlpReceiver
from otbridge.testing.conform.server import Server, breaks_must, check_server
from otbridge.testing.doors import Tls

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def receiver() -> Iterator[OtlpReceiver]:
    with OtlpReceiver() as receiver:
        yield receiver


def send_span(exporter: Any, name: str = "span") -> None:
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    provider.get_tracer("scope").start_span(name).end()
    provider.shutdown()


def test_spans_come_over_http(receiver: OtlpReceiver) -> None:
    send_span(OTLPSpanExporter(f"{receiver.http_url}/v1/traces"))
    receiver.wait_for(1, signal="traces")
    assert [span.name for span in receiver.spans] == ["span"]
    assert receiver.requests[0].transport == "http"
    assert receiver.resource_spans[0].scope_spans[0].scope.name == "scope"


def test_spans_come_over_grpc(receiver: OtlpReceiver) -> None:
    send_span(GrpcExporter(receiver.grpc_target, insecure=True))
    receiver.wait_for(1)
    assert [span.name for span in receiver.spans] == ["span"]
    assert receiver.requests[0].transport == "grpc"


def test_logs_come(receiver: OtlpReceiver) -> None:
    provider = LoggerProvider()
    exporter = OTLPLogExporter(f"{receiver.http_url}/v1/logs")
    provider.add_log_record_processor(SimpleLogRecordProcessor(exporter))
    provider.get_logger("scope").emit(body="hello")
    receiver.wait_for(1, signal="logs")
    assert receiver.logs[0].body.string_value == "hello"
    provider.shutdown()


def test_metrics_come(receiver: OtlpReceiver) -> None:
    exporter = OTLPMetricExporter(f"{receiver.http_url}/v1/metrics")
    provider = MeterProvider([PeriodicExportingMetricReader(exporter, 1e9)])
    provider.get_meter("scope").create_counter("orders").add(1)
    provider.shutdown()
    receiver.wait_for(1, signal="metrics")
    assert receiver.metrics[0].name == "orders"


def post(receiver: OtlpReceiver, path: str, body: bytes = b"", **headers: str) -> Any:
    url = urlsplit(receiver.http_url)
    assert url.hostname is not None
    connection = http.client.HTTPConnection(url.hostname, url.port, timeout=5)
    try:
        connection.request("POST", path, body, headers)
        response = connection.getresponse()
        return response, response.read()
    finally:
        connection.close()


def test_answers_are_given_in_their_order_and_then_the_usual_one(receiver: OtlpReceiver) -> None:
    receiver.answer_next(Answer.retry_in(7), Answer.partial(2, "no"))
    response, _ = post(receiver, "/v1/logs")
    assert (response.status, response.headers["Retry-After"]) == (503, "7")
    assert post(receiver, "/v1/logs")[1] == b"\x0a\x06\x08\x02\x12\x02no"
    assert post(receiver, "/v1/logs")[0].status == 200


def test_what_is_refused_is_kept_but_does_not_count_as_received(receiver: OtlpReceiver) -> None:
    receiver.answer_always(Answer.refuse(400))
    post(receiver, "/v1/traces", b"\x0a\x00")
    assert (len(receiver.requests), receiver.accepted, receiver.resource_spans) == (1, [], [])


def test_a_path_that_is_none_is_refused(receiver: OtlpReceiver) -> None:
    assert post(receiver, "/v2/logs")[0].status == 404


def test_a_body_that_cannot_be_decompressed_is_refused(receiver: OtlpReceiver) -> None:
    headers = {"Content-Encoding": "gzip"}
    assert post(receiver, "/v1/logs", b"not gzip", **headers)[0].status == 400


def test_what_is_no_otlp_is_refused_whatever_was_to_be_answered_and_kept_as_it_came(
    receiver: OtlpReceiver,
) -> None:
    receiver.answer_next(Answer.partial(1))
    assert post(receiver, "/v1/logs", b"garbage")[0].status == 400
    (refused,) = receiver.requests
    assert (refused.body, refused.answer.accepts) == (b"garbage", False)
    assert post(receiver, "/v1/logs")[1] == Answer.partial(1).body


def test_other_methods_and_other_types_are_refused_by_name(receiver: OtlpReceiver) -> None:
    response, _ = post(receiver, "/v1/logs", b"a line", **{"Content-Type": "text/plain"})
    assert response.status == 415
    with socket.create_connection(("127.0.0.1", receiver.http_port)) as connection:
        connection.sendall(b"GET /v1/logs HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        head = connection.makefile("rb").read()
    assert head.startswith(b"HTTP/1.1 405")
    assert b"\r\nallow: POST\r\n" in head


def test_json_is_kept_as_the_message_that_it_says_and_answered_in_json(
    receiver: OtlpReceiver,
) -> None:
    document = b'{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"body":{"stringValue":"a"}}]}]}]}'
    receiver.answer_next(Answer.ok(), Answer.partial(2, "no"), Answer.refuse(503, message="later"))
    answers = [
        post(receiver, "/v1/logs", document, **{"Content-Type": "application/json"})
        for _ in range(3)
    ]
    assert [record.body.string_value for record in receiver.logs] == ["a", "a"]
    assert [json.loads(body) for _, body in answers] == [
        {},
        {"partialSuccess": {"rejectedLogRecords": "2", "errorMessage": "no"}},
        {"code": 14, "message": "later"},
    ]
    types = {response.headers["Content-Type"] for response, _ in answers}
    assert types == {"application/json"}


def test_the_receiver_reads_and_answers_as_a_server_must(receiver: OtlpReceiver) -> None:
    rules = ["S9", "H2", "H5", "H6", *(f"J{number}" for number in range(1, 9))]
    results = check_server(Server(receiver.http_url, receiver.grpc_target), rules=rules)
    assert {result.check.rule for result in results} == set(rules)
    assert not breaks_must(results)


def test_waiting_in_vain_says_what_came(receiver: OtlpReceiver) -> None:
    with pytest.raises(TimeoutError, match="0 records in 0 requests came"):
        receiver.wait_for(1, timeout=0.01)


def test_what_came_can_be_forgotten(receiver: OtlpReceiver) -> None:
    post(receiver, "/v1/logs")
    receiver.wait_for_requests(1)
    receiver.clear()
    assert receiver.requests == []


def test_stopping_ends_a_request_that_hangs() -> None:
    with OtlpReceiver(Answer.hang()) as receiver:
        url = urlsplit(receiver.http_url)
        assert url.hostname is not None
        connection = http.client.HTTPConnection(url.hostname, url.port, timeout=5)
        connection.request("POST", "/v1/logs", b"")
        receiver.wait_for_requests(1)
    with pytest.raises((http.client.HTTPException, OSError)):
        connection.getresponse()
    connection.close()


def test_a_receiver_that_does_not_run_has_no_address() -> None:
    with pytest.raises(RuntimeError, match="with statement"):
        _ = OtlpReceiver().http_url


def test_a_receiver_with_a_certificate_speaks_tls_on_both_ports(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for variable in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(variable, raising=False)  # requests prefers them to what it is told
    pem = Path(__file__).parents[1] / "sinks" / "localhost.pem"
    with OtlpReceiver(tls=Tls(str(pem), str(pem))) as receiver:
        http = urlsplit(receiver.http_url)
        send_span(
            OTLPSpanExporter(f"https://localhost:{http.port}/v1/traces", certificate_file=str(pem))
        )
        credentials = grpc.ssl_channel_credentials(pem.read_bytes())
        grpc_port = receiver.grpc_target.rpartition(":")[2]
        send_span(GrpcExporter(f"https://localhost:{grpc_port}", credentials=credentials))
        assert [request.transport for request in receiver.requests] == ["http", "grpc"]


def test_an_answer_can_depend_on_the_request() -> None:
    def judge(body: bytes) -> Answer:
        return Answer.refuse(400) if b"bad" in body else Answer.ok()

    with OtlpReceiver(judge) as receiver:
        exporter = OTLPSpanExporter(f"{receiver.http_url}/v1/traces")
        send_span(exporter, "bad")
        exporter = OTLPSpanExporter(f"{receiver.http_url}/v1/traces")
        send_span(exporter, "good")
        assert [span.name for span in receiver.spans] == ["good"]


def test_an_answer_can_take_its_time(receiver: OtlpReceiver) -> None:
    receiver.answer_next(Answer.ok().after(0.2))
    begin = time.monotonic()
    send_span(OTLPSpanExporter(f"{receiver.http_url}/v1/traces"))
    assert time.monotonic() - receiver.requests[0].at >= 0.2
    assert receiver.requests[0].at >= begin


def test_a_body_may_come_in_chunks(receiver: OtlpReceiver) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", receiver.http_port)
    for _ in range(2):  # on one connection: nothing is left over from the first
        connection.request("POST", "/v1/logs", iter([b"\x12\x02", b"ab"]), encode_chunked=True)
        assert connection.getresponse().read() == b""
    connection.close()
    assert [request.body for request in receiver.requests] == [b"\x12\x02ab"] * 2


@pytest.mark.parametrize(
    "head", [b"Content-Length: 10\r\n\r\n", b"Transfer-Encoding: chunked\r\n\r\na\r\n"]
)
def test_half_a_body_is_not_received(receiver: OtlpReceiver, head: bytes) -> None:
    with socket.create_connection(("127.0.0.1", receiver.http_port)) as killed:
        killed.sendall(b"POST /v1/logs HTTP/1.1\r\n" + head + b"\x12\x02a")
        killed.shutdown(socket.SHUT_WR)
        assert killed.recv(1) == b""
    assert receiver.requests == []


def test_any_path_is_taken_where_the_receiver_is_told_what_comes_there() -> None:
    with OtlpReceiver(elsewhere="traces") as receiver:
        send_span(OTLPSpanExporter(f"{receiver.http_url}/custom/"))
        assert receiver.requests[0].path == "/custom/"
        assert [span.name for span in receiver.spans] == ["span"]
