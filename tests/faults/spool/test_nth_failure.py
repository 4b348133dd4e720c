"""Every call to the disk fails once, one after the other; then from one call on they all do.

SQLite's method: fail the first call, then the second, and so on, until the program comes to its
end without having met the failure.
"""

from __future__ import annotations

import errno
from typing import Any

import pytest

from otbridge.testing import FakeClock
from tests.faults.spool.failing_files import FailingFiles
from tests.faults.spool.scenario import Program, Promises, make_spool, recover
from tests.faults.spool.simulated_disk import SimulatedDisk

STEPS = 45
ERRORS = {
    "disk full": errno.ENOSPC,
    "input/output error": errno.EIO,
    "too many open files": errno.EMFILE,
}


def run(
    first: int, code: int, seed: int, *, times: int = 1, part: float = 0.0, **settings: Any
) -> bool:
    """Run the program with failures, check what is left of it; False if it met none."""
    disk, clock, reports = SimulatedDisk(), FakeClock(), list[str]()
    files = FailingFiles(disk, first, code, times, part)
    promises = Promises([])
    spool = make_spool(files, clock, reports, **settings)  # type: ignore[arg-type] # duck-typed
    program = Program(spool, clock, promises, seed)
    program.run(STEPS)
    stats = spool.stats()
    spool.close()
    assert disk.descriptors == 0, "a descriptor was not given back"
    if not files.failed:
        return False

    found = recover(disk.killed())
    owed = promises.accepted - promises.acknowledged
    known_lost = sum(sum(of.values()) for of in stats.lost.values())
    missing = (owed - found.delivered).total()
    assert missing <= max(found.lost, known_lost), (files.failed, reports)
    assert found.delivered.keys() <= promises.accepted.keys() | promises.unsure.keys()
    return True


@pytest.mark.parametrize("code", ERRORS.values(), ids=ERRORS)
def test_a_single_failure_loses_nothing_uncounted(code: int) -> None:
    """Whichever call fails: no exception, no descriptor lost, no accepted record uncounted."""
    first = 1
    while run(first, code, seed=1):
        first += 1
    assert first > 100


def test_a_write_that_stops_half_way_is_written_over() -> None:
    """ENOSPC after half of the bytes leaves nothing that a reader could take for a record."""
    first = 1
    while run(first, errno.ENOSPC, seed=2, part=0.5):
        first += 1
    assert first > 100


def test_a_write_cut_short_by_a_signal_is_completed() -> None:
    """A short count is no failure."""
    first = 1
    while run(first, errno.EINTR, seed=3, part=0.3):
        first += 1
    assert first > 100


@pytest.mark.parametrize("code", ERRORS.values(), ids=ERRORS)
def test_a_disk_that_is_gone_for_good_loses_nothing_uncounted(code: int) -> None:
    """From some call on everything fails; what was accepted before is found by the next process."""
    first = 1
    while run(first, code, seed=4, times=1 << 30):
        first += 3


def test_a_disk_that_comes_back_is_used_again() -> None:
    """After twenty failures in a row the program ends with records on the disk."""
    first = 1
    while run(first, errno.ENOSPC, seed=5, times=20, retry_s=0.1):
        first += 2
