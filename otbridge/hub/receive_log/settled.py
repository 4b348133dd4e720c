"""Which positions of the log a follower is done with, also where it was done out of order."""

from __future__ import annotations

__all__ = ["Settled"]


class Settled:
    """Not for several threads at a time.

    Args:
        position: Everything before it is settled.
    """

    def __init__(self, position: int) -> None:
        self.position = position
        """Everything before it is settled, and what begins there is not."""
        self._beyond: dict[int, int] = {}

    def add(self, begin: int, end: int) -> None:
        """Settle what reaches from *begin* to *end*."""
        if begin > self.position:
            self._beyond[begin] = end
            return
        self.position = max(self.position, end)
        while self._beyond:
            following = self._beyond.pop(self.position, None)
            if following is None:
                return
            self.position = following

    def __contains__(self, begin: int) -> bool:
        return begin < self.position or begin in self._beyond
