"""From the chain's answer to the ledger."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

from otbridge.delivery.batch import Batch
from otbridge.delivery.dispatch import Dispatcher, Undelivered
from otbridge.delivery.fallback import FallbackResort
from otbridge.delivery.ledger import Ledger
from otbridge.delivery.losses import LossReporter
from otbridge.delivery.sender import Outcome, Spooled
from otbridge.testing import FakeClock
from otbridge.typing import Rejected, Retryable, SendResult, Success
from otbridge.wire.otlp_logs import encode_log_record
from otbridge.wire.otlp_request import Envelope, compose

if TYPE_CHECKING:
    from collections.abc import Callable


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

    def run(
        records: int, answer: Callable[[Batch], SendResult], *resorts: Any
    ) -> tuple[Chain, list[Undelivered]]:
        chain = Chain(answer)
        envelope = Envelope(b"", b"")
        entries = [(envelope, b"\x12\x02%02d" % number) for number in range(records)]
        ledger.take_off(records)
        losses = LossReporter("logs", reports.append, clock)
        dispatcher = Dispatcher(chain, ledger, losses, resorts)
        return chain, dispatcher.dispatch(Batch("logs", entries, compose))

    return run


def test_what_is_taken_is_delivered(dispatch: Any, ledger: Ledger, reports: list[str]) -> None:
    _, left = dispatch(5, lambda _: Success())
    assert left == []
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
    chain, _ = dispatch(5, lambda _: Rejected("404", "bad"))
    assert (ledger.rejected, chain.sizes) == ({"404": 5}, [5])


def test_what_failed_for_now_stays_in_flight(dispatch: Any, ledger: Ledger) -> None:
    _, left = dispatch(5, lambda _: Retryable("503"))
    assert [(len(part), failure) for part, failure in left] == [(5, Retryable("503"))]
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


@pytest.mark.parametrize("records", [2, 100, 8192])
def test_who_finds_everything_too_large_is_not_asked_for_every_record(
    dispatch: Any, ledger: Ledger, records: int
) -> None:
    chain, _ = dispatch(records, lambda _: Rejected("RESOURCE_EXHAUSTED"))
    assert ledger.rejected == {"RESOURCE_EXHAUSTED": records}
    assert len(chain.sizes) <= 33


def test_the_size_that_had_to_be_divided_is_told(ledger: Ledger, clock: FakeClock) -> None:
    sizes: list[int] = []
    losses = LossReporter("logs", lambda _: None, clock)
    chain = Chain(lambda batch: Rejected("413") if len(batch) > 2 else Success())
    entries = [(Envelope(b"", b""), b"\x12\x00")] * 8
    ledger.take_off(8)
    Dispatcher(chain, ledger, losses, on_too_large=sizes.append).dispatch(
        Batch("logs", entries, compose)
    )
    assert sizes == sorted(sizes)
    assert sizes[-1] == len(compose(entries))


def test_a_half_that_fails_is_what_is_left(dispatch: Any, ledger: Ledger) -> None:
    def answer(batch: Batch) -> SendResult:
        if len(batch) == 8:
            return Rejected("413")
        return Success() if b"00" in batch.request else Retryable("503")

    _, left = dispatch(8, answer)
    assert [len(part) for part, _ in left] == [4]
    assert (ledger.delivered, ledger.in_memory) == (4, 4)


# ---------------------------------------------------------------------- poison


def refuse(*culprits: int) -> Callable[[Batch], SendResult]:
    def answer(batch: Batch) -> SendResult:
        if any(b"%02d" % culprit in batch.request for culprit in culprits):
            return Rejected("400", "bad")
        return Success()

    return answer


@pytest.mark.parametrize("records", [2, 3, 8, 64, 97])
def test_one_bad_record_takes_no_other_with_it(dispatch: Any, ledger: Ledger, records: int) -> None:
    for culprit in {0, records // 2, records - 1}:
        ledger.forget()
        chain, left = dispatch(records, refuse(culprit))
        assert (ledger.delivered, ledger.rejected, left) == (records - 1, {"400": 1}, [])
        assert len(chain.sizes) <= records.bit_length() + 2


@given(st.sets(st.integers(0, 99), max_size=4))
def test_a_few_bad_records_are_found_and_everything_is_booked(culprits: set[int]) -> None:
    ledger = Ledger()
    ledger.take_off(100)
    entries = [(Envelope(b"", b""), b"\x12\x02%02d" % number) for number in range(100)]
    losses = LossReporter("logs", lambda _: None, FakeClock())
    chain = Chain(refuse(*culprits))
    Dispatcher(chain, ledger, losses).dispatch(Batch("logs", entries, compose))
    assert ledger.delivered == 100 - len(culprits)
    assert sum(ledger.rejected.values()) == len(culprits)
    assert len(chain.sizes) <= 1 + 8 * len(culprits)


def test_a_receiver_that_refuses_everything_is_searched_once(
    ledger: Ledger, clock: FakeClock
) -> None:
    chain = Chain(lambda _: Rejected("400"))
    dispatcher = Dispatcher(chain, ledger, LossReporter("logs", lambda _: None, clock))
    entries = [(Envelope(b"", b""), b"\x12\x00")] * 64
    for _ in range(2):
        ledger.take_off(64)
        dispatcher.dispatch(Batch("logs", entries, compose))
    assert ledger.rejected == {"400": 128}
    assert chain.sizes.count(64) == 2
    assert chain.sizes[-1] == 64  # the second batch as a whole, and no search
    assert len(chain.sizes) <= 1 + 4 * (6 + 1) + 1


def test_a_search_that_an_outage_cuts_short_loses_nothing(dispatch: Any, ledger: Ledger) -> None:
    answers = iter([Rejected("400"), Success(), Rejected("400"), Retryable("503")])
    _, left = dispatch(16, lambda _: next(answers))
    assert sum(len(part) for part, _ in left) == ledger.in_memory == 8
    assert ledger.delivered == 8


def test_a_stub_stands_in_for_a_record_that_is_too_large(dispatch: Any, ledger: Ledger) -> None:
    sent: list[Batch] = []
    large = encode_log_record(7, 8, 17, "ERROR", "x" * 9000, {"a": 1, "b": "y" * 9000})

    def answer(batch: Batch) -> SendResult:
        sent.append(batch)
        return Rejected("413") if len(batch.request) > 5000 else Success()

    ledger.take_off(1)
    losses = LossReporter("logs", lambda _: None, FakeClock())
    batch = Batch("logs", [(Envelope(b"", b""), large)], compose)
    Dispatcher(Chain(answer), ledger, losses).dispatch(batch)

    assert ledger.rejected == {"413": 1}
    assert ledger.delivered == 0  # the stub is ours
    request = ExportLogsServiceRequest.FromString(sent[1].request)
    stub = request.resource_logs[0].scope_logs[0].log_records[0]
    assert (stub.time_unix_nano, stub.severity_number, stub.dropped_attributes_count) == (7, 17, 1)
    assert stub.body.string_value == "(the message was too large to be sent)"
    assert {pair.key: pair.value.int_value for pair in stub.attributes} == {
        "a": 1,
        "otbridge.bytes.original": len(large),
    }


# ---------------------------------------------------------------------- last resorts


class Keeps:
    """Takes what failed for now."""

    def take(self, batch: Batch, outcome: Outcome) -> list[tuple[Batch, Outcome]]:
        return [(batch, Spooled() if isinstance(outcome, Retryable) else outcome)]


def test_what_a_resort_has_taken_is_not_left(dispatch: Any) -> None:
    _, left = dispatch(5, lambda _: Retryable("503"), Keeps())
    assert left == []


def fallback(answer: SendResult, *, due: bool = True) -> FallbackResort:
    return FallbackResort([("file", Chain(lambda _: answer))], lambda: due)


def test_a_fallback_gets_what_is_refused_for_good(
    dispatch: Any, ledger: Ledger, reports: list[str]
) -> None:
    dispatch(8, refuse(3), fallback(Success()))
    assert ledger.snapshot().as_dict() | {"diverted": 1, "delivered": 8} == (
        ledger.snapshot().as_dict()
    )
    assert reports == []


def test_a_fallback_gets_everything_only_when_the_destination_was_away_for_long(
    dispatch: Any, ledger: Ledger
) -> None:
    _, left = dispatch(5, lambda _: Retryable("503"), fallback(Success(), due=False))
    assert len(left) == 1
    ledger.forget()
    dispatch(5, lambda _: Retryable("503"), fallback(Success()))
    assert ledger.snapshot().diverted == 5


@pytest.mark.parametrize("answer", [Rejected("400"), Retryable("503"), Success(1)])
def test_what_a_fallback_does_not_take_whole_is_booked_as_the_destination_said(
    dispatch: Any, ledger: Ledger, answer: SendResult
) -> None:
    dispatch(1, lambda _: Rejected("400"), fallback(answer))
    assert ledger.rejected == {"400": 1}


def test_a_request_is_composed_once_for_all_attempts() -> None:
    batch = Batch("logs", [(Envelope(b"", b""), b"\x12\x00")], compose)
    assert batch.request is batch.request
