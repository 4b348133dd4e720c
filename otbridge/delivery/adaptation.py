"""What a pipeline's strategies do, and what is said about them."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from otbridge.delivery.policies import Sample
from otbridge.delivery.strategy import Action, Strategist
from otbridge.delivery.watch import Latency

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from otbridge._clock import Clock
    from otbridge.delivery.policies import Policy
    from otbridge.delivery.queue import RecordQueue
    from otbridge.delivery.settings import BatchSettings
    from otbridge.delivery.strategy import Measure, Move, Rule

__all__ = ["Adaptation"]

_TIMES: Final = 4
"""Larger batches wait four times as long and may have four times the records."""
_QUIET_SECONDS: Final = 60.0
"""A strategy that comes and goes is spoken of once a minute; its moves are all counted."""
_LOOK_SECONDS: Final = 1.0
_WORDS: Final = {
    "larger_batches": "sends fewer and larger batches of",
    "spool": "writes to disk at once what comes of",
    "fallback": "sends to the fallback what comes of",
    "sampling": "takes only some records, and all errors, of",
}
_WHY: Final = {
    "fullness": "memory is {0:.0%} full",
    "load": "what waits is {0:.0%} of what memory holds",
    "latency_s": "a request takes {0:.2f} s",
    "failing_s": "the destination has been away for {0:.0f} s",
}


class Adaptation:
    """Measures one pipeline and moves it between its strategies.

    Args:
        what: What is delivered where, in words.
        rules: When to move.
        queue: Its batches and its policy are changed.
        batch: Its batches at normal times.
        clock: Tells the time.
        report: Gets a sentence about a move.
        failing_s: Tells for how many seconds there were only failures.
        load: Tells how many records wait, on disk and in memory, as a share of the memory's limit.
        on_batch: Told of the batches in use.
        to_disk: Begins and ends writing to disk at once; None where there is no spool.
        has_fallback: Whether there is one.
        policy: What a full queue does at normal times, where sampling may take its place.
    """

    def __init__(
        self,
        what: str,
        rules: Sequence[Rule],
        queue: RecordQueue,
        batch: BatchSettings,
        clock: Clock,
        *,
        report: Callable[[str], None],
        failing_s: Callable[[], float],
        load: Callable[[], float],
        on_batch: Callable[[BatchSettings], None],
        to_disk: Action | None,
        has_fallback: bool,
        policy: Policy | None,
    ) -> None:
        self._what = what
        self._queue = queue
        self._batch = batch
        self._clock = clock
        self._report = report
        self._measures: Mapping[Measure, Callable[[], float]] = {
            "fullness": lambda: queue.fullness,
            "load": load,
            "latency_s": lambda: self.latency.seconds,
            "failing_s": failing_s,
        }
        self._on_batch = on_batch
        self._policy = policy
        self._said: dict[str, float] = {}
        self.latency = Latency()
        """Told of every export."""
        self.moves = 0
        """How many moves there have been."""
        actions = {"larger_batches": Action(self._enlarge, self._shrink)}
        if to_disk is not None:
            actions["spool"] = to_disk
        elif policy is not None:
            actions["sampling"] = Action(self._sample, self._stop_sampling)
        if has_fallback:
            actions["fallback"] = Action(_nothing, _nothing)  # asked for by `active`
        self._strategist = Strategist(rules, actions, self._moved)

    @property
    def active(self) -> frozenset[str]:
        """The strategies in use; none is the plain way."""
        return self._strategist.active

    def look(self) -> None:
        """Make the moves that are due."""
        self._strategist.look(self, self._clock.monotonic())

    def __getitem__(self, name: Measure) -> float:
        return self._measures[name]()

    @property
    def look_in(self) -> float | None:
        """Seconds after which to look again although nothing happens; None for never."""
        return _LOOK_SECONDS if self._strategist.is_restless else None

    def _enlarge(self) -> None:
        batch = self._batch
        self._use(
            replace(
                batch,
                max_records=batch.max_records * _TIMES,
                max_age_s=batch.max_age_s * _TIMES,
            )
        )

    def _shrink(self) -> None:
        self._use(self._batch)

    def limit_bytes(self, size: int) -> None:
        """Make no batches larger than *size* any more, whatever the strategy."""
        self._batch = replace(self._batch, max_bytes=min(size, self._batch.max_bytes))
        if "larger_batches" in self.active:
            self._enlarge()
        else:
            self._shrink()

    def _use(self, batch: BatchSettings) -> None:
        self._queue.batches_of(batch)
        self._on_batch(batch)

    def _sample(self) -> None:
        self._queue.use(Sample())

    def _stop_sampling(self) -> None:
        assert self._policy is not None  # noqa: S101 - else there is no such action
        self._queue.use(self._policy)

    def _moved(self, move: Move) -> None:
        self.moves += 1
        now = self._clock.monotonic()
        if move.begins:
            if now - self._said.get(move.strategy, -math.inf) < _QUIET_SECONDS:
                return
            self._said[move.strategy] = now
            why = _WHY[move.measure].format(move.value)
            self._say(f"otbridge now {_WORDS[move.strategy]} {self._what}, because {why}.")
        elif self._said.get(move.strategy) is not None:
            self._say(f"otbridge no longer {_WORDS[move.strategy]} {self._what}.")

    def _say(self, sentence: str) -> None:
        try:
            self._report(sentence)
        except Exception:  # noqa: BLE001 - a report that fails must not become a trouble
            pass


def _nothing() -> None:
    """Change nothing: who acts on this strategy looks whether it is in use."""
