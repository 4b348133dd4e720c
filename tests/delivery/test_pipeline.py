"""One signal's way, put together, against real receivers."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from otbridge.delivery.pipeline import Pipeline
from otbridge.delivery.settings import BatchSettings, QueueSettings, RetrySettings
from otbridge.sinks.memory import MemorySink
from otbridge.sinks.otlp_http import OtlpHttpSink
from otbridge.testing import Answer, FakeClock, OtlpReceiver
from otbridge.typing import FlushResult, Retryable, Success
from otbridge.wire.otlp_request import split_request

if TYPE_CHECKING:
    from collections.abc import Iterator

QUICK = RetrySettings(initial_s=0.01, max_s=0.02)


@pytest.fixture
def receiver() -> Iterator[OtlpReceiver]:
    with OtlpReceiver() as receiver:
        yield receiver


@pytest.fixture
def make(reports: list[str]) -> Iterator[Any]:
    """Make pipelines that are shut down in the end."""
    made: list[Pipeline] = []

    def pipeline(sink: Any, **options: Any) -> Pipeline:
        made.append(Pipeline("logs", sink, report=reports.append, **options))
        return made[-1]

    yield pipeline
    for each in made:
        each.shutdown(0.0)


def numbers(receiver: OtlpReceiver) -> list[int]:
    return [log.attributes[0].value.int_value for log in receiver.logs]


def adds_up(pipeline: Pipeline) -> bool:
    found = pipeline.ledger.snapshot()
    return found.accepted == found.delivered + found.lost + found.spooled + found.in_memory


# ---------------------------------------------------------------------- the good day


def test_a_lone_record_arrives_without_anybody_flushing(
    make: Any, receiver: OtlpReceiver, envelope: Any, record: Any
) -> None:
    pipeline = make(OtlpHttpSink(receiver.http_url))
    assert pipeline.put(envelope, record(1))
    receiver.wait_for(1)
    assert numbers(receiver) == [1]


def test_a_flush_returns_when_everything_is_delivered(
    make: Any, receiver: OtlpReceiver, envelope: Any, record: Any
) -> None:
    pipeline = make(OtlpHttpSink(receiver.http_url))
    for number in range(1000):
        pipeline.put(envelope, record(number))
    assert pipeline.flush(5) == FlushResult(1000, 0, 0, timed_out=False)
    assert numbers(receiver) == list(range(1000))


def test_no_thread_is_started_before_the_first_record(make: Any) -> None:
    before = threading.active_count()
    pipeline = make(MemorySink())
    assert pipeline.flush(5) == FlushResult(0, 0, 0, timed_out=False)
    assert threading.active_count() == before


def test_many_threads_deliver_every_record_once(
    make: Any, receiver: OtlpReceiver, envelope: Any, record: Any
) -> None:
    pipeline = make(OtlpHttpSink(receiver.http_url))
    refused: list[int] = []

    def write(begin: int) -> None:
        for number in range(begin, begin + 2000):
            if not pipeline.put(envelope, record(number)):
                refused.append(number)
            assert adds_up(pipeline)

    threads = [threading.Thread(target=write, args=(n * 2000,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    pipeline.flush(10)

    assert refused == []
    assert sorted(numbers(receiver)) == list(range(8000))
    assert pipeline.ledger.snapshot().as_dict() == {
        "accepted": 8000,
        "delivered": 8000,
        "rejected": {},
        "dropped": {},
        "spooled": 0,
        "in_memory": 0,
        "in_flight": 0,
        "diverted": 0,
        "adopted": 0,
    }


# ---------------------------------------------------------------------- when a batch is sent


def sizes(sink: MemorySink) -> list[int]:
    return [len(split_request(signal, request)) for signal, request in sink.requests]


def lingering(clock: FakeClock, seconds: float) -> None:
    """Wait until the worker waits this long for a batch to fill."""
    clock.wait_for_waiter(lambda timeout: timeout == seconds)


def idle(clock: FakeClock) -> None:
    """Wait until the worker waits for a first record."""
    clock.wait_for_waiter(lambda timeout: timeout is None)


def test_a_batch_waits_for_more_and_longer_each_time(
    make: Any, clock: FakeClock, envelope: Any, record: Any
) -> None:
    sink = MemorySink()
    settings = BatchSettings(first_age_s=0.5, max_age_s=2.0)
    pipeline = make(sink, clock=clock, batch=settings)
    pipeline.put(envelope, record(0))
    pipeline.flush(5)
    idle(clock)
    clock.advance(3.0)  # a pause: the next batch is a first one

    for wait in (0.5, 1.0, 2.0, 2.0):
        pipeline.put(envelope, record(1))
        lingering(clock, wait)
        pipeline.put(envelope, record(2))
        clock.advance(wait)
        idle(clock)

    assert sizes(sink) == [1, 2, 2, 2, 2]


def test_a_full_batch_does_not_wait(
    make: Any, receiver: OtlpReceiver, clock: FakeClock, envelope: Any, record: Any
) -> None:
    sink = OtlpHttpSink(receiver.http_url)
    pipeline = make(sink, clock=clock, batch=BatchSettings(max_records=10))
    for number in range(10):
        pipeline.put(envelope, record(number))
    receiver.wait_for(10)
    assert clock.monotonic() == 0.0


# ---------------------------------------------------------------------- the bad day


def test_an_outage_loses_nothing_that_fits(
    make: Any, receiver: OtlpReceiver, envelope: Any, record: Any, reports: list[str]
) -> None:
    receiver.answer_next(
        Answer.refuse(503), Answer.disconnect(), Answer.refuse(429), Answer.refuse(502)
    )
    pipeline = make(OtlpHttpSink(receiver.http_url), retry=QUICK)
    for number in range(50):
        pipeline.put(envelope, record(number))
    assert pipeline.flush(10).delivered == 50
    assert sorted(numbers(receiver)) == list(range(50))
    assert reports == []


def test_a_batch_that_was_tried_for_too_long_is_counted_by_its_last_failure(
    make: Any, clock: FakeClock, envelope: Any, record: Any
) -> None:
    sink = MemorySink(Retryable("503"), Retryable("ConnectionResetError"))
    clock = FakeClock(skips=True)
    pipeline = make(sink, clock=clock, retry=RetrySettings(max_elapsed_s=0.1, jitter=0))
    pipeline.put(envelope, record(1))
    flush(pipeline)
    assert pipeline.ledger.dropped == {"ConnectionResetError": 1}


def flush(pipeline: Pipeline) -> None:
    """Flush a pipeline whose clock does not make the caller wait."""
    for _ in range(1000):
        if not pipeline.ledger.in_memory:
            return
        pipeline.flush(0.001)
        time.sleep(0.001)
    raise TimeoutError


def test_a_full_queue_is_reported_once_and_so_is_its_end(
    make: Any, held: Any, envelope: Any, record: Any, reports: list[str]
) -> None:
    pipeline = make(held, queue=QueueSettings(max_records=10, policy="drop_newest"))
    pipeline.put(envelope, record(0))
    held.entered.wait(5)
    taken = sum(pipeline.put(envelope, record(number)) for number in range(1, 21))
    held.held.set()
    pipeline.flush(5)
    for number in range(2):
        pipeline.put(envelope, record(number))
        pipeline.flush(5)

    assert taken == 10
    assert pipeline.ledger.dropped == {"queue_full": 10}
    assert [sentence.split(":")[0].split(";")[0] for sentence in reports] == [
        "otbridge is losing logs to held",
        "otbridge delivers logs to held again",
    ]


@pytest.mark.parametrize("fault", [OSError("x"), MemoryError(), SystemExit(3), ValueError("y")])
def test_a_sink_that_raises_costs_no_record(
    make: Any, envelope: Any, record: Any, fault: BaseException
) -> None:
    class Faulty(MemorySink):
        def send(self, signal: Any, request: bytes, timeout: float) -> Any:
            if not self.requests:
                self.requests.append((signal, b""))
                raise fault
            return super().send(signal, request, timeout)

    pipeline = make(Faulty(), retry=QUICK)
    pipeline.put(envelope, record(1))
    pipeline.flush(5)  # which counts only what it had to wait for
    assert pipeline.ledger.delivered == 1


def test_a_measurement_that_fails_costs_nothing(make: Any, envelope: Any, record: Any) -> None:
    def fail(seconds: float, result: Any) -> None:
        raise ValueError(seconds)

    pipeline = make(MemorySink(), on_export=fail)
    pipeline.put(envelope, record(1))
    pipeline.flush(5)  # which counts only what it had to wait for
    assert pipeline.ledger.delivered == 1


def test_a_fault_of_our_own_is_counted_and_stops_nothing(
    make: Any, envelope: Any, record: Any, reports: list[str]
) -> None:
    class Broken:
        """No SendResult at all."""

    sink = MemorySink(Broken(), Success())  # type: ignore[arg-type]  # that is the fault
    pipeline = make(sink)
    pipeline.put(envelope, record(1))
    pipeline.flush(5)
    pipeline.put(envelope, record(2))
    pipeline.flush(5)
    assert pipeline.ledger.dropped == {"internal_error": 1}
    assert pipeline.ledger.delivered == 1
    assert "because otbridge itself failed" in reports[0]


def test_a_flush_gives_up_waiting_when_its_time_is_up(
    make: Any, held: Any, envelope: Any, record: Any
) -> None:
    pipeline = make(held)
    pipeline.put(envelope, record(1))
    assert pipeline.flush(0.05) == FlushResult(0, 0, 0, timed_out=True)
    assert pipeline.ledger.in_memory == 1


# ---------------------------------------------------------------------- the end


def test_a_shutdown_delivers_what_waits(
    make: Any, receiver: OtlpReceiver, envelope: Any, record: Any
) -> None:
    pipeline = make(OtlpHttpSink(receiver.http_url))
    for number in range(100):
        pipeline.put(envelope, record(number))
    assert pipeline.shutdown(5) == FlushResult(100, 0, 0, timed_out=False)


def test_a_shutdown_happens_once_and_closes_the_sink(make: Any, envelope: Any, record: Any) -> None:
    sink = MemorySink()
    pipeline = make(sink)
    pipeline.put(envelope, record(1))
    assert pipeline.shutdown(5).delivered == 1
    assert pipeline.shutdown(5) == FlushResult(0, 0, 0, timed_out=False)
    assert sink.closed


def test_a_sink_that_cannot_be_closed_disturbs_nobody(
    make: Any, envelope: Any, record: Any
) -> None:
    class Stuck(MemorySink):
        def close(self) -> None:
            raise OSError("stuck")

    pipeline = make(Stuck())
    pipeline.put(envelope, record(1))
    assert pipeline.shutdown(5).delivered == 1
    make(Stuck()).shutdown(1)


def test_after_a_shutdown_nothing_is_taken_and_that_is_counted(
    make: Any, envelope: Any, record: Any
) -> None:
    pipeline = make(MemorySink())
    pipeline.shutdown(1)
    assert not pipeline.put(envelope, record(1))
    assert pipeline.ledger.dropped == {"shutdown": 1}
    assert pipeline.flush(1) == FlushResult(0, 0, 0, timed_out=False)


def test_what_a_shutdown_could_not_deliver_is_counted(
    make: Any, receiver: OtlpReceiver, envelope: Any, record: Any, reports: list[str]
) -> None:
    receiver.answer_always(Answer.refuse(503))
    pipeline = make(OtlpHttpSink(receiver.http_url), batch=BatchSettings(max_records=3))
    for number in range(10):
        pipeline.put(envelope, record(number))
    begin = time.monotonic()
    result = pipeline.shutdown(0.3)
    assert time.monotonic() - begin < 10  # without an end it would be tried for five minutes
    assert (result.delivered, result.failed) == (0, 10)
    assert pipeline.ledger.dropped == {"shutdown": 10}
    assert len(reports) == 1


def test_a_sink_that_hangs_does_not_hold_up_a_shutdown(
    make: Any, held: Any, envelope: Any, record: Any
) -> None:
    pipeline = make(held)
    pipeline.put(envelope, record(1))
    held.entered.wait(5)
    pipeline.put(envelope, record(2))
    result = pipeline.shutdown(0.05)
    assert result == FlushResult(0, 2, 0, timed_out=True)
    assert held.closed == 0  # it is still at work

    held.held.set()
    pipeline._sending.worker._thread.join(5)
    assert pipeline.ledger.snapshot().accepted == 2
    assert pipeline.ledger.dropped == {"shutdown": 2}


# ---------------------------------------------------------------------- nobody asked for it


def test_a_destination_that_comes_later_gets_the_newest_records(
    make: Any, envelope: Any, record: Any, reports: list[str]
) -> None:
    clock = FakeClock()
    with OtlpReceiver() as gone:
        port = gone.http_port
    pipeline = make(
        OtlpHttpSink(f"http://127.0.0.1:{port}"),
        clock=clock,
        optional=True,
        queue=QueueSettings(max_records=5),
    )
    for number in range(20):
        assert pipeline.put(envelope, record(number))
    clock.wait_for_waiter(lambda seconds: seconds in (0.02, 2.0))
    clock.advance(0.02)
    clock.wait_for_waiter(lambda seconds: seconds == 2.0)  # looked, and nobody was there

    with OtlpReceiver(http_port=port) as receiver:
        clock.advance(2.0)
        receiver.wait_for(1)
        assert numbers(receiver)[-1] == 19
        assert len(numbers(receiver)) <= 5

    assert reports == []
    found = pipeline.ledger.snapshot()
    assert found.dropped == {"no_destination": 20 - found.delivered - found.in_memory}


def test_at_the_end_nobody_waits_for_it(
    make: Any, envelope: Any, record: Any, reports: list[str]
) -> None:
    with OtlpReceiver() as gone:
        port = gone.http_port
    pipeline = make(OtlpHttpSink(f"http://127.0.0.1:{port}"), optional=True)
    pipeline.put(envelope, record(1))
    pipeline.flush(5)
    begin = time.monotonic()
    assert pipeline.shutdown(30) == FlushResult(0, 1, 0, timed_out=False)
    assert time.monotonic() - begin < 10
    assert pipeline.ledger.dropped == {"no_destination": 1}
    assert reports == []


def test_a_short_program_still_reaches_it_when_it_is_there(
    make: Any, receiver: OtlpReceiver, envelope: Any, record: Any
) -> None:
    pipeline = make(OtlpHttpSink(receiver.http_url), optional=True)
    pipeline.put(envelope, record(1))
    assert pipeline.shutdown(3).delivered == 1


def test_something_that_hangs_in_its_place_costs_half_a_second_at_the_end(
    make: Any, receiver: OtlpReceiver, envelope: Any, record: Any
) -> None:
    receiver.answer_always(Answer.hang())
    pipeline = make(OtlpHttpSink(receiver.http_url), optional=True)
    pipeline.put(envelope, record(1))
    receiver.wait_for_requests(1)
    begin = time.monotonic()
    pipeline.shutdown(30)
    assert time.monotonic() - begin < 8  # an attempt may take ten seconds
    assert pipeline.ledger.dropped == {"no_destination": 1}


def test_while_it_is_there_its_queue_counts_like_any_other(
    make: Any, held: Any, envelope: Any, record: Any
) -> None:
    pipeline = make(held, optional=True, queue=QueueSettings(max_records=10))
    held.held.set()
    pipeline.put(envelope, record(0))
    pipeline.flush(5)
    held.held.clear()
    held.entered.clear()
    pipeline.put(envelope, record(1))
    held.entered.wait(5)
    for number in range(2, 15):
        pipeline.put(envelope, record(number))
    assert pipeline.ledger.dropped == {"queue_full": 3}


def test_while_it_is_not_there_little_memory_is_spent_on_it(
    make: Any, envelope: Any, record: Any
) -> None:
    clock = FakeClock()
    with OtlpReceiver() as gone:
        port = gone.http_port
    pipeline = make(OtlpHttpSink(f"http://127.0.0.1:{port}"), clock=clock, optional=True)
    pipeline.put(envelope, record(0))
    clock.wait_for_waiter()
    clock.advance(1)
    clock.wait_for_waiter(lambda seconds: seconds == 2.0)
    for number in range(10_000):
        pipeline.put(envelope, record(number))
    assert pipeline.ledger.in_memory == 8192
    assert pipeline.ledger.dropped == {"no_destination": 10_001 - 8192}
