"""The soak's fast tier; `python -m tests.faults.spool.soak --kills 1000` is the slow one."""

from __future__ import annotations

from random import SystemRandom
from typing import TYPE_CHECKING

from tests.faults.spool.soak import soak

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_forty_killed_processes_lose_none_of_a_hundred_thousand_records(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """SIGKILL at any moment, with a reader at work and half a frame at the end now and then."""
    seed = SystemRandom().randrange(1 << 32)
    outcome = soak(tmp_path, seed, kills=40, least=100_000)
    with capsys.disabled():
        print(f"\n{outcome}")  # noqa: T201 - the seed is needed when it fails
    assert outcome.lost == 0
    assert outcome.corrupt == 0
    assert outcome.kills >= 40
    assert outcome.acknowledged >= 100_000
