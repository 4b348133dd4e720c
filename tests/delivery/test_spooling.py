"""A pipeline with a spool, against real receivers and real files."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from otbridge.delivery.pipeline import Pipeline
from otbridge.delivery.settings import BatchSettings, QueueSettings, RetrySettings
from otbridge.delivery.spool.settings import SpoolSettings
from otbridge.delivery.spool.spool import Spool
from otbridge.sinks.otlp_http import OtlpHttpSink
from otbridge.testing import Answer, FakeClock, OtlpReceiver

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from otbridge.delivery.spool.settings import Durability
    from otbridge.wire.otlp_request import Envelope

    Numbered = Callable[[int], bytes]

QUICK = RetrySettings(initial_s=0.01, max_s=0.02, brief_s=0.05)
LEVELS = ["memory", "process", "power"]


class Process:
    """What one process has: a spool and a pipeline; ended by `end`."""

    def __init__(
        self,
        root: Path,
        receiver: OtlpReceiver | str,
        level: Durability = "memory",
        reports: list[str] | None = None,
        **options: Any,
    ) -> None:
        self.reports = [] if reports is None else reports
        self.spool = Spool(
            str(root), "shop", report=self.reports.append, settings=SpoolSettings(durability=level)
        )
        url = receiver if isinstance(receiver, str) else receiver.http_url
        self.pipeline = Pipeline(
            "logs",
            OtlpHttpSink(url),
            report=self.reports.append,
            spool=self.spool,
            **{"retry": QUICK, **options},
        )
        self.ledger = self.pipeline.ledger

    def end(self, timeout: float = 1.0) -> Any:
        result = self.pipeline.shutdown(timeout)
        self.spool.close()
        return result

    def adds_up(self, accepted: int) -> None:
        found = self.ledger.snapshot()
        total = found.delivered + found.lost + found.spooled + found.in_memory
        assert found.accepted == total == accepted, found


@pytest.fixture
def receiver() -> Iterator[OtlpReceiver]:
    with OtlpReceiver() as receiver:
        yield receiver


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Process]]:
    """Begin processes that are ended in the end."""
    begun: list[Process] = []

    def process(*args: Any, **options: Any) -> Process:
        begun.append(Process(tmp_path / "spool", *args, **options))
        return begun[-1]

    yield process
    for each in begun:
        each.end(0.0)


def numbers(receiver: OtlpReceiver) -> list[int]:
    return [log.attributes[0].value.int_value for log in receiver.logs]


def eventually(reached: Callable[[], bool]) -> None:
    """Wait for another thread; the test's time limit ends a wait in vain."""
    while not reached():
        time.sleep(0.002)


# ---------------------------------------------------------------------- outage


@pytest.mark.parametrize("level", LEVELS)
def test_an_outage_loses_nothing_and_what_was_kept_is_sent_when_it_is_over(
    start: Any, receiver: OtlpReceiver, envelope: Envelope, record: Numbered, level: Durability
) -> None:
    process = start(receiver, level)
    receiver.answer_always(Answer.refuse(503))
    for number in range(100):
        assert process.pipeline.put(envelope, record(number))
        process.adds_up(number + 1)
    process.pipeline.flush(5)
    assert process.ledger.spooled == 100
    process.adds_up(100)

    receiver.answer_always(Answer.ok())
    assert process.pipeline.flush(5).delivered == 100
    assert numbers(receiver) == list(range(100))
    process.adds_up(100)
    assert process.ledger.snapshot().spooled == 0
    assert process.reports == []


def test_while_the_breaker_is_open_nobody_is_asked(
    start: Any, receiver: OtlpReceiver, envelope: Envelope, record: Numbered
) -> None:
    receiver.answer_always(Answer.refuse(503))
    process = start(receiver, batch=BatchSettings(max_records=5))
    process.pipeline.put(envelope, record(0))
    eventually(lambda: process.ledger.spooled == 1)
    asked = len(receiver.requests)
    for number in range(50):
        process.pipeline.put(envelope, record(number))
    eventually(lambda: process.ledger.spooled == 51)
    assert len(receiver.requests) == asked


def test_the_same_compressed_bytes_are_tried_kept_and_sent_again(
    start: Any, receiver: OtlpReceiver, envelope: Envelope, record: Numbered
) -> None:
    receiver.answer_always(Answer.refuse(503))
    process = start(receiver)
    for number in range(10):
        process.pipeline.put(envelope, record(number))
    process.pipeline.flush(5)
    receiver.answer_always(Answer.ok())
    process.pipeline.flush(5)
    first, last = receiver.requests[0], receiver.requests[-1]
    assert first.body == last.body
    assert first.wire_bytes == last.wire_bytes < len(last.body)


def test_new_records_do_not_wait_for_a_long_backlog(
    start: Any, receiver: OtlpReceiver, envelope: Envelope, record: Numbered
) -> None:
    receiver.answer_always(Answer.refuse(503))
    process = start(receiver, batch=BatchSettings(max_records=2))
    for number in range(40):
        process.pipeline.put(envelope, record(number))
    process.pipeline.flush(5)
    assert process.ledger.spooled == 40

    receiver.answer_always(Answer.ok())
    process.pipeline.put(envelope, record(1000))
    process.pipeline.flush(5)
    assert numbers(receiver).index(1000) <= 4
    assert sorted(numbers(receiver)) == [*range(40), 1000]


@pytest.fixture
def durable(tmp_path: Path, clock: FakeClock, held: Any, reports: list[str]) -> Iterator[Pipeline]:
    """A pipeline at `process` whose sink can be held, in a time that stands."""
    spool = Spool(
        str(tmp_path / "spool"), "shop", report=reports.append, clock=clock, background=False
    )
    batch = BatchSettings(max_records=5, first_age_s=0.5, max_age_s=2.0)
    pipeline = Pipeline("logs", held, report=reports.append, spool=spool, clock=clock, batch=batch)
    yield pipeline
    held.held.set()
    pipeline.shutdown(1)
    spool.close()


def test_what_comes_while_a_batch_is_sent_waits_for_more(
    durable: Pipeline, clock: FakeClock, held: Any, envelope: Envelope, record: Numbered
) -> None:
    """A stream of records on disk goes in batches, not in requests of a few as fast as they end."""
    durable.put(envelope, record(0))
    clock.wait_for_waiter(lambda timeout: timeout == 0.5)
    clock.advance(0.5)
    held.entered.wait()
    durable.put(envelope, record(1))
    held.held.set()
    clock.wait_for_waiter(lambda timeout: timeout == 1.0)
    durable.put(envelope, record(2))
    clock.advance(1.0)
    eventually(lambda: durable.ledger.delivered == 3)
    assert held.batches == [1, 2]


def test_a_full_batch_on_disk_does_not_wait(
    durable: Pipeline, clock: FakeClock, held: Any, envelope: Envelope, record: Numbered
) -> None:
    """Its last record wakes the sender."""
    held.held.set()
    durable.put(envelope, record(0))
    clock.wait_for_waiter(lambda seconds: seconds == 0.5)
    for number in range(1, 5):
        durable.put(envelope, record(number))
    eventually(lambda: durable.ledger.delivered == 5)
    assert clock.monotonic() == 0.0


def test_a_request_to_wait_is_kept_also_by_what_comes_from_disk(
    start: Any, receiver: OtlpReceiver, envelope: Envelope, record: Numbered
) -> None:
    receiver.answer_next(Answer.retry_in(30))
    clock = FakeClock()
    process = start(receiver, clock=clock)
    process.pipeline.put(envelope, record(1))
    clock.wait_for_waiter(lambda seconds: seconds == 0.02)
    clock.advance(0.02)
    eventually(lambda: process.ledger.spooled == 1)
    wait = clock.wait_for_waiter(lambda seconds: seconds is not None and seconds > 1)
    assert wait is not None
    assert 29.9 <= wait <= 33.0
    clock.advance(33.0)
    receiver.wait_for(1)
    assert len(receiver.requests) == 2


# ---------------------------------------------------------------------- the end of a process


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("answer", [Answer.refuse(503), Answer.hang(), Answer.disconnect()])
def test_what_a_process_could_not_deliver_the_next_one_does(  # noqa: PLR0917 - given by name
    start: Any,
    receiver: OtlpReceiver,
    envelope: Envelope,
    record: Numbered,
    level: Durability,
    answer: Answer,
) -> None:
    receiver.answer_always(answer)
    first = start(receiver, level, batch=BatchSettings(max_records=8))
    for number in range(50):
        first.pipeline.put(envelope, record(number))
    begin = time.monotonic()
    result = first.end(0.6)
    assert time.monotonic() - begin < 8  # an attempt may take ten seconds
    assert (result.delivered, result.failed, result.spooled) == (0, 0, 50)
    first.adds_up(50)

    receiver.answer_always(Answer.ok())
    second = start(receiver)
    second.pipeline.put(envelope, record(50))
    receiver.wait_for(51)
    second.pipeline.flush(5)
    assert sorted(numbers(receiver)) == list(range(51))
    second.adds_up(51)
    assert second.ledger.snapshot().adopted == 50


def test_a_program_does_not_wait_at_its_end_for_who_is_not_there(
    start: Any, receiver: OtlpReceiver, envelope: Envelope, record: Numbered
) -> None:
    receiver.answer_always(Answer.refuse(503))
    process = start(receiver, retry=RetrySettings())
    for number in range(10):
        process.pipeline.put(envelope, record(number))
    begin = time.monotonic()
    assert process.end(30.0).spooled == 10
    assert time.monotonic() - begin < 10


def test_a_process_that_records_nothing_sends_what_was_left(
    start: Any, receiver: OtlpReceiver, envelope: Envelope, record: Numbered
) -> None:
    receiver.answer_always(Answer.refuse(503))
    first = start(receiver)
    first.pipeline.put(envelope, record(1))
    first.end(0.2)
    receiver.answer_always(Answer.ok())
    second = start(receiver)
    second.pipeline.resume()
    receiver.wait_for(1)
    assert numbers(receiver) == [1]


def test_what_a_process_leaves_later_is_found_within_a_minute(
    start: Any, receiver: OtlpReceiver, envelope: Envelope, record: Numbered
) -> None:
    clock = FakeClock()
    second = start(receiver, clock=clock)
    second.pipeline.put(envelope, record(1))
    clock.wait_for_waiter(lambda seconds: seconds == 0.02)
    clock.advance(0.02)
    receiver.wait_for(1)

    receiver.answer_always(Answer.refuse(503))
    first = start(receiver)
    first.pipeline.put(envelope, record(2))
    first.end(0.2)
    receiver.answer_always(Answer.ok())
    clock.advance(60.0)
    second.pipeline.put(envelope, record(3))
    second.pipeline._sending.worker.hurry()
    receiver.wait_for(3)
    assert sorted(numbers(receiver)) == [1, 2, 3]


def test_a_sink_that_never_comes_back_does_not_keep_its_records_from_the_disk(
    tmp_path: Path, held: Any, envelope: Envelope, record: Numbered
) -> None:
    spool = Spool(str(tmp_path), "shop", report=print, settings=SpoolSettings(durability="memory"))
    pipeline = Pipeline("logs", held, report=print, spool=spool)
    pipeline.put(envelope, record(1))
    held.entered.wait(5)
    pipeline.put(envelope, record(2))
    result = pipeline.shutdown(0.1)
    assert (result.failed, result.spooled, result.timed_out) == (0, 2, True)

    held.held.set()  # it comes back after all: delivered twice perhaps, counted once
    thread = pipeline._sending.worker._thread
    assert thread is not None
    thread.join(5)
    found = pipeline.ledger.snapshot()
    assert (found.accepted, found.spooled) == (2, 2)
    spool.close()


def test_a_normal_end_leaves_nothing_on_disk(
    start: Any, receiver: OtlpReceiver, envelope: Envelope, record: Numbered, tmp_path: Path
) -> None:
    for level in LEVELS:
        process = start(receiver, level)
        for number in range(10):
            process.pipeline.put(envelope, record(number))
        process.end()
        assert process.ledger.delivered == 10
    assert list((tmp_path / "spool").rglob("*.seg")) == []


# ---------------------------------------------------------------------- refusals


def test_a_refused_key_is_waited_for(
    start: Any, receiver: OtlpReceiver, envelope: Envelope, record: Numbered
) -> None:
    receiver.answer_always(Answer.refuse(401))
    clock = FakeClock()
    process = start(receiver, clock=clock)
    process.pipeline.put(envelope, record(1))
    clock.wait_for_waiter(lambda seconds: seconds == 0.02)
    clock.advance(0.02)
    eventually(lambda: process.ledger.spooled == 1)

    receiver.answer_always(Answer.ok())
    clock.wait_for_waiter(lambda seconds: seconds is not None and seconds > 1)
    clock.advance(33)
    receiver.wait_for(1)
    eventually(lambda: process.ledger.delivered == 1)
    process.adds_up(1)


def test_a_key_that_stays_refused_is_counted_after_a_quarter_of_an_hour(
    start: Any, receiver: OtlpReceiver, envelope: Envelope, record: Numbered
) -> None:
    receiver.answer_always(Answer.refuse(403))
    clock = FakeClock(skips=True)
    process = start(receiver, clock=clock)
    process.pipeline.put(envelope, record(1))
    eventually(lambda: process.ledger.rejected == {"403": 1})
    assert 900 <= clock.monotonic() < 1000
    assert len([sentence for sentence in process.reports if "cannot deliver" in sentence]) == 1
    process.adds_up(1)


@pytest.mark.parametrize(
    "answer",
    [
        Answer.raw(302, b"", "text/html", location="http://elsewhere/"),
        Answer.raw(200, b"<html>log in</html>", "text/html"),
        Answer.raw(200, b"\xff\xff\xff", "application/x-protobuf"),
    ],
)
def test_who_answers_in_the_receivers_place_gets_no_record_acknowledged(
    start: Any, receiver: OtlpReceiver, envelope: Envelope, record: Numbered, answer: Answer
) -> None:
    receiver.answer_always(answer)
    process = start(receiver)
    process.pipeline.put(envelope, record(1))
    process.pipeline.flush(5)
    assert process.ledger.spooled == 1
    process.adds_up(1)


@pytest.mark.parametrize("level", LEVELS)
def test_a_bad_record_from_the_disk_takes_no_other_with_it(
    start: Any, receiver: OtlpReceiver, envelope: Envelope, record: Numbered, level: Durability
) -> None:
    receiver.answer_always(Answer.refuse(503))
    process = start(receiver, level)
    for number in range(64):
        process.pipeline.put(envelope, record(number))
    process.pipeline.flush(5)

    poison = record(17)
    receiver.answer_always(lambda request: Answer.refuse(400) if poison in request else Answer.ok())
    process.pipeline.flush(5)
    assert sorted(numbers(receiver)) == [n for n in range(64) if n != 17]
    assert process.ledger.rejected == {"400": 1}
    process.adds_up(64)


def test_a_backlog_that_is_too_large_for_a_request_is_halved(
    start: Any, receiver: OtlpReceiver, envelope: Envelope, record: Numbered
) -> None:
    receiver.answer_always(Answer.refuse(503))
    process = start(receiver)
    for number in range(64):
        process.pipeline.put(envelope, record(number))
    process.pipeline.flush(5)
    receiver.answer_always(
        lambda request: Answer.refuse(413) if len(request) > 500 else Answer.ok()
    )
    process.pipeline.flush(5)
    assert sorted(numbers(receiver)) == list(range(64))
    process.adds_up(64)


def test_an_outage_in_the_middle_of_halving_keeps_what_is_left(
    start: Any, receiver: OtlpReceiver, envelope: Envelope, record: Numbered
) -> None:
    receiver.answer_always(Answer.refuse(503))
    process = start(receiver)
    for number in range(8):
        process.pipeline.put(envelope, record(number))
    process.pipeline.flush(5)

    receiver.answer_always(Answer.refuse(503))
    receiver.answer_next(Answer.refuse(413), Answer.ok())
    process.pipeline.flush(5)
    process.adds_up(8)
    receiver.answer_always(Answer.ok())
    process.pipeline.flush(5)
    process.pipeline.flush(5)
    assert sorted(numbers(receiver)) == list(range(8))
    process.adds_up(8)


# ---------------------------------------------------------------------- disk and memory


def test_what_does_not_fit_into_memory_goes_to_disk(
    start: Any, receiver: OtlpReceiver, envelope: Envelope, record: Numbered
) -> None:
    receiver.answer_always(Answer.hang())
    process = start(receiver, queue=QueueSettings(max_records=10))
    process.pipeline.put(envelope, record(0))
    receiver.wait_for_requests(1)
    for number in range(1, 101):
        assert process.pipeline.put(envelope, record(number))
        process.adds_up(number + 1)
    assert process.ledger.spooled == 90
    assert process.end(0.3).failed == 0
    process.adds_up(101)


def test_a_disk_that_takes_nothing_leaves_records_in_memory(
    tmp_path: Path, start: Any, receiver: OtlpReceiver, envelope: Envelope, record: Numbered
) -> None:
    (tmp_path / "spool").mkdir(0o700)
    process = start(receiver)
    (tmp_path / "spool").rmdir()
    (tmp_path / "spool").write_text("in the way")
    receiver.answer_always(Answer.refuse(503))
    for number in range(10):
        process.pipeline.put(envelope, record(number))
    process.pipeline.flush(5)
    assert process.ledger.in_memory == 10
    assert len(process.reports) == 1
    assert "spool" in process.reports[0]

    receiver.answer_always(Answer.ok())
    assert process.pipeline.flush(5).delivered == 10
    assert numbers(receiver) == list(range(10))
    process.adds_up(10)


def test_many_threads_lose_nothing_while_the_receiver_comes_and_goes(
    start: Any, receiver: OtlpReceiver, envelope: Envelope, record: Numbered
) -> None:
    process = start(
        receiver, queue=QueueSettings(max_records=300), batch=BatchSettings(max_records=100)
    )
    stop = threading.Event()

    def flap() -> None:
        while not stop.wait(0.02):
            receiver.answer_always(
                Answer.ok() if receiver.answer != Answer.ok() else Answer.refuse(503)
            )

    def write(begin: int) -> None:
        for number in range(begin, begin + 2000):
            assert process.pipeline.put(envelope, record(number))

    flapping = threading.Thread(target=flap)
    threads = [threading.Thread(target=write, args=(n * 2000,)) for n in range(4)]
    for thread in (flapping, *threads):
        thread.start()
    for thread in threads:
        thread.join()
    stop.set()
    flapping.join()
    receiver.answer_always(Answer.ok())
    eventually(lambda: not process.pipeline.flush(5).spooled and not process.ledger.in_memory)
    assert sorted(numbers(receiver)) == list(range(8000))
    process.adds_up(8000)
