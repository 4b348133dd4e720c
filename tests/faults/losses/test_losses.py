"""otbridge's column of the table, as tests: what it may lose, and that it says so."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.faults.losses.senders import DURABLE, OFFICIAL, OTBRIDGE, Sender
from tests.faults.losses.table import cell, lines
from tests.faults.losses.trial import Fate, Trial
from tests.faults.losses.ways import Scale, ways

if TYPE_CHECKING:
    from pathlib import Path

TINY = Scale(outage_seconds=2, per_second=1000, lines=3000)


def run(word: str, folder: Path, sender: Sender = OTBRIDGE) -> Fate:
    """Run the one way whose name has *word* in it."""
    (way,) = (way for way in ways() if word in way.name)
    with Trial(sender, folder / "trial", way.answer) as trial:
        way.happening(trial, TINY)
        return trial.fate()


@pytest.mark.parametrize(
    "word",
    [
        "the receiver is away",
        "the receiver takes 200 ms",
        "too large (413",
        "half a surrogate pair",
        "SIGTERM",
        "multiprocessing child",
        "maxtasksperchild",
        "fork, both sides",
        "gunicorn",
    ],
)
def test_no_line_is_lost_or_doubled(word: str, tmp_path: Path) -> None:
    fate = run(word, tmp_path)
    assert fate.sent > 0
    assert (fate.lost, fate.twice, fate.killed) == (0, 0, False), fate


@pytest.mark.parametrize("word", ["nobody listens", "a redirect", "a login page"])
def test_what_nobody_has_taken_is_delivered_by_the_next_start(word: str, tmp_path: Path) -> None:
    fate = run(word, tmp_path)
    assert (fate.lost, fate.later) == (0, fate.sent), fate


@pytest.mark.parametrize("word", ["SIGKILL", "os._exit"])
def test_a_durable_line_survives_an_end_that_nothing_runs_after(word: str, tmp_path: Path) -> None:
    fate = run(word, tmp_path, DURABLE)
    assert (fate.sent, fate.lost) == (300, 0), fate


@pytest.mark.parametrize("word", ["partial success", "(400)"])
def test_what_a_receiver_refuses_is_counted_to_the_last_line(word: str, tmp_path: Path) -> None:
    fate = run(word, tmp_path)
    assert fate.lost > 0
    assert fate.said == "counted", fate


def test_a_receiver_that_hangs_costs_a_program_five_seconds_at_most_and_no_line(
    tmp_path: Path,
) -> None:
    fate = run("hangs", tmp_path)
    assert fate.exit_seconds is not None
    assert fate.exit_seconds < 5
    assert fate.lost == 0


def test_the_program_finds_losses_where_there_are_some(tmp_path: Path) -> None:
    """The official SDK at its defaults, ended by SIGTERM: the baseline of the table."""
    fate = run("SIGTERM", tmp_path, OFFICIAL)
    assert (fate.sent, fate.lost, fate.said) == (300, 300, "silent")


def fate_of(**what: object) -> Fate:
    plain: dict[str, object] = {
        "sent": 300, "delivered": 300, "later": 0, "twice": 0, "stderr": "", "accounts": (),
        "exit_seconds": None, "killed": False,
    }  # fmt: skip
    return Fate(**(plain | what))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("fate", "words"),
    [
        (fate_of(), "0 lost"),
        (fate_of(later=300), "0 lost; 300 delivered by the next start"),
        (fate_of(delivered=0), "**300 lost** (100 %), silent"),
        (fate_of(delivered=0, stderr="gave up"), "**300 lost** (100 %), logged"),
        (
            fate_of(delivered=200, accounts=({"delivered": 200, "failed": 100},)),
            "**100 lost** (33 %), counted",
        ),
        (
            fate_of(delivered=0, accounts=({"delivered": 300, "failed": 0},)),
            "**300 lost** (100 %), claims 300 delivered",
        ),
        (  # 7 of the counted lines are the SDK's own
            fate_of(delivered=200, accounts=({"delivered": 203, "failed": 104},)),
            "**100 lost** (33 %), counted",
        ),
        (
            fate_of(delivered=0, accounts=({"delivered": 0, "failed": 50},)),
            "**300 lost** (100 %), counted 50",
        ),
        (fate_of(twice=2, exit_seconds=28.4), "0 lost; 2 twice; exit took 28 s"),
        (fate_of(killed=True), "0 lost; had to be killed"),
        (fate_of(sent=0, delivered=0), "nothing sent"),
    ],
)
def test_a_cell_says_who_lost_what_and_who_said_so(fate: Fate, words: str) -> None:
    assert cell(fate) == words


def test_a_way_that_was_not_run_is_not_called_a_success() -> None:
    table = list(lines(["a", "b"], {"fork": {"a": fate_of()}}))
    assert table[-1] == "| fork | 300 | 0 lost | not run |"
