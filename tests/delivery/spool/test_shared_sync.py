"""One sync at a time, shared by those who wait, and never believed after a failure."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from otbridge.delivery.spool.shared_sync import SharedSync

if TYPE_CHECKING:
    from collections.abc import Callable


class Disk:
    """Syncs when it is let; what was written until the sync began is covered."""

    def __init__(self) -> None:
        self.written = 0
        self.syncs = 0
        self.error: OSError | None = None
        self.begun = threading.Event()
        self.let = threading.Event()
        self.let.set()

    def sync(self, covers: Callable[[int], None]) -> None:
        covers(self.written)
        self.syncs += 1
        self.begun.set()
        self.let.wait()
        if self.error is not None:
            raise self.error


def started(*works: Callable[[], None]) -> list[threading.Thread]:
    threads = [threading.Thread(target=work) for work in works]
    for thread in threads:
        thread.start()
    return threads


def test_what_was_written_during_a_sync_shares_the_next() -> None:
    """Ten threads that come while one syncs cause one more sync, not ten."""
    disk = Disk()
    shared = SharedSync(disk.sync)
    disk.let.clear()
    disk.written = 1
    threads = started(lambda: shared.reach(1))
    disk.begun.wait()
    disk.written = 11
    threads += started(*(lambda end=end: shared.reach(end) for end in range(2, 12)))
    disk.let.set()
    for thread in threads:
        thread.join()
    assert disk.syncs == 2


def test_what_is_synced_already_waits_for_nothing() -> None:
    """Nor does it sync."""
    disk = Disk()
    shared = SharedSync(disk.sync)
    disk.written = 5
    shared.reach(5)
    shared.reach(3)
    assert disk.syncs == 1


def test_a_failed_sync_fails_all_whom_it_was_to_cover() -> None:
    """And a later one that works says nothing about their records."""
    disk = Disk()
    shared = SharedSync(disk.sync)
    disk.let.clear()
    disk.written = 3
    failed: list[int] = []

    def reach(end: int) -> None:
        try:
            shared.reach(end)
        except OSError:
            failed.append(end)

    threads = started(lambda: reach(1))
    disk.begun.wait()
    threads += started(lambda: reach(2), lambda: reach(3))
    disk.error = OSError(5, "Input/output error")
    disk.let.set()
    for thread in threads:
        thread.join()
    assert sorted(failed) == [1, 2, 3]
    assert disk.syncs == 1
    disk.error = None
    disk.written = 4
    shared.reach(4)
    with pytest.raises(OSError, match="Input/output error"):
        shared.reach(3)


def test_a_signal_handler_in_the_middle_of_a_sync_does_not_wait_for_itself() -> None:
    """Its record is written; more cannot be said before it returns."""
    shared: SharedSync

    def sync(covers: Callable[[int], None]) -> None:
        covers(1)
        shared.reach(2)
        shared.now()

    shared = SharedSync(sync)
    shared.reach(1)
