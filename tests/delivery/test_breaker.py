"""Leaving a destination alone, and looking whether it is back."""

from __future__ import annotations

import pytest

from otbridge.delivery.batch import Batch
from otbridge.delivery.breaker import Breaker
from otbridge.delivery.hold import HoldSender
from otbridge.delivery.pace import Pace
from otbridge.testing import FakeClock
from otbridge.typing import Rejected, Retryable, SendResult, Success

BATCH = Batch("logs", [], lambda _: b"")
FAILED = Retryable("503")


class Destination:
    """Answers as told, and counts."""

    def __init__(self) -> None:
        self.answer: SendResult = Success()
        self.tried = 0

    def send(self, batch: Batch) -> SendResult:
        self.tried += 1
        return self.answer


class Harness:
    def __init__(self, chance: float = 0.0) -> None:
        self.clock = FakeClock()
        self.patient = Destination()
        self.probe = Destination()
        self.pace = Pace()
        self.told: list[float] = []
        self.breaker = Breaker(
            self.patient,
            self.probe,
            self.clock,
            self.pace,
            on_failure=lambda _, seconds: self.told.append(seconds),
            chance=lambda: chance,
        )

    def send(self) -> SendResult:
        return self.breaker.send(BATCH)

    def fail(self, answer: Retryable = FAILED) -> None:
        self.patient.answer = self.probe.answer = answer


def test_closed_it_hands_on() -> None:
    harness = Harness()
    assert harness.send() == Success()
    assert (harness.breaker.is_open, harness.patient.tried) == (False, 1)


def test_one_failure_opens_it_and_then_nobody_is_asked() -> None:
    harness = Harness()
    harness.fail()
    for _ in range(10):
        assert harness.send() == Retryable("503")
    assert (harness.breaker.is_open, harness.patient.tried, harness.probe.tried) == (True, 1, 0)


def test_the_wait_is_a_tenth_of_the_outage_from_one_second_to_thirty() -> None:
    harness = Harness()
    harness.fail()
    harness.send()
    waits = []
    while harness.clock.monotonic() < 3600:
        waits.append(harness.breaker.seconds_to_probe)
        harness.clock.advance(waits[-1])
        harness.send()
    assert waits[:3] == [1.0, 1.0, 1.0]
    at_one_minute = next(w for i, w in enumerate(waits) if sum(waits[:i]) >= 60)
    assert 5.5 < at_one_minute < 7
    assert max(waits) == waits[-1] == 30.0


def test_a_success_closes_it() -> None:
    harness = Harness()
    harness.fail()
    harness.send()
    harness.probe.answer = harness.patient.answer = Success()
    harness.clock.advance(1)
    assert harness.send() == Success()
    assert (harness.breaker.is_open, harness.breaker.down_s) == (False, 0.0)


def test_a_refusal_closes_it_too_for_somebody_is_there() -> None:
    harness = Harness()
    harness.fail()
    harness.send()
    harness.probe.answer = Rejected("400")
    harness.clock.advance(1)
    harness.send()
    assert not harness.breaker.is_open


@pytest.mark.parametrize(("asked", "least", "most"), [(30.0, 30.0, 33.0), (1e9, 300.0, 330.0)])
def test_what_a_receiver_asks_for_is_kept_within_limits(
    asked: float, least: float, most: float
) -> None:
    for chance in (0.0, 0.999):
        harness = Harness(chance)
        harness.fail(Retryable("429", after=asked))
        harness.send()
        harness.breaker.hurry()  # nobody who waits may change that
        assert least <= harness.breaker.seconds_to_probe <= most


def test_somebody_who_waits_may_have_it_tried_at_once() -> None:
    harness = Harness()
    harness.fail()
    harness.send()
    harness.breaker.hurry()
    harness.send()
    assert harness.probe.tried == 1


def test_it_says_for_how_long_there_were_only_failures() -> None:
    harness = Harness()
    harness.fail()
    harness.send()
    harness.clock.advance(4)
    harness.send()
    assert harness.told == [0.0, 4.0]
    assert harness.breaker.down_s == 4.0


def test_what_a_shutdown_cut_short_says_nothing_about_the_destination() -> None:
    harness = Harness()
    harness.fail()
    harness.pace.close(0.0)
    harness.send()
    assert not harness.breaker.is_open


# ---------------------------------------------------------------------- holding


def held(answer: SendResult, clock: FakeClock) -> SendResult:
    destination = Destination()
    destination.answer = answer
    return HoldSender(destination, clock).send(BATCH)


@pytest.mark.parametrize("reason", ["401", "403", "UNAUTHENTICATED", "PERMISSION_DENIED"])
def test_a_refused_key_may_be_replaced_for_a_quarter_of_an_hour(reason: str) -> None:
    clock, destination = FakeClock(), Destination()
    destination.answer = Rejected(reason, "no")
    sender = HoldSender(destination, clock)
    for _ in range(30):
        assert isinstance(sender.send(BATCH), Retryable)
        clock.advance(30)
    assert sender.send(BATCH) == Rejected(reason, "no")


def test_a_key_that_worked_meanwhile_has_all_the_time_again() -> None:
    clock, destination = FakeClock(), Destination()
    sender = HoldSender(destination, clock)
    for answer in (Rejected("401"), Success(), Rejected("401")):
        destination.answer = answer
        sender.send(BATCH)
        clock.advance(800)
    assert isinstance(sender.send(BATCH), Retryable)


@pytest.mark.parametrize("reason", ["301", "302", "307", "invalid_response"])
def test_who_is_no_receiver_is_waited_out(reason: str) -> None:
    clock = FakeClock()
    assert isinstance(held(Rejected(reason), clock), Retryable)
    clock.advance(1e6)
    assert isinstance(held(Rejected(reason), clock), Retryable)


@pytest.mark.parametrize(
    "answer", [Rejected("400"), Rejected("413"), Rejected("500"), Success(1), Retryable("503")]
)
def test_everything_else_is_as_it_was_said(answer: SendResult) -> None:
    assert held(answer, FakeClock()) == answer
