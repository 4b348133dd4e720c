"""Every moment at which a process can die, or the power fail, one after the other.

A seeded program runs on a simulated disk that logs every call. Then, for each prefix of that log,
the disk is put together as a crash would leave it, and the next process takes over: once with
everything that was written (SIGKILL), once cut off in the middle of the last write, and twice with
what was synced only (loss of power), with the names as they were and with the synced names.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from otbridge.testing import FakeClock
from tests.faults.spool.scenario import ENVELOPES, Aftermath, Program, Promises, make_spool, recover
from tests.faults.spool.simulated_disk import SimulatedDisk

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.faults.spool.scenario import Aftermath

STEPS = 70


def record_run(seed: int, **settings: Any) -> list[Any]:
    """Run a program to its end and return the log of what it did and was told."""
    log: list[Any] = []
    clock, reports = FakeClock(), list[str]()
    spool = make_spool(SimulatedDisk(log), clock, reports, **settings)
    Program(spool, clock, Promises(log), seed).run(STEPS)
    spool.close()
    log.append(("synced",))
    assert not [sentence for sentence in reports if "gave up" not in sentence]
    return log


class Point(NamedTuple):
    """A moment at which the process dies, and what it had been promised by then."""

    disk: SimulatedDisk
    """As it was before `call`."""
    call: tuple[Any, ...]
    """The call to the disk that was begun."""
    owed: Counter[bytes]
    """Records that were accepted, and not acknowledged, not even by the call under way."""
    synced: Counter[bytes]
    """Those of them that were accepted before the last sync."""
    arriving: Counter[bytes]
    """Records that the call under way was about to promise, or to acknowledge."""


def crash_points(log: list[Any]) -> Iterator[Point]:
    """Yield every moment of the program that wrote *log*."""
    disk = SimulatedDisk()
    owed, synced = Counter[bytes](), Counter[bytes]()
    for position, (kind, *of) in enumerate(log):
        if kind == "accepted":
            owed.update(of[0])
        elif kind == "acknowledged":
            owed.subtract(of[0])
        elif kind == "synced":
            synced = owed.copy()
        else:
            promise, arriving = what_follows(log, position)
            left = owed - arriving if promise == "acknowledged" else +owed
            yield Point(disk, (kind, *of), left, left & synced, arriving)
            disk.apply((kind, *of))


def what_follows(log: list[Any], position: int) -> tuple[str, Counter[bytes]]:
    """Return what the call that is under way was about to promise."""
    for kind, *of in log[position:]:
        if kind in {"accepted", "acknowledged"}:
            return kind, Counter(of[0])
        if kind == "synced":
            break
    return "", Counter()


def check_harmless(found: Aftermath, log: list[Any]) -> None:
    """Nothing was delivered that was not written, nothing twice, nothing in another's name."""
    assert set(found.delivered) <= {
        record for kind, *of in log if kind == "accepted" for record in of[0]
    }
    assert all(count == 1 for count in found.delivered.values())
    assert {(e.resource, e.scope) for e in found.envelopes.values()} <= {
        (e.resource, e.scope) for e in ENVELOPES
    }
    assert not [sentence for sentence in found.reports if "fail" in sentence]


@pytest.mark.parametrize("seed", range(8))
def test_a_killed_process_loses_nothing_it_was_told_is_safe(seed: int) -> None:
    """Accepted is acknowledged, delivered by the next process, or counted; none of them twice."""
    log = record_run(seed, max_bytes=4000 if seed % 2 else 1 << 20)
    for point in crash_points(log):
        left = point.disk.killed()
        left.apply(point.call)
        found = recover(left)
        check_harmless(found, log)
        missing = (point.owed - found.delivered).total()
        unseen = (point.arriving - found.delivered).total()  # given up before anybody was told
        assert missing <= found.lost <= missing + unseen
        assert found.delivered - point.owed <= point.arriving
        assert found.torn == 0


@pytest.mark.parametrize("seed", range(4))
def test_a_write_that_was_cut_off_costs_nobody_else_anything(seed: int) -> None:
    """At each eighth of each write: what was promised before is delivered."""
    log = record_run(seed + 100)
    for point in crash_points(log):
        for eighth in range(1, 8) if point.call[0] == "write" else ():
            left = point.disk.killed()
            left.apply(point.call, eighth / 8)
            found = recover(left)
            check_harmless(found, log)
            assert point.owed <= found.delivered
            assert found.lost == 0


@pytest.mark.parametrize("names", [True, False], ids=["names kept", "names lost"])
@pytest.mark.parametrize("seed", range(4))
def test_a_loss_of_power_takes_only_what_was_not_synced(seed: int, names: bool) -> None:
    """At `process`, what was accepted before the last sync is there."""
    log = record_run(seed + 200)
    for point in crash_points(log):
        found = recover(point.disk.power_lost(names=names))
        check_harmless(found, log)
        assert point.synced <= found.delivered


@pytest.mark.parametrize("names", [True, False], ids=["names kept", "names lost"])
@pytest.mark.parametrize("seed", range(4))
def test_at_power_a_loss_of_power_takes_nothing(seed: int, names: bool) -> None:
    """Every record that `append` returned True for is there."""
    log = record_run(seed + 300, durability="power")
    for point in crash_points(log):
        found = recover(point.disk.power_lost(names=names))
        check_harmless(found, log)
        assert point.owed <= found.delivered
