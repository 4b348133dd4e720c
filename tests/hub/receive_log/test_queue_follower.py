"""A queue gets every entry of the log, in order, and at least once."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from otbridge.hub.receive_log import queue_follower
from otbridge.hub.receive_log.queue_follower import QueueFollower
from tests.hub.receive_log.kept import entry, numbers

if TYPE_CHECKING:
    import pytest

    from otbridge.hub.receive_log.entries import Kept
    from otbridge.hub.receive_log.log import ReceiveLog


class Queue:
    """What a follower puts into; may be held up, and refuse an entry."""

    def __init__(self) -> None:
        self.kept: list[Kept] = []
        self.may_take = threading.Event()
        self.may_take.set()
        self.refuses = -1

    def put(self, kept: Kept) -> None:
        self.may_take.wait(20)
        if kept.position == self.refuses:
            raise ValueError("not this one")
        self.kept.append(kept)


def begun(log: ReceiveLog, queue: Queue, position: int) -> QueueFollower:
    follower = QueueFollower(log, queue.put)
    follower.position = position
    follower.begin()
    return follower


def test_it_gets_what_was_there_and_what_comes(log: ReceiveLog) -> None:
    queue = Queue()
    log.append([entry(number) for number in range(7)])
    follower = begun(log, queue, 3)
    for number in range(7, 20):
        for kept in log.append([entry(number)]):
            follower.offer(kept)
    follower.end(10)
    assert numbers(queue.kept) == list(range(3, 20))
    assert follower.behind(0) == 0


def test_what_does_not_fit_into_memory_is_read_from_the_log(
    log: ReceiveLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue_follower, "_MAX_BYTES", 300)
    queue = Queue()
    queue.may_take.clear()
    follower = begun(log, queue, 0)
    for number in range(30):
        for kept in log.append([entry(number)]):
            follower.offer(kept)
    assert follower._fresh_bytes <= 300
    assert follower.behind(0) == 30
    assert follower.behind(20) == 10
    queue.may_take.set()
    follower.end(10)
    assert numbers(queue.kept) == list(range(30))


def test_an_entry_that_cannot_be_queued_keeps_none_behind_it_from_it(log: ReceiveLog) -> None:
    queue = Queue()
    queue.refuses = 2
    follower = begun(log, queue, 0)
    for kept in log.append([entry(number) for number in range(5)]):
        follower.offer(kept)
    follower.end(10)
    assert numbers(queue.kept) == [0, 1, 3, 4]


def test_the_end_does_not_wait_for_a_queue_that_takes_nothing(log: ReceiveLog) -> None:
    queue = Queue()
    queue.may_take.clear()
    follower = begun(log, queue, 0)
    log.append([entry(0), entry(1)])
    threading.Timer(0.3, queue.may_take.set).start()
    follower.end(0.05)
    assert follower.position < log.end
