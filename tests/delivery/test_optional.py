"""A destination that nobody asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from otbridge.delivery.batch import Batch
from otbridge.delivery.optional import OptionalSender
from otbridge.typing import Rejected, Retryable, SendResult, Success

if TYPE_CHECKING:
    from otbridge.testing import FakeClock

BATCH = Batch("logs", [], lambda _: b"")


class Script:
    def __init__(self, *answers: SendResult) -> None:
        self._answers = list(answers)

    def send(self, batch: Batch) -> SendResult:
        return self._answers.pop(0)


def test_it_is_neither_absent_nor_present_before_the_first_look(clock: FakeClock) -> None:
    sender = OptionalSender(Script(), clock)
    assert (sender.absent, sender.seconds_to_look) == (False, 0.0)


@pytest.mark.parametrize("answer", [Retryable("ConnectionRefusedError"), Rejected("404")])
def test_who_is_not_there_or_is_another_is_looked_for_every_two_seconds(
    clock: FakeClock, answer: SendResult
) -> None:
    sender = OptionalSender(Script(answer), clock)
    assert isinstance(sender.send(BATCH), Retryable)
    assert (sender.absent, sender.seconds_to_look) == (True, 2.0)
    clock.advance(1.5)
    assert sender.seconds_to_look == 0.5


def test_who_has_come_may_refuse(clock: FakeClock) -> None:
    sender = OptionalSender(Script(Success(), Rejected("400")), clock)
    sender.send(BATCH)
    assert sender.send(BATCH) == Rejected("400")
    assert not sender.absent


def test_a_wait_that_it_asks_for_is_kept(clock: FakeClock) -> None:
    sender = OptionalSender(Script(Retryable("503", after=30.0)), clock)
    sender.send(BATCH)
    assert sender.seconds_to_look == 30.0
