"""Two slots: one of them is always whole."""

from __future__ import annotations

import pytest

from otbridge.delivery.spool.slots import SLOT_BYTES, Slots
from tests.faults.spool.simulated_disk import SimulatedDisk


def reopened(disk: SimulatedDisk) -> Slots:
    return Slots(disk, disk.open("/book"))


def test_the_last_value_is_read() -> None:
    """Also when it is shorter than those before it."""
    disk = SimulatedDisk()
    slots = Slots(disk, disk.create("/book"))
    for value in (b"a" * 4000, b"b" * 2000, b"c", b""):
        slots.store(value)
        assert reopened(disk).load() == value


def test_a_write_that_is_cut_off_leaves_the_value_before_it() -> None:
    """At every byte."""
    log: list[tuple[object, ...]] = []
    disk = SimulatedDisk(log)
    slots = Slots(disk, disk.create("/book"))
    for value in (b"one", b"two", b"three", b"four!"):
        slots.store(value)
    *before, last = log
    size = len(last[3])  # type: ignore[arg-type] # the bytes of the write
    for part in range(size):
        left = SimulatedDisk()
        for change in before:
            left.apply(change)
        left.apply(last, part / size)
        assert reopened(left).load() == b"three"


def test_after_a_restart_the_older_slot_is_the_next_to_be_written() -> None:
    """Else the newest value would be in danger."""
    disk = SimulatedDisk()
    slots = Slots(disk, disk.create("/book"))
    slots.store(b"one")
    slots.store(b"two")
    again = reopened(disk)
    assert again.load() == b"two"
    again.store(b"three")
    assert b"two" in disk.files()["/book"]


def test_a_full_disk_does_not_keep_a_value_from_being_replaced() -> None:
    """The space was taken with the first two writes; later ones stay within it."""
    disk = SimulatedDisk()
    slots = Slots(disk, disk.create("/book"))
    slots.store(b"one")
    slots.store(b"two")
    size = len(disk.files()["/book"])
    slots.store(b"x" * (SLOT_BYTES - 16))
    assert size == len(disk.files()["/book"]) == 2 * SLOT_BYTES


def test_what_does_not_fit_is_refused() -> None:
    """And the value before it stays."""
    disk = SimulatedDisk()
    slots = Slots(disk, disk.create("/book"))
    slots.store(b"one")
    with pytest.raises(OSError, match="do not fit"):
        slots.store(b"x" * SLOT_BYTES)
    assert reopened(disk).load() == b"one"
