"""What may wait, and what happens at the limits."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otbridge.delivery.ledger import Ledger
from otbridge.delivery.queue import RecordQueue
from otbridge.delivery.settings import BatchSettings, QueueSettings
from otbridge.errors import ConfigurationError
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
    ) -> None:
        self.roused = 0
        self.losses: list[tuple[str, int]] = []
        self.ledger = Ledger(lambda: len(self.queue))
        self.queue = RecordQueue(
            QueueSettings(max_records=records, max_bytes=size),
            batch or BatchSettings(),
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


def test_a_full_queue_refuses_the_newest_and_says_so() -> None:
    queue = Harness(records=2)
    assert [queue.put() for _ in range(3)] == [True, True, False]
    assert queue.losses == [("queue_full", 1)]
    assert queue.ledger.dropped == {"queue_full": 1}


def test_the_limit_in_bytes_holds_too() -> None:
    queue = Harness(size=10)
    assert [queue.put(b"12345") for _ in range(3)] == [True, True, False]
    queue.take()
    assert queue.put(b"12345")


def test_errors_still_get_in_when_others_do_not() -> None:
    queue = Harness(records=8)
    for _ in range(8):
        queue.put()
    assert not queue.put(severity=9)
    assert queue.put(severity=17)
    assert not queue.put(severity=17)


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


@given(OPERATIONS, st.booleans())
def test_whatever_happens_every_record_is_in_one_place(
    operations: list[tuple[str, int]], keep_newest: bool
) -> None:
    queue = Harness(records=4, size=30, batch=BatchSettings(max_records=3), keep_newest=keep_newest)
    put = 0
    for operation, size in operations:
        if operation == "put":
            put += 1
            queue.put(b"x" * size)
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
        (BatchSettings, {"max_age_s": 0.0}),
    ],
)
def test_a_limit_of_nothing_is_refused_with_a_sentence(
    settings: Any, wrong: dict[str, Any]
) -> None:
    with pytest.raises(ConfigurationError, match="It has to be more than 0"):
        settings(**wrong)
