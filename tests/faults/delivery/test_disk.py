"""Disks that are full, read-only or broken. Each test is a row of the fault table."""

from __future__ import annotations

import errno
import os
import time
from typing import TYPE_CHECKING, Any

import pytest

from otbridge.delivery.spool.files import SystemFiles
from otbridge.testing import Answer

if TYPE_CHECKING:
    from otbridge.testing import OtlpReceiver


class FaultyFiles(SystemFiles):
    """The real file system, until a fault is set."""

    __slots__ = ("sync_fault", "write_fault")

    def __init__(self) -> None:
        super().__init__()
        self.write_fault = self.sync_fault = 0
        self.write = self._checked_write

    def _checked_write(self, fd: int, data: bytes, offset: int) -> int:
        _check(self.write_fault)
        return os.pwrite(fd, data, offset)

    def create(self, path: str) -> int:
        _check(self.write_fault)
        return super().create(path)

    def make_folder(self, path: str) -> None:
        _check(self.write_fault)
        super().make_folder(path)

    def sync(self, fd: int) -> None:
        _check(self.sync_fault)
        super().sync(fd)


def _check(fault: int) -> None:
    if fault:
        raise OSError(fault, os.strerror(fault))


@pytest.mark.parametrize("level", ["memory", "process"])
@pytest.mark.parametrize("fault", [errno.ENOSPC, errno.EROFS, errno.EACCES, errno.EDQUOT])
def test_what_the_disk_does_not_take_is_kept_in_memory_and_delivered(
    deliver: Any, receiver: OtlpReceiver, numbers: Any, level: str, fault: int
) -> None:
    """Rows 30 and 31: no call fails, one warning, and nothing is lost when the receiver is back."""
    receiver.answer_always(Answer.refuse(503))
    files = FaultyFiles()
    files.write_fault = fault
    delivery = deliver(receiver, level, files=files)
    assert delivery.put(500) == 500
    delivery.pipeline.flush(1)
    assert (delivery.ledger.in_memory, delivery.ledger.spooled) == (500, 0)
    assert len([line for line in delivery.reports if "spool" in line]) == 1

    receiver.answer_always(Answer.ok())
    delivery.drain()
    assert numbers(receiver) == dict.fromkeys(range(500), 1)


def test_a_disk_that_fills_up_in_the_middle_loses_nothing(
    deliver: Any, receiver: OtlpReceiver, numbers: Any
) -> None:
    """Row 30: what is there stays there, what comes stays in memory."""
    receiver.answer_always(Answer.refuse(503))
    files = FaultyFiles()
    delivery = deliver(receiver, "process", files=files)
    delivery.put(300)
    files.write_fault = errno.ENOSPC
    delivery.put(300)
    delivery.adds_up()
    assert delivery.ledger.spooled == 300
    files.write_fault = 0
    receiver.answer_always(Answer.ok())
    delivery.drain()
    assert numbers(receiver) == dict.fromkeys(range(600), 1)


def test_a_disk_that_cannot_sync_costs_the_level_and_no_record(
    deliver: Any, receiver: OtlpReceiver, numbers: Any
) -> None:
    """Row 32: written all the same, and said; a second sync is not taken for an answer."""
    receiver.answer_always(Answer.refuse(503))
    files = FaultyFiles()
    delivery = deliver(receiver, "power", files=files)
    files.sync_fault = errno.EIO
    assert delivery.put(100) == 100
    assert delivery.spool.stats().durability == "process"
    assert any("sync" in line for line in delivery.reports)
    receiver.answer_always(Answer.ok())
    delivery.drain()
    assert numbers(receiver) == dict.fromkeys(range(100), 1)


def test_an_end_with_a_full_disk_is_counted_and_in_time(
    deliver: Any, receiver: OtlpReceiver
) -> None:
    """Rows 21 and 30 together: there is nowhere to go, so it is counted."""
    receiver.answer_always(Answer.hang())
    files = FaultyFiles()
    files.write_fault = errno.ENOSPC
    delivery = deliver(receiver, files=files)
    delivery.put(100)
    begin = time.monotonic()
    result = delivery.end(0.6)
    assert time.monotonic() - begin < 8  # an attempt may take ten seconds
    assert (result.failed, delivery.ledger.dropped) == (100, {"shutdown": 100})
    delivery.adds_up()
