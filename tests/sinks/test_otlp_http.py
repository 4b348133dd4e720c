"""OTLP over HTTP, against real servers that behave and that do not."""

from __future__ import annotations

import gzip
import os
import socket
import ssl
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)

from otbridge.errors import ConfigurationError
from otbridge.sinks.otlp_answer import MAX_REQUEST_BYTES
from otbridge.sinks.otlp_http import OtlpHttpSink
from otbridge.testing import Answer, OtlpReceiver
from otbridge.typing import Rejected, Retryable, Success
from otbridge.wire.otlp_logs import encode_log_record
from otbridge.wire.otlp_request import Envelope, compose

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

REQUEST = compose([
    (Envelope.of({"service.name": "s"}, "t"), encode_log_record(1, 1, 9, "INFO", "hello", {}))
])  # fmt: skip
METRICS = ExportMetricsServiceRequest(
    resource_metrics=[{"scope_metrics": [{"metrics": [{"name": "orders"}]}]}]  # type: ignore[list-item]
).SerializeToString()
PROTOBUF = "application/x-protobuf"


@pytest.fixture
def receiver() -> Iterator[OtlpReceiver]:
    with OtlpReceiver() as receiver:
        yield receiver


@pytest.fixture
def sink(receiver: OtlpReceiver) -> Iterator[OtlpHttpSink]:
    sink = OtlpHttpSink(receiver.http_url)
    yield sink
    sink.close()


# ---------------------------------------------------------------------- what is sent


def test_a_request_arrives_as_it_was_made(sink: OtlpHttpSink, receiver: OtlpReceiver) -> None:
    assert sink.send("logs", REQUEST, 5) == Success()
    (request,) = receiver.requests
    assert (request.path, request.body) == ("/v1/logs", REQUEST)
    assert request.headers["content-type"] == PROTOBUF
    assert request.headers["content-encoding"] == "gzip"
    assert receiver.logs[0].body.string_value == "hello"


@pytest.mark.parametrize(
    ("base", "signal", "path"),
    [
        ("", "logs", "/v1/logs"),
        ("/", "traces", "/v1/traces"),
        ("/otlp", "metrics", "/otlp/v1/metrics"),
        ("/otlp/", "logs", "/otlp/v1/logs"),
    ],
)
def test_the_signals_path_is_appended_to_the_base(
    receiver: OtlpReceiver, base: str, signal: Any, path: str
) -> None:
    sink = OtlpHttpSink(receiver.http_url + base)
    assert sink.send(signal, METRICS if signal == "metrics" else REQUEST, 5) == Success()
    assert receiver.requests[0].path == path
    sink.close()


def test_an_exact_endpoint_is_used_as_it_stands(receiver: OtlpReceiver) -> None:
    sink = OtlpHttpSink(f"{receiver.http_url}/in/v1/logs", exact=True)
    sink.send("logs", REQUEST, 5)
    assert receiver.requests[0].path == "/in/v1/logs"
    sink.close()


@pytest.mark.parametrize("compression", ["none", "gzip", "zstd"])
def test_every_compression_is_understood(receiver: OtlpReceiver, compression: Any) -> None:
    sink = OtlpHttpSink(receiver.http_url, compression=compression)
    sink.send("logs", REQUEST * 50, 5)
    assert len(receiver.logs) == 50
    assert receiver.requests[0].headers.get("content-encoding", "none") == compression
    sink.close()


def test_headers_and_user_agent_are_sent(receiver: OtlpReceiver) -> None:
    sink = OtlpHttpSink(receiver.http_url, headers={"X-Tenant": "ü"}, user_agent="otbridge/1.2")
    sink.send("logs", REQUEST, 5)
    headers = receiver.requests[0].headers
    assert (headers["x-tenant"], headers["user-agent"]) == ("ü", "otbridge/1.2")
    sink.close()


def test_one_connection_serves_many_requests(receiver: OtlpReceiver) -> None:
    sink = OtlpHttpSink(receiver.http_url)
    sink.send("logs", REQUEST, 5)
    first = sink._connection._sock  # type: ignore[union-attr]  # there is one after a send
    for _ in range(5):
        sink.send("logs", REQUEST, 5)
    assert sink._connection._sock is first  # type: ignore[union-attr]  # as above
    sink.close()


def test_a_request_over_the_limit_is_not_sent(sink: OtlpHttpSink, receiver: OtlpReceiver) -> None:
    result = sink.send("logs", bytes(MAX_REQUEST_BYTES + 1), 5)
    assert isinstance(result, Rejected)
    assert (result.reason, receiver.requests) == ("too_large", [])


# ---------------------------------------------------------------------- what is answered


def test_a_partial_success_says_how_many_and_why(
    sink: OtlpHttpSink, receiver: OtlpReceiver
) -> None:
    receiver.answer_next(Answer.partial(3, "too old"), Answer.partial(0, "deprecated"))
    assert sink.send("logs", REQUEST, 5) == Success(3, "too old")
    assert sink.send("logs", REQUEST, 5) == Success(0, "deprecated")


@pytest.mark.parametrize(
    ("status", "maybe_taken"), [(429, False), (502, True), (503, True), (504, True)]
)
def test_an_overloaded_receiver_is_tried_again(
    sink: OtlpHttpSink, receiver: OtlpReceiver, status: int, *, maybe_taken: bool
) -> None:
    receiver.answer_next(Answer.refuse(status, message="busy"))
    busy = Retryable(str(status), "busy", maybe_taken=maybe_taken)
    assert sink.send("logs", REQUEST, 5) == busy
    assert sink.send("logs", REQUEST, 5) == Success()


@pytest.mark.parametrize("status", [400, 401, 403, 404, 408, 413, 415, 418, 500, 501, 505])
def test_every_other_refusal_is_final(
    sink: OtlpHttpSink, receiver: OtlpReceiver, status: int
) -> None:
    receiver.answer_next(Answer.refuse(status, message="no"))
    assert sink.send("logs", REQUEST, 5) == Rejected(str(status), "no")


@pytest.mark.parametrize(
    ("header", "seconds"), [("7", 7.0), ("0", 0.0), ("-1", None), ("nan", None), ("soon", None)]
)
def test_retry_after_in_seconds_is_passed_on(
    sink: OtlpHttpSink, receiver: OtlpReceiver, header: str, seconds: float | None
) -> None:
    receiver.answer_next(Answer.refuse(503, retry_after=header))
    result = sink.send("logs", REQUEST, 5)
    assert isinstance(result, Retryable)
    assert result.after == seconds


def test_retry_info_in_the_body_is_passed_on(sink: OtlpHttpSink, receiver: OtlpReceiver) -> None:
    details = Answer.retry_in(2.5).metadata[0][1]
    assert isinstance(details, bytes)
    receiver.answer_next(Answer.raw(503, details, PROTOBUF))
    assert sink.send("logs", REQUEST, 5) == Retryable("503", "later", 2.5)


@pytest.mark.parametrize("status", [301, 302, 304, 307, 308])
def test_a_redirect_is_a_failure_and_is_not_followed(
    sink: OtlpHttpSink, receiver: OtlpReceiver, status: int
) -> None:
    receiver.answer_next(Answer.refuse(status, location=f"{receiver.http_url}/v1/logs"))
    result = sink.send("logs", REQUEST, 5)
    assert isinstance(result, Rejected)
    assert "set the endpoint" in result.message
    assert len(receiver.requests) == 1


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"<html>Please log in</html>", "text/html"),
        (b"ok", "text/plain"),
        (b"\xff\xff\xff", PROTOBUF),
        (b"\x0a\x0b\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", PROTOBUF),  # -1 refused
        (b"[1]", "application/json"),
        (b'{"partialSuccess": {"rejectedLogRecords": "many"}}', "application/json"),
        (b"\x1f\x8b\x08garbage", PROTOBUF),
    ],
)
def test_a_200_that_is_no_otlp_answer_is_a_failure(
    sink: OtlpHttpSink, receiver: OtlpReceiver, body: bytes, kind: str
) -> None:
    encoding = {"content_encoding": "gzip"} if body.startswith(b"\x1f\x8b") else {}
    receiver.answer_next(Answer.raw(200, body, kind, **encoding))
    result = sink.send("logs", REQUEST, 5)
    assert isinstance(result, Rejected)
    assert result.reason == "invalid_response"


@pytest.mark.parametrize(
    ("status", "body", "kind", "expected"),
    [
        (200, b"", "text/plain", Success()),
        (204, b"", "text/html", Success()),
        (200, b"{}", "application/json; charset=utf-8", Success()),
        (
            200,
            b'{"partialSuccess":{"rejectedSpans":"2","errorMessage":"no"}}',
            "application/json",
            Success(2, "no"),
        ),
    ],
)
def test_answers_that_real_receivers_give_are_understood(  # noqa: PLR0917 - given by name
    sink: OtlpHttpSink,
    receiver: OtlpReceiver,
    status: int,
    body: bytes,
    kind: str,
    expected: Success,
) -> None:
    receiver.answer_next(Answer.raw(status, body, kind))
    assert sink.send("logs", REQUEST, 5) == expected


def test_a_compressed_answer_is_read(sink: OtlpHttpSink, receiver: OtlpReceiver) -> None:
    body = gzip.compress(Answer.partial(1, "x").body)
    receiver.answer_next(Answer.raw(200, body, PROTOBUF, content_encoding="gzip"))
    assert sink.send("logs", REQUEST, 5) == Success(1, "x")


@pytest.mark.parametrize("packed", [True, False])
def test_an_endless_answer_is_not_read_to_its_end(
    sink: OtlpHttpSink, receiver: OtlpReceiver, packed: bool
) -> None:
    body, headers = bytes(5 << 20), {}
    if packed:
        body, headers = gzip.compress(bytes(64 << 20)), {"content_encoding": "gzip"}
    receiver.answer_next(Answer.raw(200, body, PROTOBUF, **headers))
    assert isinstance(sink.send("logs", REQUEST, 5), Rejected)
    assert sink.send("logs", REQUEST, 5) == Success()


def test_what_a_refusal_says_never_repeats_our_secrets(receiver: OtlpReceiver) -> None:
    sink = OtlpHttpSink(receiver.http_url, headers={"Authorization": "Bearer s3cr3t-t0ken"})
    echo = b"no access for Bearer s3cr3t-t0ken\r\n\x1b[31m or s3cr3t-t0ken " + b"x" * 1000
    receiver.answer_next(Answer.raw(401, echo, "text/plain"))
    result = sink.send("logs", REQUEST, 5)
    assert isinstance(result, Rejected)
    assert result.message.startswith("no access for *** [31m or *** xxx")
    assert len(result.message) <= 300
    sink.close()


def test_a_page_for_people_is_not_repeated(sink: OtlpHttpSink, receiver: OtlpReceiver) -> None:
    receiver.answer_next(Answer.raw(404, b"<h1>Not here</h1>", "text/html"))
    assert sink.send("logs", REQUEST, 5) == Rejected("404", "")


# ---------------------------------------------------------------------- the network


def test_nobody_there_may_pass(receiver: OtlpReceiver) -> None:
    port = receiver.http_port
    receiver.stop()
    result = OtlpHttpSink(f"http://127.0.0.1:{port}").send("logs", REQUEST, 5)
    assert isinstance(result, Retryable)
    assert result.reason == "ConnectionRefusedError"


def test_a_connection_that_ends_without_an_answer_may_pass(
    sink: OtlpHttpSink, receiver: OtlpReceiver
) -> None:
    receiver.answer_next(Answer.disconnect())
    assert isinstance(sink.send("logs", REQUEST, 5), Retryable)
    assert sink.send("logs", REQUEST, 5) == Success()


def test_a_receiver_that_was_restarted_is_used_without_a_failure(receiver: OtlpReceiver) -> None:
    sink = OtlpHttpSink(receiver.http_url)
    assert sink.send("logs", REQUEST, 5) == Success()
    port = receiver.http_port
    receiver.stop()
    sink._connection._used_at -= 10  # type: ignore[union-attr]  # some time has passed
    with OtlpReceiver(http_port=port) as again:
        assert sink.send("logs", REQUEST, 5) == Success()
        assert len(again.logs) == 1
    sink.close()


def test_a_receiver_that_hangs_costs_the_timeout_and_no_more(
    sink: OtlpHttpSink, receiver: OtlpReceiver
) -> None:
    receiver.answer_next(Answer.hang())
    begin = time.monotonic()
    result = sink.send("logs", REQUEST, 0.2)
    assert 0.2 <= time.monotonic() - begin < 10  # it hangs for good
    assert isinstance(result, Retryable)
    assert result.reason == "TimeoutError"


def peer(talk: Callable[[socket.socket], None]) -> tuple[str, threading.Thread]:
    """Serve one connection by hand."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        with listener, listener.accept()[0] as connection:
            connection.recv(1 << 16)
            try:
                talk(connection)
            except OSError:
                pass  # the other side has had enough, as it should

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    return f"http://127.0.0.1:{listener.getsockname()[1]}", thread


def test_a_peer_that_drips_its_answer_cannot_outlast_the_timeout() -> None:
    stop = threading.Event()

    def drip(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\n")
        while not stop.wait(0.02):
            connection.sendall(b"X-Drip: drop\r\n"[:1])

    url, thread = peer(drip)
    begin = time.monotonic()
    result = OtlpHttpSink(url).send("logs", REQUEST, 0.3)
    assert time.monotonic() - begin < 10  # it drips for good
    assert isinstance(result, Retryable)
    stop.set()
    thread.join(5)


@pytest.mark.parametrize(
    "answer",
    [
        b"SSH-2.0-OpenSSH_9\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 abc\r\n\r\n",
        b"",
    ],
)
def test_a_peer_that_does_not_speak_http_may_pass(answer: bytes) -> None:
    url, thread = peer(lambda connection: connection.sendall(answer))
    sink = OtlpHttpSink(url)
    assert isinstance(sink.send("logs", REQUEST, 2), Retryable)
    thread.join(5)
    sink.close()


def test_an_answer_in_chunks_is_read() -> None:
    body = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Type: application/x-protobuf"
    url, thread = peer(
        lambda c: c.sendall(body + b"\r\n\r\n2\r\n\x0a\x02\r\n2\r\n\x08\x05\r\n0\r\n\r\n")
    )
    sink = OtlpHttpSink(url)
    assert sink.send("logs", REQUEST, 2) == Success(5)
    thread.join(5)
    sink.close()


def test_a_name_that_does_not_exist_may_pass() -> None:
    result = OtlpHttpSink("http://no-such-host.invalid:4318").send("logs", REQUEST, 5)
    assert isinstance(result, Retryable)
    assert result.reason == "gaierror"


# ---------------------------------------------------------------------- TLS


CERTIFICATE = Path(__file__).with_name("localhost.pem")
"""A certificate for localhost, and its key, that nobody trusts but these tests."""


@pytest.fixture
def tls_url(receiver: OtlpReceiver) -> str:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE)
    server = receiver._http
    assert server is not None
    server.socket = context.wrap_socket(server.socket, server_side=True)
    return receiver.http_url.replace("http://127.0.0.1", "https://localhost")


def test_a_trusted_certificate_is_accepted(tls_url: str, receiver: OtlpReceiver) -> None:
    sink = OtlpHttpSink(tls_url, certificate=str(CERTIFICATE))
    assert sink.send("logs", REQUEST, 5) == Success()
    assert sink.send("logs", REQUEST, 5) == Success()
    assert len(receiver.logs) == 2
    sink.close()


def test_an_untrusted_certificate_is_named_as_the_reason(tls_url: str) -> None:
    result = OtlpHttpSink(tls_url).send("logs", REQUEST, 5)
    assert isinstance(result, Retryable)
    assert result.reason == "SSLCertVerificationError"


# ---------------------------------------------------------------------- configuration


@pytest.mark.parametrize(
    "endpoint",
    ["", "localhost:4318", "ftp://host", "http://", "http://host:99999", "http://[::1"],
)
def test_an_endpoint_that_is_none_is_refused_with_an_example(endpoint: str) -> None:
    with pytest.raises(ConfigurationError, match="http"):
        OtlpHttpSink(endpoint)


@pytest.mark.parametrize(
    "endpoint",
    [
        "http://me:hunter2@host:4318",
        "http://host/#hunter2",
        "http://host?hunter2",
        "me:hunter2@host",
    ],
)
def test_secrets_in_an_endpoint_are_refused_and_not_repeated(endpoint: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        OtlpHttpSink(endpoint)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("headers", [{"a b": "x"}, {"": "x"}, {"a": "x\r\nb: y"}, {"a": "€"}])
def test_a_header_that_cannot_be_sent_is_refused(headers: dict[str, str]) -> None:
    with pytest.raises(ConfigurationError, match="cannot be sent"):
        OtlpHttpSink("http://host", headers=headers)


def test_certificate_files_are_looked_at_at_once(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="Cannot load the certificate"):
        OtlpHttpSink("https://host", certificate=str(tmp_path / "none.pem"))
    with pytest.raises(ConfigurationError, match="not encrypted"):
        OtlpHttpSink("http://host", certificate="x.pem")


def test_its_name_has_no_secrets() -> None:
    assert OtlpHttpSink("http://host/base/").name == "otlp_http http://host:80/base"
    assert OtlpHttpSink("https://[::1]:4318").name == "otlp_http https://[::1]:4318"
    sink = OtlpHttpSink("http://host/v1/logs?key=hunter2", exact=True)
    assert "hunter2" not in sink.name


def test_a_forked_child_opens_its_own_connection(receiver: OtlpReceiver) -> None:
    sink = OtlpHttpSink(receiver.http_url)
    sink.send("logs", REQUEST, 5)
    pid = os.fork()
    if pid == 0:
        os._exit(0 if sink.send("logs", REQUEST, 5) == Success() else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert sink.send("logs", REQUEST, 5) == Success()
    assert len(receiver.logs) == 3
    sink.close()
