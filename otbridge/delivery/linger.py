"""How long a batch that is not full waits for more."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from otbridge.delivery.settings import BatchSettings

__all__ = ["Linger"]


class Linger:
    """Starts small and doubles: the first records are seen at once, a stream fills its batches.

    Args:
        settings: The first and the longest wait.
    """

    def __init__(self, settings: BatchSettings) -> None:
        self.use(settings)
        self._seconds = self._first

    def use(self, settings: BatchSettings) -> None:
        """Wait by these *settings* from now on."""
        self._first = min(settings.first_age_s, settings.max_age_s)
        self._longest = settings.max_age_s

    def paused(self, seconds: float) -> None:
        """Take note that nothing came for *seconds*; a real pause starts us over."""
        if seconds > self._longest:
            self._seconds = self._first

    def next(self) -> float:
        """Return the seconds that this batch may wait."""
        seconds = min(self._seconds, self._longest)
        self._seconds = min(self._longest, seconds * 2)
        return seconds
