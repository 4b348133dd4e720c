"""Several processes of one service, with one folder for all their spools."""

from __future__ import annotations

from typing import Any

import pytest

from otbridge.testing import Answer

PROGRAM = """
    import os, otbridge, sys
    log = otbridge.get_logger("x")
    for number in range(1000):
        log.info(f"{os.getpid()} {number}")
    otbridge.flush(1)
    print("ready", flush=True)
    sys.stdin.readline()
    otbridge.flush(10)
    found = otbridge.stats()["logs"]
    print(found.delivered, found.spooled + found.in_memory + found.lost, flush=True)
"""


@pytest.fixture
def away(receiver: Any) -> Any:
    """The receiver, which takes nothing until it is told to."""
    receiver.answer_always(Answer.refuse(503))
    return receiver


def lines_of(*processes: Any) -> dict[str, int]:
    return {f"{process.pid} {number}": 1 for process in processes for number in range(1000)}


@pytest.mark.parametrize("durability", ["memory", "process"])
def test_each_delivers_its_own_lines_once(
    programs: Any, away: Any, bodies: Any, ready: Any, durability: Any
) -> None:
    """They live at the same time, and none takes what is another's."""
    processes = [programs.start(PROGRAM, OTBRIDGE_DURABILITY=durability) for _ in range(2)]
    for process in processes:
        ready(process)
    away.answer_always(Answer.ok())
    for process in processes:
        out, err = process.communicate("\n", timeout=20)
        assert (out, err, process.returncode) == ("1000 0\n", "", 0)
    assert bodies() == lines_of(*processes)


def test_one_that_comes_takes_over_from_the_dead_and_not_from_the_living(
    programs: Any, away: Any, bodies: Any, ready: Any
) -> None:
    """The kernel has given the dead one's lock back; the living one holds its own."""
    dead, living = (programs.start(PROGRAM, OTBRIDGE_DURABILITY="process") for _ in range(2))
    ready(dead)
    ready(living)
    dead.kill()
    dead.communicate()
    away.answer_always(Answer.ok())
    assert programs.replay() == "1,000 records delivered.\n"
    assert living.communicate("\n", timeout=20) == ("1000 0\n", "")
    assert bodies() == lines_of(dead, living)
