"""A disk that refuses: the caller keeps its records, and hears of it once a minute."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING, Any

import pytest

from otbridge.delivery.spool.slots import SLOT_BYTES
from otbridge.testing import FakeClock
from otbridge.wire.otlp_request import Envelope
from tests.faults.spool.scenario import make_spool
from tests.faults.spool.simulated_disk import SimulatedDisk

if TYPE_CHECKING:
    from collections.abc import Callable

ENVELOPE = Envelope(b"res", b"sco")


class RefusingDisk(SimulatedDisk):
    """Refuses calls of some names with an error, and can be full."""

    def __init__(self) -> None:
        super().__init__()
        self.errors: dict[str, int] = {}
        self.capacity = 1 << 40
        self.refused = 0
        plain = self.write

        def write(fd: int, data: bytes, offset: int) -> int:
            self.check("write")
            if self.used + len(data) > self.capacity:
                self.refused += 1
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            return plain(fd, data, offset)

        self.write = write

    @property
    def used(self) -> int:
        return sum(map(len, self.files().values()))

    def check(self, name: str) -> None:
        if name in self.errors:
            self.refused += 1
            raise OSError(self.errors[name], os.strerror(self.errors[name]))

    def create(self, path: str) -> int:
        self.check("create")
        return super().create(path)

    def make_folder(self, path: str) -> None:
        self.check("make_folder")
        super().make_folder(path)

    def sync(self, fd: int) -> None:
        self.check("sync")
        super().sync(fd)

    def open(self, path: str) -> int:
        if path.endswith(".seg"):
            self.check("open")
        return super().open(path)


@pytest.fixture
def disk() -> RefusingDisk:
    return RefusingDisk()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def reports() -> list[str]:
    return []


@pytest.fixture
def make(disk: RefusingDisk, clock: FakeClock, reports: list[str]) -> Callable[..., Any]:
    return lambda **settings: make_spool(disk, clock, reports, **settings)


@pytest.mark.parametrize("code", [errno.EROFS, errno.EACCES, errno.EDQUOT, errno.EIO])
def test_a_disk_that_cannot_be_written_leaves_records_with_the_caller(
    make: Callable[..., Any], disk: RefusingDisk, clock: FakeClock, reports: list[str], code: int
) -> None:
    """It is left alone for half a minute, and spoken of once a minute."""
    disk.errors = {"make_folder": code}
    spool = make()
    for _ in range(1000):
        assert not spool.append("logs", ENVELOPE, b"record")
    assert disk.refused == 1
    assert not spool.stats().available
    clock.advance(31)
    assert not spool.append("logs", ENVELOPE, b"record")
    assert disk.refused == 2
    assert len(reports) == 1
    assert os.strerror(code) in reports[0]
    assert "Records stay in memory" in reports[0]
    clock.advance(31)
    assert not spool.append("logs", ENVELOPE, b"record")
    assert len(reports) == 2


def test_a_disk_that_recovers_is_used_again_and_that_is_said(
    make: Callable[..., Any], disk: RefusingDisk, clock: FakeClock, reports: list[str]
) -> None:
    """After half a minute, by the next record."""
    disk.errors = {"write": errno.EIO}
    spool = make()
    assert not spool.append("logs", ENVELOPE, b"record")
    disk.errors = {}
    assert not spool.append("logs", ENVELOPE, b"record")
    clock.advance(31)
    assert spool.append("logs", ENVELOPE, b"record")
    assert spool.stats().available
    assert "can write to its spool again" in reports[-1]


def test_a_full_disk_costs_the_oldest_segment_and_takes_the_newest_record(
    make: Callable[..., Any], disk: RefusingDisk
) -> None:
    """Deleting works on a full disk; what went is counted."""
    disk.capacity = 2 * SLOT_BYTES + 3000
    spool = make(max_bytes=1 << 20)
    reader = spool.reader("there", "logs")
    for number in range(200):
        assert spool.append("logs", ENVELOPE, b"%03d" % number + bytes(40))
    lost = spool.stats().lost["logs"]["spool_full"]
    assert disk.refused
    assert reader.waiting == 200 - lost
    batch = reader.next_batch(100_000, 1)
    assert batch is not None
    assert batch.entries[0][1].startswith(b"%03d" % lost)


def test_acknowledging_works_on_a_full_disk(
    make: Callable[..., Any], disk: RefusingDisk, clock: FakeClock
) -> None:
    """Nothing has to be written that was not written before, so the disk gets room again."""
    spool = make()
    reader = spool.reader("there", "logs")
    for number in range(50):
        assert spool.append("logs", ENVELOPE, b"%03d" % number + bytes(40))
    disk.capacity = 0
    before = disk.used
    while (batch := reader.next_batch(500, 100)) is not None:
        assert reader.ack(batch)
    clock.advance(31)
    spool.tend()
    assert disk.used < before / 2 + 2 * SLOT_BYTES
    assert reader.acknowledged == 50


def test_a_failed_sync_is_said_and_never_believed_afterwards(
    make: Callable[..., Any], disk: RefusingDisk, clock: FakeClock, reports: list[str]
) -> None:
    """At `power` the record is kept, and the level in force is `process`.

    Half a minute later a new file is synced, not the old one again: its lost pages count as clean.
    """
    spool = make(durability="power")
    disk.errors = {"sync": errno.EIO}
    assert spool.append("logs", ENVELOPE, b"one")
    assert spool.stats().durability == "process"
    assert "cannot sync" in reports[0]
    assert spool.append("logs", ENVELOPE, b"two")
    assert disk.refused == 1
    disk.errors = {}
    clock.advance(31)
    spool.tend()
    assert spool.stats().durability == "power"
    assert spool.append("logs", ENVELOPE, b"three")
    assert spool.reader("there", "logs").waiting == 3


def test_a_segment_that_cannot_be_read_is_put_aside_and_counted(
    make: Callable[..., Any], disk: RefusingDisk, clock: FakeClock, reports: list[str]
) -> None:
    """The others are delivered."""
    spool = make()
    reader = spool.reader("there", "logs")
    for number in range(30):
        assert spool.append("logs", ENVELOPE, b"%03d" % number + bytes(40))
    disk.errors = {"open": errno.EIO}
    assert reader.next_batch(10_000, 100) is None
    lost = spool.stats().lost["logs"]["corrupt"]
    disk.errors = {}
    found = 0
    while (batch := reader.next_batch(10_000, 100)) is not None:
        found += reader.ack(batch)
    assert found + lost == 30
    assert [path for path in disk.files() if "quarantine" in path]


def test_too_many_open_files_is_waited_out(make: Callable[..., Any], disk: RefusingDisk) -> None:
    """It says nothing about the segment, which is read when there are descriptors again."""
    spool = make()
    reader = spool.reader("there", "logs")
    assert spool.append_request("logs", b"request", "none", 1)  # these are not kept in memory
    disk.errors = {"open": errno.EMFILE}
    assert reader.next_batch(10_000, 100) is None
    disk.errors = {}
    assert reader.next_batch(10_000, 100) is not None
    assert spool.stats().lost == {}


def test_a_report_that_fails_is_no_further_trouble(disk: RefusingDisk, clock: FakeClock) -> None:
    """Whoever gets the sentences may be what is broken."""

    class Broken(list[str]):
        def append(self, sentence: str) -> None:
            raise ValueError(sentence)

    disk.errors = {"make_folder": errno.EROFS}
    assert not make_spool(disk, clock, Broken()).append("logs", ENVELOPE, b"record")


def test_a_fault_of_ours_is_not_the_callers(
    make: Callable[..., Any], disk: RefusingDisk, reports: list[str]
) -> None:
    """Whatever is raised inside, `append` answers; an envelope that is none, for example."""
    spool = make()
    assert not spool.append("logs", None, b"record")
    assert "AttributeError" in reports[0]
