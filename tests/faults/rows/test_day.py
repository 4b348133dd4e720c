"""Row 2: a receiver that is away for a day, by a clock that goes as fast as the records come.

A hundredth of the table's pace and of its limit; `python -m tests.faults.rows.day` is all of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.faults.rows.day import live_through

if TYPE_CHECKING:
    from pathlib import Path


def test_a_day_costs_the_oldest_records_beyond_the_limit_and_no_other(tmp_path: Path) -> None:
    """Row 2: the newest come back without a gap, errors all of them, none twice, all counted."""
    limit, segment = 5 << 20, 40 << 10
    day = live_through(tmp_path, per_second=1, hours=23.9, limit=limit, segment=segment)
    assert day.adds_up
    assert day.most_bytes <= limit + segment
    assert day.dropped == {"spool_full": day.accepted - day.delivered}
    assert day.delivered > 50_000
    assert (day.twice, day.errors_lost, day.unbroken) == (0, 0, True)
    assert day.kept[-1] >= day.accepted - 2  # the last one may be an error
    assert day.shortest_wait >= 29  # the breaker asks twice a minute at most
    assert day.asked > 500  # and does not forget to


def test_an_outage_that_fits_loses_nothing(tmp_path: Path) -> None:
    """Row 2, before the limit is reached: nothing lost, nothing twice."""
    day = live_through(tmp_path, per_second=4, hours=3, limit=20 << 20, segment=160 << 10)
    assert day.adds_up
    assert day.accepted == day.delivered == 43_200
    assert (day.dropped, day.twice, day.errors_lost) == ({}, 0, 0)
