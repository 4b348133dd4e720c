"""What receivers answer, with the protobuf library as the judge."""

from __future__ import annotations

from typing import TYPE_CHECKING

from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.duration_pb2 import Duration
from google.rpc.error_details_pb2 import (  # type: ignore[import-untyped]  # ships no types
    BadRequest,
    RetryInfo,
)
from google.rpc.status_pb2 import Status  # type: ignore[import-untyped]  # likewise
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTracePartialSuccess,
    ExportTraceServiceResponse,
)

from otbridge.sinks.otlp_answer import (
    clean,
    read_export_response,
    read_retry_delay,
    read_status_message,
    secrets_in,
)
from otbridge.typing import Rejected, Success

if TYPE_CHECKING:
    from google.protobuf.message import Message


@given(st.integers(0, (1 << 63) - 1), st.text())
def test_a_partial_success_is_read(rejected: int, message: str) -> None:
    partial = ExportTracePartialSuccess(rejected_spans=rejected, error_message=message)
    body = ExportTraceServiceResponse(partial_success=partial).SerializeToString()
    assert read_export_response(body) == Success(rejected, message)


@given(st.binary())
def test_noise_is_an_answer_or_a_failure_and_never_an_exception(noise: bytes) -> None:
    assert isinstance(read_export_response(noise), Success | Rejected)
    read_status_message(noise)
    delay = read_retry_delay(noise)
    assert delay is None or delay >= 0


def status(*details: Message) -> bytes:
    message = Status(code=14, message="busy")
    for detail in details:
        packed = AnyMessage()
        packed.Pack(detail)
        message.details.append(packed)
    return bytes(message.SerializeToString())


def test_retry_info_is_found_among_other_details() -> None:
    info = RetryInfo(retry_delay=Duration(seconds=3, nanos=500_000_000))
    body = status(BadRequest(), info)
    assert (read_status_message(body), read_retry_delay(body)) == ("busy", 3.5)


def test_without_retry_info_there_is_no_delay() -> None:
    assert read_retry_delay(status(BadRequest())) is None


def test_a_delay_into_the_past_is_none_at_all() -> None:
    assert read_retry_delay(status(RetryInfo(retry_delay=Duration(seconds=-5)))) == 0.0


@given(st.text())
def test_a_cleaned_message_is_one_short_printable_line(message: str) -> None:
    cleaned = clean(message)
    assert cleaned.isprintable()
    assert len(cleaned) <= 300


def test_secrets_are_the_values_of_headers_that_are_not_plain() -> None:
    headers = {"Authorization": "Bearer abcdef", "User-Agent": "otbridge", "x": "1"}
    assert secrets_in(headers.items()) == ("Bearer abcdef", "Bearer", "abcdef")
