"""A disk that refuses: not asked for a while, and spoken of once a minute."""

from __future__ import annotations

import errno
import math
import threading
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    from otbridge._clock import Clock

__all__ = ["FULL", "Trouble"]

FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
"""What making room may help against."""
_QUIET_SECONDS: Final = 60.0


class Trouble:
    """Whether the disk can be used, and what people are told about it.

    Args:
        clock: Tells the time.
        report: Gets the sentences; what it raises is swallowed.
        retry_s: Seconds for which a disk that refused is left alone.
    """

    def __init__(self, clock: Clock, report: Callable[[str], None], retry_s: float) -> None:
        self._clock = clock
        self._report = report
        self._retry_s = retry_s
        self._until = -math.inf
        self._quiet_until = -math.inf
        self._told = False
        self.renew_lock()

    def renew_lock(self) -> None:
        """Begin anew in a forked child: another thread of the parent may have held the lock."""
        self._lock = threading.RLock()

    @property
    def is_over(self) -> bool:
        """Whether the disk may be asked (again)."""
        return self._clock.monotonic() >= self._until

    def refused(self, why: object) -> None:
        """Leave the disk alone for a while."""
        self._until = self._clock.monotonic() + self._retry_s
        self._told = (
            self.say(
                f"otbridge cannot write to its spool: {why}. "
                f"Records stay in memory; the disk is tried again in {self._retry_s:.0f} s."
            )
            or self._told
        )

    def worked(self) -> None:
        """Take note that the disk could be written to."""
        if self._until != -math.inf:
            self._until = -math.inf
            told, self._told = self._told, False
            if told:
                self._tell("otbridge can write to its spool again.")

    def say(self, sentence: str) -> bool:
        """Report *sentence*, unless there was a report in the last minute; return whether."""
        with self._lock:
            now = self._clock.monotonic()
            if now < self._quiet_until:
                return False
            self._quiet_until = now + _QUIET_SECONDS
        self._tell(sentence)
        return True

    def _tell(self, sentence: str) -> None:
        try:
            self._report(sentence)
        except Exception:  # noqa: BLE001 - a report that fails must not become the next trouble
            pass
