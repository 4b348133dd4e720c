"""What is said when records are lost, and how seldom."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from otbridge.delivery.losses import LossReporter

if TYPE_CHECKING:
    from otbridge.testing import FakeClock


@pytest.fixture
def losses(clock: FakeClock, reports: list[str]) -> LossReporter:
    return LossReporter("logs to there", reports.append, clock)


def test_loss_is_reported_when_it_begins_and_when_it_ends(
    losses: LossReporter, reports: list[str]
) -> None:
    for _ in range(500):
        losses.lost("queue_full", 1)
    losses.delivered()  # between two losses: not the end yet
    losses.lost("queue_full", 1)
    losses.delivered()
    losses.delivered()
    losses.delivered()
    assert reports == [
        "otbridge is losing logs to there: 1 lost, because the queue is full.",
        "otbridge delivers logs to there again; 501 were lost.",
    ]


def test_a_second_trouble_within_a_minute_is_not_reported_but_added_to_the_next(
    losses: LossReporter, reports: list[str], clock: FakeClock
) -> None:
    losses.lost("400", 1)
    losses.delivered()
    losses.delivered()
    del reports[:]

    losses.lost("400", 5)
    assert reports == []
    clock.advance(60)
    losses.lost("400", 2)

    assert reports == ["otbridge is losing logs to there: 7 lost, because the answer was 400."]


def test_what_the_receiver_said_is_added(losses: LossReporter, reports: list[str]) -> None:
    losses.lost("partial_success", 3, "too old")
    assert reports == [
        "otbridge is losing logs to there: 3 lost, because the receiver refused them. too old"
    ]


def test_a_delay_is_worth_a_word_only_when_it_lasts(
    losses: LossReporter, reports: list[str]
) -> None:
    losses.held_up("503", "", 1.0)
    assert reports == []
    losses.held_up("503", "overloaded", 6.0)
    losses.held_up("503", "overloaded", 9.0)
    losses.delivered()
    assert reports == [
        (
            "otbridge cannot deliver logs to there at the moment (503), and keeps trying; "
            "nothing is lost yet. overloaded"
        ),
        "otbridge delivers logs to there again; nothing was lost.",
    ]


def test_a_delay_that_turns_into_a_loss_is_reported_as_one(
    losses: LossReporter, reports: list[str], clock: FakeClock
) -> None:
    losses.held_up("503", "", 6.0)
    clock.advance(61)
    losses.lost("queue_full", 1)
    assert reports[1].startswith("otbridge is losing logs")


def test_deliveries_without_trouble_are_not_worth_a_word(
    losses: LossReporter, reports: list[str]
) -> None:
    losses.delivered()
    assert reports == []


def test_a_report_that_fails_harms_nobody(clock: FakeClock) -> None:
    def fail(sentence: str) -> None:
        raise OSError(sentence)

    LossReporter("logs", fail, clock).lost("400", 1)
