"""When strategies begin and end, and what they do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otbridge.delivery.pipeline import Pipeline
from otbridge.delivery.settings import BatchSettings, QueueSettings, RetrySettings
from otbridge.delivery.spool.settings import SpoolSettings
from otbridge.delivery.spool.spool import Spool
from otbridge.delivery.strategy import Action, Move, Rule, Strategist, parse_rules
from otbridge.errors import ConfigurationError
from otbridge.sinks.memory import MemorySink
from otbridge.testing import FakeClock
from otbridge.typing import Rejected, Retryable, SendResult, Success
from otbridge.wire.otlp_request import split_request

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from otbridge.typing import Signal
    from otbridge.wire.otlp_request import Envelope

RULE = Rule("sampling", "fullness", above=0.8, for_s=2.0, below=0.3, calm_s=5.0)


class Harness:
    def __init__(self, *rules: Rule) -> None:
        self.measures: dict[Any, float] = {
            "fullness": 0.0, "load": 0.0, "latency_s": 0.0, "failing_s": 0.0,
        }  # fmt: skip
        self.moves: list[Move] = []
        self.done: list[str] = []
        actions: dict[str, Action] = {
            rule.strategy: Action(
                lambda name=rule.strategy: self.done.append(f"begin {name}"),  # type: ignore[misc]  # a default is what keeps the name
                lambda name=rule.strategy: self.done.append(f"end {name}"),  # type: ignore[misc]  # as above
            )
            for rule in rules
        }
        self.strategist = Strategist(rules, actions, self.moves.append)

    def at(self, seconds: float, **measures: float) -> frozenset[str]:
        self.measures |= measures
        self.strategist.look(self.measures, seconds)
        return self.strategist.active


def test_a_strategy_begins_when_its_measure_has_been_high_for_long_enough() -> None:
    harness = Harness(RULE)
    assert not harness.at(0.0, fullness=0.9)
    assert not harness.at(1.9)
    assert harness.at(2.0) == {"sampling"}
    assert harness.moves == [Move("sampling", True, "fullness", 0.9)]
    assert harness.done == ["begin sampling"]


def test_a_moment_below_starts_the_wait_again() -> None:
    harness = Harness(RULE)
    harness.at(0.0, fullness=0.9)
    harness.at(1.0, fullness=0.7)
    assert not harness.at(2.5, fullness=0.9)
    assert harness.at(4.5) == {"sampling"}


def test_it_ends_when_its_measure_has_been_low_for_long_enough() -> None:
    harness = Harness(RULE)
    harness.at(0.0, fullness=1.0)
    harness.at(2.0)
    assert harness.at(3.0, fullness=0.5) == {"sampling"}  # between the two: it stays as it is
    assert harness.at(4.0, fullness=0.2)
    assert harness.at(8.9)
    assert not harness.at(9.0)
    assert harness.done == ["begin sampling", "end sampling"]


def test_its_end_may_be_a_matter_of_another_measure() -> None:
    rule = Rule("spool", "fullness", above=0.5, for_s=0.0, below=0.1, calm_s=0.0, until="load")
    harness = Harness(rule)
    assert harness.at(0.0, fullness=0.6, load=0.6) == {"spool"}
    assert harness.at(1.0, fullness=0.0) == {"spool"}
    assert not harness.at(2.0, load=0.1)


def test_strategies_are_independent_of_each_other() -> None:
    slow = Rule("larger_batches", "latency_s", above=0.5, for_s=0.0, below=0.1, calm_s=0.0)
    harness = Harness(RULE, slow)
    assert harness.at(0.0, latency_s=1.0) == {"larger_batches"}
    harness.at(1.0, fullness=1.0)
    assert harness.at(3.0) == {"larger_batches", "sampling"}
    assert harness.at(4.0, latency_s=0.0) == {"sampling"}


def test_a_rule_whose_strategy_is_not_to_be_had_is_ignored() -> None:
    strategist = Strategist([RULE], {}, lambda _: None)
    strategist.look(dict.fromkeys(["fullness"], 1.0), 1e9)
    assert strategist.active == frozenset()


@given(st.lists(st.floats(0, 1), max_size=200))
def test_nothing_moves_to_and_fro_faster_than_its_rule(values: list[float]) -> None:
    harness = Harness(RULE)
    at: list[float] = []
    for second, value in enumerate(values):
        before = len(harness.moves)
        harness.at(float(second), fullness=value)
        at += [second] * (len(harness.moves) - before)
    begins = [move.begins for move in harness.moves]
    assert begins == [number % 2 == 0 for number in range(len(begins))]
    for moved, begin, end in zip(begins[1:], at, at[1:], strict=False):
        assert end - begin >= (2.0 if moved else 5.0)


def test_rules_can_be_written_in_words() -> None:
    assert parse_rules(["sampling:fullness>0.9<0.5@2", "larger_batches:latency_s>1<0.5@10"]) == (
        Rule("sampling", "fullness", 0.9, 2.0, 0.5, 2.0),
        Rule("larger_batches", "latency_s", 1.0, 10.0, 0.5, 10.0),
    )
    assert parse_rules(["off"]) == ()


@pytest.mark.parametrize(
    "word",
    ["", "sampling", "sampling:fullness>0.5", "panic:fullness>0.9<0.5@2", "spool:mood>0.9<0.5@2",
     "sampling:fullness>0.5<0.9@2", "sampling:fullness>a<b@2", "sampling:fullness>.<.@."],
)  # fmt: skip
def test_words_that_are_no_rule_are_refused_with_an_example(word: str) -> None:
    with pytest.raises(ConfigurationError):
        parse_rules([word])


# ---------------------------------------------------------------------- in a pipeline


class Slow(MemorySink):
    """Takes some of the clock's time for each request, or is away."""

    def __init__(self, clock: FakeClock) -> None:
        super().__init__()
        self.seconds = 0.0
        self.answer: SendResult = Success()
        self._clock = clock

    def send(self, signal: Signal, request: bytes, timeout: float) -> SendResult:
        self._clock.advance(self.seconds)
        self.requests.append((signal, request))
        return self.answer


@pytest.fixture
def make(tmp_path: Path, reports: list[str]) -> Iterator[Any]:
    made: list[Any] = []

    def pipeline(sink: Any, clock: FakeClock, *, spooled: bool = False, **options: Any) -> Pipeline:
        if spooled:
            options["spool"] = Spool(
                str(tmp_path / "spool"),
                "shop",
                report=reports.append,
                settings=SpoolSettings(durability="memory"),
            )
            made.append(options["spool"].close)
        found = Pipeline("logs", sink, clock=clock, report=reports.append, **options)
        made.insert(0, lambda: found.shutdown(0.0))
        return found

    yield pipeline
    for end in made:
        end()


class Turns:
    """Plays the worker's part by hand, so that every step is the test's."""

    def __init__(self, pipeline: Pipeline, clock: FakeClock) -> None:
        pipeline._sending.worker._ensure_thread = lambda: True  # type: ignore[method-assign]  # no thread
        self._pipeline = pipeline
        self._clock = clock

    def turn(self, seconds: float = 0.0) -> frozenset[str]:
        self._clock.advance(seconds)
        self._pipeline._sending.pause()
        self._pipeline._sending.worker._turn()
        self._pipeline._sending.pause()
        return self._pipeline.strategies


def test_a_slow_receiver_gets_larger_batches_until_it_is_fast_again(
    make: Any, envelope: Envelope, record: Callable[[int], bytes], reports: list[str]
) -> None:
    clock = FakeClock()
    sink = Slow(clock)
    pipeline = make(sink, clock, batch=BatchSettings(max_records=10))
    worker = Turns(pipeline, clock)
    sink.seconds = 1.0
    for _ in range(6):
        for number in range(10):
            pipeline.put(envelope, record(number))
        worker.turn()
    assert pipeline.strategies == {"larger_batches"}
    for number in range(40):
        pipeline.put(envelope, record(number))
    worker.turn()
    assert len(split_request(*sink.requests[-1])) == 40

    sink.seconds = 0.0
    for _ in range(30):
        pipeline.put(envelope, record(0))
        worker.turn(1.0)
    assert pipeline.strategies == frozenset()
    assert [sentence.split(" logs")[0] for sentence in reports] == [
        "otbridge now sends fewer and larger batches of",
        "otbridge no longer sends fewer and larger batches of",
    ]


def test_memory_that_fills_up_is_relieved_by_the_disk_until_all_has_gone(
    make: Any, envelope: Envelope, record: Callable[[int], bytes], reports: list[str]
) -> None:
    clock = FakeClock()
    sink = Slow(clock)
    pipeline = make(sink, clock, spooled=True, queue=QueueSettings(max_records=100))
    worker = Turns(pipeline, clock)
    for number in range(60):
        pipeline.put(envelope, record(number))
    pipeline._sending.pause()
    clock.advance(1.0)
    pipeline._sending.pause()
    assert pipeline.strategies == {"spool"}
    pipeline.put(envelope, record(60))
    assert (pipeline.ledger.in_memory, pipeline.ledger.spooled) == (60, 1)

    worker.turn()
    assert pipeline.ledger.delivered == 61
    assert worker.turn(5.0) == frozenset()
    pipeline.put(envelope, record(61))
    assert pipeline.ledger.in_memory == 1
    assert len(reports) == 2


def test_without_a_disk_memory_that_fills_up_is_sampled(
    make: Any, envelope: Envelope, record: Callable[[int], bytes]
) -> None:
    clock = FakeClock()
    pipeline = make(Slow(clock), clock, queue=QueueSettings(max_records=100))
    worker = Turns(pipeline, clock)
    for number in range(95):
        pipeline.put(envelope, record(number))
    pipeline._sending.pause()
    clock.advance(2.0)
    pipeline._sending.pause()
    assert pipeline.strategies == {"sampling"}
    assert not pipeline.put(envelope, record(95), 9)
    assert pipeline.put(envelope, record(96), 17)
    assert pipeline.ledger.dropped == {"sampled": 1}
    worker.turn()
    assert worker.turn(10.0) == frozenset()


@pytest.mark.parametrize("spooled", [True, False])
def test_a_destination_that_is_away_for_long_is_replaced_by_the_fallback(
    make: Any, envelope: Envelope, record: Callable[[int], bytes], reports: list[str], spooled: bool
) -> None:
    clock = FakeClock(skips=True)
    sink, fallback = Slow(clock), MemorySink()
    sink.answer = Retryable("503")
    pipeline = make(
        sink, clock, spooled=spooled, fallbacks=[fallback], retry=RetrySettings(brief_s=0.0)
    )
    worker = Turns(pipeline, clock)
    pipeline.put(envelope, record(0))
    worker.turn()
    assert fallback.requests == []
    worker.turn(60.0)
    pipeline.put(envelope, record(1))
    assert worker.turn() == {"fallback"}
    assert pipeline.ledger.snapshot().diverted >= 1

    sink.answer = Success()
    pipeline.put(envelope, record(2))
    worker.turn(30.0)
    assert worker.turn() == frozenset()
    found = pipeline.ledger.snapshot()
    assert (found.accepted, found.delivered, found.lost) == (3, 3, 0)
    assert any("sends to the fallback" in sentence for sentence in reports)


def test_a_user_may_have_rules_of_their_own_or_none(
    make: Any, envelope: Envelope, record: Callable[[int], bytes]
) -> None:
    clock = FakeClock()
    sink = Slow(clock)
    sink.answer = Rejected("404")
    sink.seconds = 100.0
    pipeline = make(sink, clock, rules=())
    worker = Turns(pipeline, clock)
    for _ in range(20):
        pipeline.put(envelope, record(0))
        assert worker.turn() == frozenset()
