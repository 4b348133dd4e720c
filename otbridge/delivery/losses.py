"""Saying, seldom and clearly, that records are being lost, and that it is over.

OpenTelemetry "Performance": report when loss starts and when it ends. Here each is one sentence,
no more than one trouble a minute, and never through the logging that is itself in trouble.
"""

from __future__ import annotations

import math
import threading
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    from otbridge._clock import Clock

__all__ = ["LossReporter"]

_QUIET_SECONDS: Final = 60.0
"""At least this long from one reported trouble to the next."""
_PATIENCE_SECONDS: Final = 5.0
"""Delivery that has failed for this long is worth a word, although nothing is lost yet."""
_WORDS: Final = {
    "queue_full": "the queue is full",
    "queue_full_error": "the queue is full of records of ERROR and above",
    "sampled": "the queue is filling up, and only some are taken",
    "too_large": "they are too large to send",
    "partial_success": "the receiver refused them",
    "shutdown": "the program ended before they could be sent",
    "internal_error": "otbridge itself failed",
    "invalid_response": "what answers is no OTLP receiver",
    "response_too_large": "the answer is too large to be read",
}


class LossReporter:
    """Watches one pipeline's outcomes and reports when a trouble begins and ends.

    Args:
        what: What is being delivered where, e.g. `logs to otlp_http http://host:4318`.
        report: Gets each sentence; what it raises is swallowed.
        clock: Tells the time.
    """

    def __init__(self, what: str, report: Callable[[str], None], clock: Clock) -> None:
        self._what = what
        self._report = report
        self._clock = clock
        self._lock = threading.RLock()  # reentrant: a signal handler may log in the middle of it
        self._next = -math.inf
        self._lost = 0
        self._since_delivery = 0
        self._told_of: str | None = None

    def lost(self, reason: str, records: int, message: str = "") -> None:
        """Take note of lost records; speaks if this is where the loss begins."""
        with self._lock:
            self._lost += records
            self._since_delivery += records
            if self._told_of == "loss" or self._clock.monotonic() < self._next:
                return
            self._tell("loss")
            records = self._lost
        why = _WORDS.get(reason, f"the answer was {reason}")
        self._say(f"otbridge is losing {self._what}: {records:,} lost, because {why}.", message)

    def held_up(self, reason: str, message: str, seconds: float) -> None:
        """Take note of a failure that is being retried; speaks if it has lasted for long."""
        with self._lock:
            if (
                seconds < _PATIENCE_SECONDS
                or self._told_of is not None
                or self._clock.monotonic() < self._next
            ):
                return
            self._tell("delay")
        self._say(
            f"otbridge cannot deliver {self._what} at the moment ({reason}), and keeps trying; "
            "nothing is lost yet.",
            message,
        )

    def delivered(self) -> None:
        """Take note of a delivery; speaks if a trouble that was reported is over by it."""
        with self._lock:
            lost_meanwhile, self._since_delivery = self._since_delivery, 0
            if lost_meanwhile:
                return
            told_of, self._told_of = self._told_of, None
            lost, self._lost = self._lost, 0
        if told_of is not None:
            loss = f"{lost:,} were lost." if lost else "nothing was lost."
            self._say(f"otbridge delivers {self._what} again; {loss}")

    def renew_lock(self) -> None:
        """Begin anew in a forked child: another thread of the parent may have held the lock."""
        self._lock = threading.RLock()

    def _tell(self, kind: str) -> None:
        self._told_of = kind
        self._next = self._clock.monotonic() + _QUIET_SECONDS

    def _say(self, sentence: str, message: str = "") -> None:
        try:
            self._report(f"{sentence} {message}".rstrip())
        except Exception:  # noqa: BLE001 - a report that fails must not become the next trouble
            pass
