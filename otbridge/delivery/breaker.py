"""Leaving a destination alone that does not answer, and looking seldom whether it is back.

Without it every batch of an outage would wait for its own timeouts. Only for pipelines that have
somewhere else to put their records; the others wait in the retry, where waiting costs nothing.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Final

from otbridge.delivery.retry import MAX_ASKED_SECONDS
from otbridge.typing import Retryable

if TYPE_CHECKING:
    from collections.abc import Callable

    from otbridge._clock import Clock
    from otbridge.delivery.batch import Batch
    from otbridge.delivery.pace import Pace
    from otbridge.delivery.sender import Sender
    from otbridge.typing import SendResult

__all__ = ["Breaker"]

_SHARE: Final = 0.1
"""It is tried again after a tenth of the time that it has been away: after one minute within six
seconds, after a day within..."""
_LEAST_SECONDS: Final = 1.0
_MOST_SECONDS: Final = 30.0
"""...half a minute."""
_SPREAD: Final = 0.25
"""Each wait is shorter by up to a quarter, so that many clients do not return as one; waits that
were asked for are longer by up to a tenth."""


class Breaker:
    """Closed, it hands on; open, it answers at once with the failure that opened it.

    Args:
        following: The next link, with its patience.
        probe: The way of the one batch that finds out whether the destination is back: without
            patience.
        clock: Tells the time.
        pace: Tells when a shutdown is on: its failures say nothing about the destination.
        on_failure: Told of each failure, and for how many seconds there were only failures.
        chance: Gives a number from 0 up to 1.
    """

    def __init__(
        self,
        following: Sender,
        probe: Sender,
        clock: Clock,
        pace: Pace,
        *,
        on_failure: Callable[[Retryable, float], None],
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._following = following
        self._probe = probe
        self._clock = clock
        self._pace = pace
        self._on_failure = on_failure
        self._chance = chance
        self._since: float | None = None
        self._failure = Retryable("")
        self._probe_at = 0.0
        self._asked = False

    def send(self, batch: Batch) -> SendResult:
        """Send *batch*, unless it is too early for another try."""
        if self._since is None:
            return self._judge(self._following.send(batch))
        if self.seconds_to_probe > 0:
            return self._failure
        return self._judge(self._probe.send(batch))

    @property
    def is_open(self) -> bool:
        """Whether the last that was heard of the destination was a failure."""
        return self._since is not None

    @property
    def down_s(self) -> float:
        """For how many seconds there were only failures."""
        return 0.0 if self._since is None else self._clock.monotonic() - self._since

    @property
    def seconds_to_probe(self) -> float:
        """Seconds until it may be tried again; 0 where it may be tried now."""
        if self._since is None:
            return 0.0
        return max(0.0, self._probe_at - self._clock.monotonic())

    def hurry(self) -> None:
        """Try again now, because somebody waits; not where the receiver itself asked for time."""
        if not self._asked:
            self._probe_at = self._clock.monotonic()

    def _judge(self, result: SendResult) -> SendResult:
        if not isinstance(result, Retryable):
            self._since = None  # it has answered, if only by refusing
        elif not self._pace.closing:
            now = self._clock.monotonic()
            if self._since is None:
                self._since = now
            self._failure = result
            self._asked = result.after is not None
            self._probe_at = now + self._wait(now - self._since, result.after)
            self._on_failure(result, now - self._since)
        return result

    def _wait(self, down_s: float, asked: float | None) -> float:
        if asked is not None:
            return min(asked, MAX_ASKED_SECONDS) * (1 + 0.1 * self._chance())
        seconds = min(_MOST_SECONDS, max(_LEAST_SECONDS, _SHARE * down_s))
        return seconds * (1 - _SPREAD * self._chance())
