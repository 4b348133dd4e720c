"""What may wait, and what happens at the limits."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otbridge.delivery.ledger import Ledger
from otbridge.delivery.policies import Block, DropNewest, DropOldest, Policy, Sample, Spill
from otbridge.delivery.queue import RecordQueue
from otbridge.delivery.settings import BatchSettings, QueueSettings
from otbridge.errors import ConfigurationError
from otbridge.testing import FakeClock
from otbridge.wire.otlp_request import Envelope

ENVELOPE = Envelope(b"", b"")


class Harness:
    """A queue with everything that it tells others."""

    def __init__(
        self,
        *,
        records: int = 8,
        size: int = 1000,
        batch: BatchSettings | None = None,
        keep_newest: bool = False,
        policy: Policy | None = None,
    ) -> None:
        self.roused = 0
        self.losses: list[tuple[str, int]] = []
        self.ledger = Ledger(lambda: len(self.queue))
        self.queue = RecordQueue(
            QueueSettings(max_records=records, max_bytes=size),
            batch or BatchSettings(),
            policy=policy,
            let_go=(lambda: "no_destination") if keep_newest else None,
            rouse=self._rouse,
            ledger=self.ledger,
            on_loss=lambda reason, number: self.losses.append((reason, number)),
        )

    def _rouse(self) -> None:
        self.roused += 1

    def put(self, record: bytes = b"r", severity: int = 9) -> bool:
        return self.queue.put(ENVELOPE, record, severity)

    def take(self) -> list[bytes]:
        return [record for _, record in self.queue.take()]


def test_first_in_is_first_out() -> None:
    queue = Harness()
    for record in (b"1", b"2", b"3"):
        assert queue.put(record)
    assert queue.take() == [b"1", b"2", b"3"]


def test_a_full_queue_lets_the_oldest_go_and_says_so() -> None:
    queue = Harness(records=2)
    assert [queue.put(b"%d" % n) for n in range(3)] == [True, True, True]
    assert queue.losses == [("queue_full", 1)]
    assert queue.ledger.dropped == {"queue_full": 1}
    assert queue.take() == [b"1", b"2"]


def test_drop_newest_refuses_what_comes_last() -> None:
    queue = Harness(records=2, policy=DropNewest())
    assert [queue.put(b"%d" % n) for n in range(3)] == [True, True, False]
    assert queue.losses == [("queue_full", 1)]
    assert queue.take() == [b"0", b"1"]


def test_the_limit_in_bytes_holds_too() -> None:
    queue = Harness(size=10, policy=DropNewest())
    assert [queue.put(b"12345") for _ in range(3)] == [True, True, False]
    queue.take()
    assert queue.put(b"12345")


@pytest.mark.parametrize("policy", [DropOldest, DropNewest, Sample, lambda: Spill(None)])
def test_an_error_pushes_out_the_oldest_record_that_is_none(policy: Any) -> None:
    queue = Harness(records=4, policy=policy())
    for name in (b"error 1", b"plain 1", b"error 2", b"plain 2"):
        assert queue.put(name, 17 if b"error" in name else 9) or isinstance(policy(), Sample)
    queue.put(b"plain 2", 9)
    assert queue.put(b"error 3", 21)
    taken = queue.take()
    assert [name for name in taken if b"error" in name] == [b"error 1", b"error 2", b"error 3"]
    assert set(queue.ledger.dropped) <= {"queue_full", "sampled"}


@pytest.mark.parametrize("policy", [DropOldest, DropNewest])
def test_errors_are_not_pushed_out_by_lesser_records(policy: Any) -> None:
    queue = Harness(records=2, policy=policy())
    queue.put(b"error 1", 17)
    queue.put(b"error 2", 17)
    assert not queue.put(b"plain", 9)
    assert queue.take() == [b"error 1", b"error 2"]


def test_an_error_that_had_to_go_is_counted_under_a_reason_of_its_own() -> None:
    queue = Harness(records=2)
    for _ in range(3):
        queue.put(severity=17)
    assert queue.ledger.dropped == {"queue_full_error": 1}
    assert queue.losses == [("queue_full_error", 1)]


def test_spared_errors_count_within_the_limit_and_keep_their_place() -> None:
    queue = Harness(records=3)
    queue.put(b"error", 17)
    for number in range(10):
        assert queue.put(b"%d" % number)
        assert len(queue.queue) <= 3
    entries = queue.queue.take()
    queue.queue.put_back(entries)
    queue.put(b"last")
    assert queue.take() == [b"error", b"9", b"last"]


def test_spool_puts_on_disk_what_does_not_fit() -> None:
    disk: list[bytes] = []

    def overflow(_: Envelope, record: bytes, __: int) -> bool:
        disk.append(record)
        return len(disk) <= 2

    queue = Harness(records=2, policy=Spill(overflow))
    assert all(queue.put(b"%d" % number) for number in range(5))
    assert disk == [b"2", b"3", b"4"]
    assert queue.take() == [b"1", b"4"]  # the disk refused: then the oldest goes
    assert queue.ledger.dropped == {"queue_full": 1}


def test_sample_thins_out_more_the_fuller_it_is_and_keeps_errors() -> None:
    queue = Harness(records=1000, size=1 << 20, policy=Sample())
    taken = [queue.put() for _ in range(3000)]
    assert all(taken[:500])
    assert sum(taken[500:1000]) == 250
    assert sum(taken[1000:2000]) < 250
    assert all(queue.put(severity=17) for _ in range(20))
    assert sum(queue.ledger.dropped.values()) == taken.count(False) + 20


def test_block_waits_for_room() -> None:
    clock = FakeClock()
    queue = Harness(records=1, policy=Block(5.0, clock))
    queue.put(b"first")
    results: list[bool] = []
    thread = threading.Thread(target=lambda: results.append(queue.put(b"second")))
    thread.start()
    assert clock.wait_for_waiter() == 5.0
    assert queue.take() == [b"first"]
    thread.join(5)
    assert results == [True]
    assert queue.take() == [b"second"]


def test_block_refuses_when_its_time_is_up() -> None:
    queue = Harness(records=1, policy=Block(5.0, FakeClock(skips=True)))
    assert [queue.put(), queue.put()] == [True, False]
    assert queue.ledger.dropped == {"queue_full": 1}


def test_block_never_stops_an_event_loop() -> None:
    clock = FakeClock()
    queue = Harness(records=1, policy=Block(5.0, clock))

    async def work() -> list[bool]:
        return [queue.put(), queue.put()]

    assert asyncio.run(work()) == [True, False]
    assert clock.waited == []


def test_a_policy_can_be_exchanged_while_somebody_waits_by_another() -> None:
    clock = FakeClock()
    queue = Harness(records=1, policy=Block(5.0, clock))
    queue.put(b"first")
    thread = threading.Thread(target=lambda: queue.put(b"second"))
    thread.start()
    clock.wait_for_waiter()
    queue.queue.use(DropOldest())
    clock.advance(5.0)
    thread.join(5)
    assert queue.put(b"third")
    assert queue.take() == [b"third"]


def test_a_record_that_can_never_be_sent_is_refused_by_its_size() -> None:
    queue = Harness(size=10)
    assert not queue.put(b"x" * 11, severity=17)
    assert queue.ledger.dropped == {"too_large": 1}


def test_where_the_newest_are_kept_the_oldest_go_and_nobody_is_told() -> None:
    queue = Harness(records=3, keep_newest=True)
    for number in range(5):
        assert queue.put(b"%d" % number)
    assert queue.take() == [b"2", b"3", b"4"]
    assert queue.ledger.dropped == {"no_destination": 2}
    assert queue.losses == []


def test_a_closed_queue_takes_nothing() -> None:
    queue = Harness()
    queue.put()
    queue.queue.close()
    assert not queue.put(severity=21)
    assert queue.ledger.dropped == {"shutdown": 1}
    assert queue.take() == [b"r"]


def test_a_batch_ends_at_its_number_of_records_and_at_its_bytes() -> None:
    queue = Harness(batch=BatchSettings(max_records=3, max_bytes=10))
    for record in (b"1", b"2", b"3", b"4444", b"5555", b"666666"):
        queue.put(record)
    assert queue.take() == [b"1", b"2", b"3"]
    assert queue.take() == [b"4444", b"5555"]
    assert queue.take() == [b"666666"]
    assert queue.take() == []


def test_a_record_larger_than_a_batch_goes_alone() -> None:
    queue = Harness(batch=BatchSettings(max_bytes=4))
    for record in (b"large one", b"2"):
        queue.put(record)
    assert queue.take() == [b"large one"]


def test_what_is_put_back_comes_first_again() -> None:
    queue = Harness()
    for record in (b"1", b"2"):
        queue.put(record)
    entries = queue.queue.take()
    queue.put(b"3")
    queue.queue.put_back(entries)
    assert queue.ledger.in_memory == 3
    assert queue.take() == [b"1", b"2", b"3"]


def test_the_worker_is_woken_once_by_the_first_record() -> None:
    queue = Harness()
    queue.queue.wake_at_first()
    queue.put()
    queue.put()
    assert queue.roused == 1


def test_a_worker_that_waits_for_a_batch_is_woken_by_its_last_record() -> None:
    queue = Harness(batch=BatchSettings(max_records=3))
    queue.queue.wake_at_batch()
    queue.put()
    queue.put()
    assert (queue.roused, queue.queue.has_batch) == (0, False)
    queue.put()
    assert (queue.roused, queue.queue.has_batch) == (1, True)


def test_a_queue_smaller_than_a_batch_wakes_the_worker_when_it_is_half_full() -> None:
    queue = Harness(records=8)
    queue.queue.wake_at_batch()
    for _ in range(3):
        queue.put()
    assert (queue.roused, queue.queue.has_batch) == (0, False)
    queue.put()
    assert (queue.roused, queue.queue.has_batch) == (1, True)


def test_a_worker_that_waits_for_a_batch_is_woken_by_its_bytes() -> None:
    queue = Harness(batch=BatchSettings(max_bytes=10))
    queue.queue.wake_at_batch()
    queue.put(b"12345")
    assert queue.roused == 0
    queue.put(b"12345")
    assert queue.roused == 1


def test_a_worker_at_work_is_not_woken() -> None:
    queue = Harness(batch=BatchSettings(max_records=1))
    queue.queue.wake_never()
    queue.put()
    assert queue.roused == 0


OPERATIONS = st.lists(
    st.tuples(st.just("put"), st.integers(0, 12))
    | st.tuples(st.sampled_from(["take", "take and put back", "discard"]), st.just(0)),
    max_size=60,
)


POLICIES = st.sampled_from([DropOldest, DropNewest, Sample])


@given(OPERATIONS, st.booleans(), POLICIES)
def test_whatever_happens_every_record_is_in_one_place(
    operations: list[tuple[str, int]], keep_newest: bool, policy: Any
) -> None:
    queue = Harness(
        records=4,
        size=30,
        batch=BatchSettings(max_records=3),
        keep_newest=keep_newest,
        policy=policy(),
    )
    put = 0
    for operation, size in operations:
        if operation == "put":
            put += 1
            queue.put(b"x" * size, 9 if size % 3 else 17)
        elif operation == "discard":
            queue.queue.discard("why")
        else:
            entries = queue.queue.take()
            if operation == "take":
                queue.ledger.deliver(len(entries))
            else:
                queue.queue.put_back(entries)
        assert queue.ledger.accepted == put
        assert len(queue.queue) <= 4


def test_many_threads_lose_no_record() -> None:
    queue = Harness(records=1_000_000, size=1 << 30)
    begin = threading.Barrier(9)

    def write(name: int) -> None:
        begin.wait()
        for number in range(5000):
            queue.put(b"%d:%d" % (name, number))

    threads = [threading.Thread(target=write, args=(name,)) for name in range(8)]
    for thread in threads:
        thread.start()
    begin.wait()
    taken: list[bytes] = []
    while any(thread.is_alive() for thread in threads) or len(queue.queue):
        taken += queue.take()

    assert len(taken) == len(set(taken)) == 40_000
    for name in range(8):  # each thread's records in their order
        numbers = [int(r.split(b":")[1]) for r in taken if r.startswith(b"%d:" % name)]
        assert numbers == sorted(numbers)


@pytest.mark.parametrize(
    ("settings", "wrong"),
    [
        (QueueSettings, {"max_records": 0}),
        (QueueSettings, {"max_bytes": -1}),
        (QueueSettings, {"block_s": 0}),
        (BatchSettings, {"max_age_s": 0.0}),
    ],
)
def test_a_limit_of_nothing_is_refused_with_a_sentence(
    settings: Any, wrong: dict[str, Any]
) -> None:
    with pytest.raises(ConfigurationError, match="It has to be more than 0"):
        settings(**wrong)
