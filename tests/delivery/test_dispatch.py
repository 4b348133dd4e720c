"""From the chain's answer to the ledger."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from otbridge.delivery.batch import Batch
from otbridge.delivery.dispatch import Dispatcher
from otbridge.delivery.ledger import Ledger
from otbridge.delivery.losses import LossReporter
from otbridge.typing import Rejected, Retryable, SendResult, Success
from otbridge.wire.otlp_request import Envelope, compose

if TYPE_CHECKING:
    from collections.abc import Callable

    from otbridge.testing import FakeClock


class Chain:
    """Answers by a function; remembers the sizes of the batches."""

    def __init__(self, answer: Callable[[Batch], SendResult]) -> None:
        self._answer = answer
        self.sizes: list[int] = []

    def send(self, batch: Batch) -> SendResult:
        self.sizes.append(len(batch))
        return self._answer(batch)


@pytest.fixture
def ledger() -> Ledger:
    return Ledger()


@pytest.fixture
def dispatch(ledger: Ledger, clock: FakeClock, reports: list[str]) -> Any:
    """Send a batch of numbered records through a chain that answers by a function."""

    def run(records: int, answer: Callable[[Batch], SendResult]) -> tuple[Chain, Retryable | None]:
        chain = Chain(answer)
        envelope = Envelope(b"", b"")
        entries = [(envelope, b"\x12\x02%02d" % number) for number in range(records)]
        ledger.take_off(records)
        losses = LossReporter("logs", reports.append, clock)
        failure = Dispatcher(chain, ledger, losses).dispatch(Batch("logs", entries, compose))
        return chain, failure

    return run


def test_what_is_taken_is_delivered(dispatch: Any, ledger: Ledger, reports: list[str]) -> None:
    _, failure = dispatch(5, lambda _: Success())
    assert failure is None
    assert (ledger.delivered, ledger.in_memory, reports) == (5, 0, [])


def test_what_a_receiver_refuses_in_part_is_counted(
    dispatch: Any, ledger: Ledger, reports: list[str]
) -> None:
    dispatch(5, lambda _: Success(2, "too old"))
    assert (ledger.delivered, ledger.rejected) == (3, {"partial_success": 2})
    assert reports == [
        "otbridge is losing logs: 2 lost, because the receiver refused them. too old"
    ]


def test_a_receiver_cannot_refuse_more_than_it_was_sent(dispatch: Any, ledger: Ledger) -> None:
    dispatch(5, lambda _: Success(1000))
    assert (ledger.delivered, ledger.rejected) == (0, {"partial_success": 5})


def test_a_warning_with_nothing_refused_is_a_delivery(
    dispatch: Any, ledger: Ledger, reports: list[str]
) -> None:
    dispatch(5, lambda _: Success(0, "slow down, please"))
    assert (ledger.delivered, reports) == (5, [])


def test_what_is_refused_for_good_is_counted_by_its_reason(dispatch: Any, ledger: Ledger) -> None:
    chain, _ = dispatch(5, lambda _: Rejected("400", "bad"))
    assert (ledger.rejected, chain.sizes) == ({"400": 5}, [5])


def test_what_failed_for_now_stays_in_flight(dispatch: Any, ledger: Ledger) -> None:
    _, failure = dispatch(5, lambda _: Retryable("503"))
    assert failure == Retryable("503")
    assert ledger.in_memory == 5


@pytest.mark.parametrize("reason", ["413", "too_large", "RESOURCE_EXHAUSTED"])
def test_a_request_that_is_too_large_is_halved_until_it_fits(
    dispatch: Any, ledger: Ledger, reason: str
) -> None:
    chain, _ = dispatch(8, lambda batch: Rejected(reason) if len(batch) > 2 else Success())
    assert ledger.delivered == 8
    assert chain.sizes == [8, 4, 2, 2, 4, 2, 2]


def test_a_single_record_that_is_too_large_is_refused_alone(dispatch: Any, ledger: Ledger) -> None:
    def answer(batch: Batch) -> SendResult:
        return Rejected("413") if b"05" in batch.request else Success()

    dispatch(8, answer)
    assert (ledger.delivered, ledger.rejected) == (7, {"413": 1})


def test_a_half_that_fails_does_not_bring_back_the_other(dispatch: Any, ledger: Ledger) -> None:
    def answer(batch: Batch) -> SendResult:
        if len(batch) == 8:
            return Rejected("413")
        return Success() if b"00" in batch.request else Retryable("503")

    _, failure = dispatch(8, answer)
    assert failure is None
    assert (ledger.delivered, ledger.dropped, ledger.in_memory) == (4, {"503": 4}, 0)


def test_a_request_is_composed_once_for_all_attempts() -> None:
    batch = Batch("logs", [(Envelope(b"", b""), b"\x12\x00")], compose)
    assert batch.request is batch.request
