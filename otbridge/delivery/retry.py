"""Trying again: exponential backoff with jitter, or as the receiver asks.

OTLP 1.11 "Failures", "OTLP/HTTP Throttling"; OTLP exporter specification "Retry".
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Final

from otbridge.typing import Retryable

if TYPE_CHECKING:
    from collections.abc import Callable

    from otbridge._clock import Clock
    from otbridge.delivery.batch import Batch
    from otbridge.delivery.pace import Pace
    from otbridge.delivery.sender import Sender
    from otbridge.delivery.settings import RetrySettings
    from otbridge.typing import SendResult

__all__ = ["MAX_ASKED_SECONDS", "RetrySender"]

MAX_ASKED_SECONDS: Final = 300.0
"""A receiver that asks for more (or for 10⁹ seconds) is asked again after five minutes."""
_SPREAD: Final = 0.1
"""Waits that a receiver asked for grow by up to a tenth, so that its clients do not all return
in the same moment; they never shrink."""
_LEAST_SECONDS: Final = 0.05
"""Closer to the end of a shutdown than this, another attempt is not worth its while."""


class RetrySender:
    """Hands a batch on until it is taken, refused for good, or time is up.

    Args:
        following: The next link.
        settings: How long and how often.
        clock: Tells the time, and waits.
        pace: Ends waits early when somebody is waiting for us.
        brief: Whether there is somewhere else to keep the records.
        on_wait: Told of each failure that will be tried again, and for how many seconds the
            batch has been tried by then.
        chance: Gives a number from 0 up to 1.
    """

    def __init__(
        self,
        following: Sender,
        settings: RetrySettings,
        clock: Clock,
        pace: Pace,
        *,
        on_wait: Callable[[Retryable, float], None],
        brief: bool = False,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._following = following
        self._settings = settings
        self._brief = brief
        self._patience = settings.brief_s if brief else settings.max_elapsed_s
        self._clock = clock
        self._pace = pace
        self._on_wait = on_wait
        self._chance = chance

    def send(self, batch: Batch) -> SendResult:
        """Return the final answer; `Retryable` is the last one when the patience is at an end."""
        begin = self._clock.monotonic()
        attempt = 0
        while True:
            self._pace.hurry.clear()  # before the attempt: who hurries during it must be heard
            result = self._following.send(batch)
            if not isinstance(result, Retryable):
                return result
            elapsed = self._clock.monotonic() - begin
            if elapsed >= self._patience or self._is_long(result.after, elapsed):
                return result
            if self._brief and self._pace.closing:
                return result  # the program ends: what is safe elsewhere is not worth a wait
            self._on_wait(result, elapsed)
            if not self._wait(attempt, result.after):
                return result
            attempt += 1

    def _is_long(self, asked: float | None, elapsed: float) -> bool:
        """Return whether to wait as long as was *asked* is a case for somebody else's place."""
        return self._brief and asked is not None and elapsed + asked > self._patience

    def _wait(self, attempt: int, asked: float | None) -> bool:
        """Wait for the next attempt; return False where a shutdown leaves no time for one."""
        if asked is not None:
            return self._wait_as_asked(asked)
        settings = self._settings
        ceiling = min(settings.max_s, settings.initial_s * 2 ** min(attempt, 32))
        seconds = ceiling * (1 - settings.jitter * self._chance())
        left = self._pace.deadline - self._clock.monotonic()
        if left < _LEAST_SECONDS:
            return False
        # In a shutdown: half of what is left, so that there is time for the attempt as well.
        self._clock.wait(self._pace.hurry, min(seconds, left / 2))
        return True

    def _wait_as_asked(self, asked: float) -> bool:
        """Wait at least *asked* seconds; hurrying does not help, a shutdown gives up at once."""
        seconds = min(asked, MAX_ASKED_SECONDS)
        end = self._clock.monotonic() + seconds * (1 + _SPREAD * self._chance())
        while (left := end - self._clock.monotonic()) > 0:
            if end > self._pace.deadline:
                return False
            self._pace.hurry.clear()
            if end > self._pace.deadline:  # closed between the look and the clearing
                return False
            self._clock.wait(self._pace.hurry, left)
        return True
