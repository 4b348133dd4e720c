"""Trying again: when, how often, and when no more."""

from __future__ import annotations

import math
import threading
from typing import TYPE_CHECKING, Any

import pytest

from otbridge.delivery.batch import Batch
from otbridge.delivery.pace import Pace
from otbridge.delivery.retry import RetrySender
from otbridge.delivery.settings import RetrySettings
from otbridge.testing import FakeClock
from otbridge.typing import Rejected, Retryable, SendResult, Success

if TYPE_CHECKING:
    from collections.abc import Iterable

BATCH = Batch("logs", [], lambda _: b"")


class Script:
    """A sender that answers by a list, over and over with its last line."""

    def __init__(self, answers: Iterable[SendResult], clock: FakeClock, takes: float = 0.0) -> None:
        self.answers = list(answers)
        self.at: list[float] = []
        self._clock = clock
        self._takes = takes

    def send(self, batch: Batch) -> SendResult:
        self.at.append(self._clock.monotonic())
        self._clock.advance(self._takes)
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(skips=True)


def sender(script: Script, clock: FakeClock, pace: Pace | None = None, **settings: Any) -> Any:
    chance = settings.pop("chance", 0.0)
    waits: list[tuple[str, float]] = settings.pop("waits", [])
    return RetrySender(
        script,
        RetrySettings(**settings),
        clock,
        pace or Pace(),
        on_wait=lambda failure, seconds: waits.append((failure.reason, seconds)),
        chance=lambda: chance,
    )


FAILED = Retryable("503")


@pytest.mark.parametrize("final", [Success(), Success(3, "m"), Rejected("400")])
def test_a_final_answer_is_passed_on_at_once(clock: FakeClock, final: SendResult) -> None:
    script = Script([final], clock)
    assert sender(script, clock).send(BATCH) is final
    assert script.at == [0.0]


def test_waits_double_from_the_first_to_the_longest(clock: FakeClock) -> None:
    script = Script([FAILED] * 6 + [Success()], clock)
    sender(script, clock, initial_s=1, max_s=10, jitter=0).send(BATCH)
    assert clock.waited == [1, 2, 4, 8, 10, 10]


def test_full_jitter_takes_any_part_of_the_wait(clock: FakeClock) -> None:
    sender(Script([FAILED, Success()], clock), clock, initial_s=1, chance=0.75).send(BATCH)
    assert clock.waited == [0.25]


def test_half_jitter_keeps_half_of_the_wait(clock: FakeClock) -> None:
    script = Script([FAILED, Success()], clock)
    sender(script, clock, initial_s=1, jitter=0.5, chance=0.999).send(BATCH)
    assert clock.waited == [pytest.approx(0.5, abs=0.01)]


@pytest.mark.parametrize("chance", [0.0, 0.999])
def test_a_receiver_that_asks_for_a_wait_gets_it_or_a_little_more(
    clock: FakeClock, chance: float
) -> None:
    script = Script([Retryable("429", after=30.0), Success()], clock)
    sender(script, clock, chance=chance).send(BATCH)
    assert 30.0 <= script.at[1] <= 33.0


def test_a_receiver_that_asks_for_ages_is_asked_again_after_five_minutes(clock: FakeClock) -> None:
    script = Script([Retryable("429", after=1e9), Success()], clock)
    assert sender(script, clock).send(BATCH) == Success()
    assert script.at[1] == 300.0


def test_patience_ends_with_the_last_failure_as_the_answer(clock: FakeClock) -> None:
    script = Script([FAILED, Retryable("ConnectionResetError")], clock, takes=1.0)
    result = sender(script, clock, max_elapsed_s=60, max_s=5).send(BATCH)
    assert result == Retryable("ConnectionResetError")
    assert 60 <= clock.monotonic() <= 66


def test_no_patience_means_one_attempt(clock: FakeClock) -> None:
    script = Script([FAILED], clock)
    assert sender(script, clock, max_elapsed_s=0).send(BATCH) == FAILED
    assert len(script.at) == 1


def test_each_failure_that_will_be_tried_again_is_told(clock: FakeClock) -> None:
    waits: list[tuple[str, float]] = []
    script = Script([FAILED, FAILED, Success()], clock)
    sender(script, clock, initial_s=2, jitter=0, waits=waits).send(BATCH)
    assert waits == [("503", 0.0), ("503", 2.0)]


def test_in_a_shutdown_attempts_go_on_until_its_deadline(clock: FakeClock) -> None:
    pace = Pace()
    pace.close(deadline=3.0)
    script = Script([FAILED], clock)
    assert sender(script, clock, pace, initial_s=30, jitter=0).send(BATCH) == FAILED
    assert len(script.at) > 3
    assert clock.monotonic() <= 3.0


def test_a_shutdown_does_not_wait_for_what_a_receiver_asked_for(clock: FakeClock) -> None:
    pace = Pace()
    pace.close(deadline=3.0)
    script = Script([Retryable("429", after=30.0)], clock)
    assert sender(script, clock, pace).send(BATCH).reason == "429"
    assert clock.monotonic() == 0.0


def in_thread(target: Any) -> threading.Thread:
    thread = threading.Thread(target=target, daemon=True)
    thread.start()
    return thread


def test_somebody_who_hurries_ends_our_own_wait() -> None:
    clock, pace = FakeClock(), Pace()
    script = Script([FAILED, Success()], clock)
    thread = in_thread(lambda: sender(script, clock, pace, initial_s=20, jitter=0).send(BATCH))
    assert clock.wait_for_waiter() == 20
    pace.hurry.set()
    thread.join(5)
    assert script.at == [0.0, 0.0]


def test_somebody_who_hurries_does_not_end_a_wait_that_was_asked_for() -> None:
    clock, pace = FakeClock(), Pace()
    script = Script([Retryable("429", after=20.0), Success()], clock)
    thread = in_thread(lambda: sender(script, clock, pace).send(BATCH))
    clock.wait_for_waiter()
    pace.hurry.set()
    clock.advance(19)
    clock.wait_for_waiter(lambda seconds: seconds == pytest.approx(1.0))
    clock.advance(1)
    thread.join(5)
    assert script.at == [0.0, 20.0]


def test_a_pace_is_open_until_it_is_closed() -> None:
    pace = Pace()
    assert (pace.deadline, pace.closing) == (math.inf, False)
    pace.close(1.0)
    assert pace.closing
