"""Rows 1 and 41: what trouble costs in memory, measured from outside by the kernel's account.

As many records as in the table's minute; `python -m tests.faults.rows.memory` takes all its time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.faults.rows.memory import burst, outage

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("level", ["memory", "process"])
def test_a_minutes_worth_of_outage_fits_into_thirty_megabytes(tmp_path: Path, level: str) -> None:
    """Row 1: 30,000 records; nothing lost, all delivered within ten seconds of the return."""
    found = outage(tmp_path, 30_000, 30_000, OTBRIDGE_DURABILITY=level)
    assert found.risen_mib < 30
    assert found.drain_s <= 10
    assert (found.accepted, found.delivered, found.dropped) == (30_001, 30_001, {})


@pytest.mark.parametrize("policy", ["spool", "drop_oldest"])
def test_a_burst_that_nobody_takes_stays_within_the_queue(tmp_path: Path, policy: str) -> None:
    """Row 41: the queue's 64 MiB and 20 more at most; what does not fit is on disk, or counted."""
    found = burst(tmp_path, 100_000, policy)
    assert found.risen_mib < 64 + 20
    lost = sum(found.dropped.values())
    assert found.accepted == 100_001 == found.delivered + found.waiting + lost
    assert (lost == 0) == (policy == "spool")
    begins = [line for line in found.stderr if "is losing logs" in line]
    assert len(begins) == (policy != "spool")  # of a hundred thousand calls
