"""Row 45: a kill with a store that is not small; `python -m tests.faults.hub.restart` for 1 GB."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.faults.hub.restart import kill_and_restart

if TYPE_CHECKING:
    from pathlib import Path


def test_a_killed_hub_is_back_in_seconds_with_all_it_acknowledged(tmp_path: Path) -> None:
    """Row 45: 100 MB; none lost, none twice. The two seconds are for a machine that has time."""
    outcome = kill_and_restart(tmp_path, 100_000_000)
    assert outcome.shown >= outcome.acknowledged > 1000
    assert outcome.twice == 0
    assert outcome.ready_s < 10
