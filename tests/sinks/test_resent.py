"""What a sink knows of whether a request arrived, and what it tells the receiver."""

from __future__ import annotations

import socket
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from otbridge.sinks.file import FileSink
from otbridge.sinks.otlp_grpc import OtlpGrpcSink
from otbridge.sinks.otlp_http import OtlpHttpSink
from otbridge.testing import Answer, OtlpReceiver
from otbridge.typing import ResendingSink, Retryable

if TYPE_CHECKING:
    from collections.abc import Iterator

HEADER = "otbridge-resent"


@pytest.fixture
def receiver() -> Iterator[OtlpReceiver]:
    with OtlpReceiver() as receiver:
        yield receiver


@pytest.fixture(params=["http", "grpc"])
def sink(request: pytest.FixtureRequest, receiver: OtlpReceiver) -> Iterator[Any]:
    made: OtlpHttpSink | OtlpGrpcSink
    if request.param == "http":
        made = OtlpHttpSink(receiver.http_url)
    else:
        made = OtlpGrpcSink(receiver.grpc_target, insecure=True)
    yield made
    made.close()


def test_only_what_may_have_come_before_is_marked(sink: Any, receiver: OtlpReceiver) -> None:
    """By a header, or metadata, that any receiver passes over which does not know it."""
    for resent in (False, True, False):
        sink.resent = resent
        sink.send("logs", b"", 5.0)
    assert [HEADER in request.headers for request in receiver.requests] == [False, True, False]
    assert receiver.requests[1].headers[HEADER] == "1"


def test_a_call_that_is_not_answered_in_time_may_have_been_taken(
    sink: Any, receiver: OtlpReceiver
) -> None:
    """Nobody knows."""
    receiver.answer_next(Answer.hang())
    result = sink.send("logs", b"", 0.3)
    assert isinstance(result, Retryable)
    assert result.maybe_taken


def test_who_says_when_to_come_again_has_taken_nothing(sink: Any, receiver: OtlpReceiver) -> None:
    """An overloaded hub is not asked to look things up on top of it."""
    receiver.answer_next(Answer.retry_in(1))
    result = sink.send("logs", b"", 5.0)
    assert isinstance(result, Retryable)
    assert not result.maybe_taken


@pytest.mark.parametrize(
    ("status", "maybe_taken"), [(429, False), (502, True), (503, True), (504, True)]
)
def test_of_some_statuses_a_proxy_may_be_the_author(
    receiver: OtlpReceiver, status: int, *, maybe_taken: bool
) -> None:
    """It may have passed the request on, and lost the answer."""
    receiver.answer_next(Answer.refuse(status))
    with closing(OtlpHttpSink(receiver.http_url)) as sink:
        result = sink.send("logs", b"", 5.0)
    assert isinstance(result, Retryable)
    assert result.maybe_taken is maybe_taken


def test_a_connection_that_breaks_leaves_it_open(receiver: OtlpReceiver) -> None:
    """The request was on its way."""
    receiver.answer_next(Answer.disconnect())
    with closing(OtlpHttpSink(receiver.http_url)) as sink:
        result = sink.send("logs", b"", 5.0)
    assert isinstance(result, Retryable)
    assert result.maybe_taken


def test_where_no_connection_came_about_nothing_was_taken() -> None:
    """Nobody listens, or the name does not exist."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    for url in (f"http://127.0.0.1:{port}", "http://no-such-host.invalid:4318"):
        with closing(OtlpHttpSink(url)) as sink:
            result = sink.send("logs", b"", 5.0)
        assert isinstance(result, Retryable)
        assert not result.maybe_taken


def test_sinks_without_a_receiver_need_no_mark(tmp_path: Any) -> None:
    """The protocol is one that a sink may have."""
    assert isinstance(OtlpHttpSink("http://127.0.0.1:1"), ResendingSink)
    assert not isinstance(FileSink(str(tmp_path / "lines")), ResendingSink)
