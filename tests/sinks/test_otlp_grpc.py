"""OTLP over gRPC, against a real server."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)

from otbridge.errors import ConfigurationError
from otbridge.sinks.otlp_answer import MAX_REQUEST_BYTES
from otbridge.sinks.otlp_grpc import OtlpGrpcSink
from otbridge.testing import Answer, OtlpReceiver
from otbridge.typing import Rejected, Retryable, Success
from otbridge.wire.otlp_logs import encode_log_record
from otbridge.wire.otlp_request import Envelope, compose

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

REQUEST = compose([
    (Envelope.of({"service.name": "s"}, "t"), encode_log_record(1, 1, 9, "INFO", "hello", {}))
])  # fmt: skip
METRICS = ExportMetricsServiceRequest(
    resource_metrics=[{"scope_metrics": [{"metrics": [{"name": "orders"}]}]}]  # type: ignore[list-item]
).SerializeToString()


@pytest.fixture
def receiver() -> Iterator[OtlpReceiver]:
    with OtlpReceiver() as receiver:
        yield receiver


@pytest.fixture
def sink(receiver: OtlpReceiver) -> Iterator[OtlpGrpcSink]:
    sink = OtlpGrpcSink(receiver.grpc_target, insecure=True, headers={"X-Key": "s3cr3t"})
    yield sink
    sink.close()


@pytest.mark.parametrize("signal", ["logs", "traces", "metrics"])
def test_a_request_arrives_at_its_service(
    sink: OtlpGrpcSink, receiver: OtlpReceiver, signal: Any
) -> None:
    body = METRICS if signal == "metrics" else REQUEST
    assert sink.send(signal, body, 5) == Success()
    (request,) = receiver.requests
    assert (request.signal, request.body) == (signal, body)
    assert request.headers["x-key"] == "s3cr3t"
    assert request.headers["user-agent"].startswith("otbridge/")


def test_a_url_decides_about_encryption(receiver: OtlpReceiver) -> None:
    sink = OtlpGrpcSink(f"http://{receiver.grpc_target}/", compression="none")
    assert sink.send("logs", REQUEST, 5) == Success()
    assert sink.name == f"otlp_grpc http://{receiver.grpc_target}"
    sink.close()


def test_a_partial_success_says_how_many_and_why(
    sink: OtlpGrpcSink, receiver: OtlpReceiver
) -> None:
    receiver.answer_next(Answer.partial(3, "too old"))
    assert sink.send("logs", REQUEST, 5) == Success(3, "too old")


@pytest.mark.parametrize(
    "code",
    ["CANCELLED", "DEADLINE_EXCEEDED", "ABORTED", "OUT_OF_RANGE", "UNAVAILABLE", "DATA_LOSS"],
)
def test_what_may_pass_is_tried_again(
    sink: OtlpGrpcSink, receiver: OtlpReceiver, code: str
) -> None:
    receiver.answer_next(Answer.refuse(503, code, "busy"))
    assert sink.send("logs", REQUEST, 5) == Retryable(code, "busy", maybe_taken=True)


@pytest.mark.parametrize(
    "code",
    [
        "UNKNOWN",
        "INVALID_ARGUMENT",
        "NOT_FOUND",
        "ALREADY_EXISTS",
        "PERMISSION_DENIED",
        "UNAUTHENTICATED",
        "FAILED_PRECONDITION",
        "UNIMPLEMENTED",
        "INTERNAL",
        "RESOURCE_EXHAUSTED",
    ],
)
def test_everything_else_is_final(sink: OtlpGrpcSink, receiver: OtlpReceiver, code: str) -> None:
    receiver.answer_next(Answer.refuse(400, code, "no access for s3cr3t"))
    assert sink.send("logs", REQUEST, 5) == Rejected(code, "no access for ***")


@pytest.mark.parametrize("code", ["UNAVAILABLE", "RESOURCE_EXHAUSTED"])
def test_retry_info_makes_it_wait_and_try_again(
    sink: OtlpGrpcSink, receiver: OtlpReceiver, code: str
) -> None:
    receiver.answer_next(Answer.retry_in(7.25, code=code))
    assert sink.send("logs", REQUEST, 5) == Retryable(code, "later", 7.25)


def test_an_answer_that_is_no_otlp_is_a_failure(sink: OtlpGrpcSink, receiver: OtlpReceiver) -> None:
    receiver.answer_next(Answer(body=b"\xff\xff"))
    result = sink.send("logs", REQUEST, 5)
    assert isinstance(result, Rejected)
    assert result.reason == "invalid_response"


def test_an_answer_over_the_limit_is_final(sink: OtlpGrpcSink, receiver: OtlpReceiver) -> None:
    receiver.answer_next(Answer(body=bytes(5 << 20)))
    result = sink.send("logs", REQUEST, 5)
    assert isinstance(result, Rejected)
    assert result.reason == "response_too_large"


def test_a_request_over_the_limit_is_not_sent(sink: OtlpGrpcSink, receiver: OtlpReceiver) -> None:
    result = sink.send("logs", bytes(MAX_REQUEST_BYTES + 1), 5)
    assert isinstance(result, Rejected)
    assert (result.reason, receiver.requests) == ("too_large", [])


def test_a_receiver_that_hangs_costs_the_timeout_and_no_more(
    sink: OtlpGrpcSink, receiver: OtlpReceiver
) -> None:
    receiver.answer_next(Answer.hang())
    begin = time.monotonic()
    result = sink.send("logs", REQUEST, 0.3)
    assert time.monotonic() - begin < 10  # it hangs for good
    assert isinstance(result, Retryable)
    assert result.reason == "DEADLINE_EXCEEDED"


def test_nobody_there_may_pass(receiver: OtlpReceiver) -> None:
    target = receiver.grpc_target
    receiver.stop()
    sink = OtlpGrpcSink(target, insecure=True)
    result = sink.send("logs", REQUEST, 2)
    assert isinstance(result, Retryable)
    assert result.reason == "UNAVAILABLE"
    sink.close()


def test_a_closed_sink_opens_again(sink: OtlpGrpcSink) -> None:
    sink.close()
    assert sink.send("logs", REQUEST, 5) == Success()
    sink.close()
    sink.close()


@pytest.mark.parametrize("target", ["", "http://", "http://host:4317/v1/logs", "host/path"])
def test_a_target_that_is_none_is_refused_with_an_example(target: str) -> None:
    with pytest.raises(ConfigurationError, match="http://localhost:4317"):
        OtlpGrpcSink(target)


def test_what_cannot_be_sent_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be sent by gRPC"):
        OtlpGrpcSink("host:4317", headers={"a": "ü"})
    with pytest.raises(ConfigurationError, match="no compression 'zstd'"):
        OtlpGrpcSink("host:4317", compression="zstd")
    with pytest.raises(ConfigurationError, match="Cannot read the certificate"):
        OtlpGrpcSink("host:4317", certificate=str(tmp_path / "none.pem"))
