"""How fast a store is tried that refuses."""

from __future__ import annotations

from time import monotonic
from typing import Final

__all__ = ["Pace"]

_FIRST_S: Final = 0.05
_LONGEST_S: Final = 5.0
"""A store that is back is noticed within so many seconds."""


class Pace:
    """Twice as long after each refusal in a row, and at once again when something was taken."""

    def __init__(self) -> None:
        self._refusals = 0
        self._until = 0.0

    @property
    def is_slow(self) -> bool:
        """Whether the last answer was a refusal."""
        return self._refusals > 0

    @property
    def pause_s(self) -> float:
        """Seconds until the next try; 0 for now."""
        return max(0.0, self._until - monotonic()) if self._refusals else 0.0

    def refused(self) -> None:
        """Wait, longer than before."""
        if self.pause_s:
            return  # one of several that were under way together
        self._until = monotonic() + min(_FIRST_S * 2**self._refusals, _LONGEST_S)
        self._refusals = min(self._refusals + 1, 20)

    def taken(self) -> None:
        """Go on at once."""
        self._refusals = 0
