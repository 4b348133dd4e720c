"""Somebody else's whole requests take the same way, as they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from otbridge.delivery.pipeline import Pipeline
from otbridge.delivery.spool.frames import MAX_REQUEST_BYTES
from otbridge.delivery.spool.spool import Spool
from otbridge.sinks.otlp_http import OtlpHttpSink
from otbridge.testing.answers import Answer
from otbridge.testing.receiver import OtlpReceiver
from otbridge.wire.compression import compress
from otbridge.wire.otlp_logs import encode_log_record
from otbridge.wire.otlp_request import compose

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from otbridge.wire.otlp_request import Envelope

UNKNOWN = b"\xfa\x07\x04next"
"""A field that OTLP does not have; it stands behind the request."""


def ignore(_: str) -> None:
    pass


@pytest.fixture
def receiver() -> Iterator[OtlpReceiver]:
    with OtlpReceiver() as running:
        yield running


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[Spool]:
    opened = Spool(str(tmp_path / "spool"), "test", report=ignore, background=False)
    yield opened
    opened.close()


@pytest.fixture
def pipeline(receiver: OtlpReceiver, spool: Spool) -> Iterator[Pipeline]:
    made = Pipeline("logs", OtlpHttpSink(receiver.http_url), report=ignore, spool=spool)
    yield made
    made.shutdown(2)


@pytest.mark.parametrize("encoding", ["none", "gzip"])
def test_a_request_arrives_as_it_was_put(
    pipeline: Pipeline,
    receiver: OtlpReceiver,
    envelope: Envelope,
    record: Callable[[int], bytes],
    encoding: str,
) -> None:
    requests = [compose([(envelope, record(n)), (envelope, record(-n))]) + UNKNOWN for n in (1, 2)]
    for request in requests:
        assert pipeline.put_request(compress(request, encoding), 2, encoding=encoding) == 2
    pipeline.flush(5)
    assert pipeline.ledger.delivered == 4
    assert [one.body for one in receiver.accepted] == requests
    assert pipeline.ledger.snapshot().accepted == 4


def test_a_receiver_that_finds_it_too_large_gets_it_in_parts(
    pipeline: Pipeline, receiver: OtlpReceiver, envelope: Envelope, record: Callable[[int], bytes]
) -> None:
    request = compose([(envelope, record(number)) for number in range(8)])
    limit = len(request) // 2
    receiver.answer_always(lambda body: Answer.refuse(413) if len(body) > limit else Answer.ok())
    pipeline.put_request(request, 8)
    pipeline.flush(5)
    assert pipeline.ledger.delivered == 8
    assert len(receiver.logs) == 8


def test_what_is_larger_than_the_spool_keeps_whole_is_taken_record_by_record(
    pipeline: Pipeline, envelope: Envelope
) -> None:
    large = encode_log_record(1, 1, 9, "INFO", "event", {"text": "x" * 8192})
    count = MAX_REQUEST_BYTES // len(large) + 1
    request = compose([(envelope, large)] * count)
    assert pipeline.put_request(request, count) == count
    assert pipeline.ledger.snapshot().accepted == count


def test_without_a_spool_records_wait_in_memory(
    receiver: OtlpReceiver, envelope: Envelope, record: Callable[[int], bytes]
) -> None:
    pipeline = Pipeline("logs", OtlpHttpSink(receiver.http_url), report=ignore)
    assert pipeline.put_request(compose([(envelope, record(1))]), 1) == 1
    assert pipeline.shutdown(5).delivered == 1


def test_what_is_no_request_is_counted_where_it_has_to_be_taken_apart(
    receiver: OtlpReceiver,
) -> None:
    pipeline = Pipeline("logs", OtlpHttpSink(receiver.http_url), report=ignore)
    assert pipeline.put_request(b"\xff", 3) == 0
    assert pipeline.put_request(b"not gzip", 4, encoding="gzip") == 0
    assert pipeline.ledger.snapshot().dropped == {"malformed": 7}
    pipeline.shutdown(1)
