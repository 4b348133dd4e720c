"""Row 42: malformed requests; a million of them are `python -m tests.faults.hub.fuzz`."""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path

import pytest

from tests.faults.hub.fuzz.campaign import LANES

ROOT = Path(__file__).parents[3]


def test_six_thousand_mutants_break_nothing(tmp_path: Path) -> None:
    """Row 42: no crash, no 5xx but "come again", no stack trace, memory below 300 MiB."""
    command = [sys.executable, "-m", "tests.faults.hub.fuzz", "--requests", "6000", "--seed", "42"]
    done = subprocess.run(
        [*command, "--crashes", str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("lane", LANES, ids=lambda lane: lane.name)
def test_a_seed_makes_the_same_mutants_again(lane: object) -> None:
    make = lane.make  # type: ignore[attr-defined] # of a Lane
    assert make(random.Random("a")) == make(random.Random("a"))
    assert make(random.Random("a")) != make(random.Random("b"))
