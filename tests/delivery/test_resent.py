"""Which requests a pipeline marks as sent before, told by a real receiver."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from otbridge.delivery.batch import Batch
from otbridge.delivery.pipeline import Pipeline
from otbridge.delivery.sent_records import SentRecord, entries_to_keep, may_have_been_sent
from otbridge.delivery.settings import RetrySettings
from otbridge.delivery.spool.settings import SpoolSettings
from otbridge.delivery.spool.spool import Spool
from otbridge.sinks.otlp_http import OtlpHttpSink
from otbridge.testing import Answer, OtlpReceiver
from otbridge.wire.otlp_logs import encode_log_record
from otbridge.wire.otlp_request import Envelope, compose

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from otbridge.delivery.spool.settings import Durability

ENVELOPE = Envelope.of({"service.name": "shop"}, "tests")
QUICK = RetrySettings(attempt_s=0.3, initial_s=0.01, max_s=0.02, brief_s=0.05)


def line(number: int) -> bytes:
    return encode_log_record(1, 1, 9, "INFO", f"line {number}", {})


@pytest.fixture
def receiver() -> Iterator[OtlpReceiver]:
    with OtlpReceiver() as receiver:
        yield receiver


@pytest.fixture
def begin(tmp_path: Path, receiver: OtlpReceiver) -> Iterator[Callable[..., Pipeline]]:
    """Begin pipelines of one process each, with one spool folder; a memory-only one for None."""
    ends: list[Callable[[], Any]] = []

    def make(level: Durability | None = "memory", **options: Any) -> Pipeline:
        spool = None
        if level is not None:
            settings = SpoolSettings(durability=level)
            root = str(tmp_path / "spool")
            spool = Spool(root, "shop", report=print, settings=settings)
        pipeline = Pipeline(
            "logs",
            OtlpHttpSink(receiver.http_url),
            report=print,
            spool=spool,
            **{"retry": QUICK, **options},
        )

        def end() -> None:
            pipeline.shutdown(0.0)
            if spool is not None:
                spool.close()

        ends.append(end)
        pipeline.end = end  # type: ignore[attr-defined] # for the test that ends it earlier
        return pipeline

    yield make
    for end in ends:
        end()


def marks(receiver: OtlpReceiver) -> list[bool]:
    return ["otbridge-resent" in request.headers for request in receiver.requests]


def deliver(pipeline: Pipeline, *numbers: int) -> None:
    for number in numbers:
        pipeline.put(ENVELOPE, line(number), 9)
    for _ in range(40):
        pipeline.flush(0.5)
        if not pipeline.ledger.in_memory + pipeline.ledger.spooled:
            return
    pytest.fail("it was not delivered")


@pytest.mark.parametrize("level", [None, "memory", "process"])
def test_what_got_no_answer_is_marked_when_it_is_sent_again(
    begin: Any, receiver: OtlpReceiver, level: Durability | None
) -> None:
    """From memory and from disk; and what comes after it is not."""
    receiver.answer_next(Answer.disconnect(), Answer.disconnect())
    pipeline = begin(level)
    deliver(pipeline, 1)
    deliver(pipeline, 2)
    found = marks(receiver)
    assert not found[0]
    assert all(found[1:-1])
    assert len(found) >= 4
    assert not found[-1]


def test_what_was_refused_for_now_is_not_marked(begin: Any, receiver: OtlpReceiver) -> None:
    """A receiver that says so has not taken it."""
    receiver.answer_next(Answer.refuse(429))
    deliver(begin(), 1)
    assert marks(receiver) == [False, False]


def test_halves_of_what_may_have_been_sent_are_marked(begin: Any, receiver: OtlpReceiver) -> None:
    """The whole came through a door that was too small only the second time."""
    receiver.answer_next(Answer.disconnect(), Answer.refuse(413))
    deliver(begin(), 1, 2)
    assert marks(receiver) == [False, True, True, True]


def test_what_another_process_left_is_marked(begin: Any, receiver: OtlpReceiver) -> None:
    """It may have been sending it when it ended."""
    receiver.answer_always(Answer.refuse(429))
    first = begin("process")
    first.put(ENVELOPE, line(1), 9)
    first.flush(0.2)
    first.end()
    receiver.answer_always(Answer.ok())
    receiver.clear()
    second = begin("process")
    second.resume()
    receiver.wait_for(1)
    assert marks(receiver) == [True]


def test_a_record_that_waits_again_keeps_the_mark_in_any_company() -> None:
    """Its bytes are what they were."""
    entries = [(ENVELOPE, line(number)) for number in range(3)]
    batch = Batch("logs", entries, compose)
    assert entries_to_keep(batch) == entries
    assert not may_have_been_sent(entries_to_keep(batch))
    batch.resent = True
    kept = entries_to_keep(batch)
    assert kept == entries
    assert all(type(record) is SentRecord for _, record in kept)
    assert may_have_been_sent([*entries, kept[0]])
    assert compose(kept) == batch.request
