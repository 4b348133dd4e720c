"""After a crash at any call, what was acknowledged is there, once, and nothing else of weight."""

from __future__ import annotations

import contextlib
import errno
from typing import Any

import pytest

from otbridge.errors import StoreError
from tests.faults.spool.failing_files import FailingFiles
from tests.faults.spool.simulated_disk import SimulatedDisk
from tests.hub.receive_log.kept import entry, everything, numbers, opened

GROUPS = ([0], [1, 2, 3], [4], [5, 6, 7, 8, 9, 10, 11], [12], [13, 14])
"""Numbers of the entries that are written together, over several segments."""


def play(files: Any, log: list[Any]) -> None:
    """Append all groups; the store is two groups behind. What was acknowledged goes into *log*."""
    kept = opened(files)
    done = [0, 0]
    kept.follow("store", lambda: done[-2])
    for group in GROUPS:
        try:
            kept.append([entry(number) for number in group])
        except OSError:
            continue
        log.append(("acknowledged", group))
        done.append(kept.end)
        log.append(("let go", done[-2]))
        kept.let_go()


def owed(log: list[Any]) -> list[int]:
    """Return the entries that were acknowledged and not let go of."""
    acknowledged = [number for mark in log if mark[0] == "acknowledged" for number in mark[1]]
    gone = max((mark[1] for mark in log if mark[0] == "let go"), default=0)
    return acknowledged[gone:]


def check(left: SimulatedDisk, log: list[Any]) -> None:
    again = opened(left)
    found = numbers(everything(again, again.begin_of("store")))
    wanted = owed(log)
    assert [number for number in found if number in wanted] == wanted
    assert found == sorted(set(found))
    again.append([entry(99)])
    assert numbers(everything(opened(left.killed())))[-1] == 99


def test_after_a_crash_at_any_call_everything_acknowledged_is_there() -> None:
    log: list[Any] = []
    play(SimulatedDisk(log), log)
    changes = [at for at, mark in enumerate(log) if mark[0] not in ("acknowledged", "let go")]
    assert len(changes) > 40
    for at in [*changes, len(log)]:
        left = SimulatedDisk()
        for mark in log[:at]:
            if mark[0] not in ("acknowledged", "let go"):
                left.apply(mark)
        check(left.killed(), log[:at])
        for names in (True, False):
            check(left.power_lost(names=names), log[:at])
        if at < len(log) and log[at][0] == "write":
            for part in range(1, 8):
                torn = left.killed()
                torn.apply(log[at], part / 8)
                check(torn.killed(), log[:at])


@pytest.mark.parametrize("code", [errno.EIO, errno.ENOSPC, errno.EROFS])
@pytest.mark.parametrize("times", [1, 4])
def test_whichever_call_fails_what_was_acknowledged_is_there(code: int, times: int) -> None:
    for first in range(1, 200):
        for part in (0.0, 0.5):
            log: list[Any] = []
            files = FailingFiles(disk := SimulatedDisk(), first, code, times, part)
            with contextlib.suppress(StoreError):
                play(files, log)
            check(disk.killed(), log)
            # Nothing of what was refused stays either, so that its sender may send it again.
            again = opened(disk.killed())
            refused = set(range(15)) - {
                number for mark in log if mark[0] == "acknowledged" for number in mark[1]
            }
            if not {"open", "truncate", "unlink"} & set(files.failed):
                assert not refused & set(numbers(everything(again)))
        if not files.failed:
            assert first > 20
            return
    raise AssertionError("the scenario has no end")
