"""Measuring exports: how long each takes, all its attempts together, and how it ends."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    from otbridge._clock import Clock
    from otbridge.delivery.batch import Batch
    from otbridge.delivery.sender import Sender
    from otbridge.typing import SendResult

__all__ = ["Latency", "WatchSender"]

_NEWEST: Final = 0.3
"""Weight of the newest export in the mean: five of them make up five sixths of it."""


class WatchSender:
    """Hands on, and takes note.

    Args:
        following: The next link.
        clock: Tells the time.
        on_export: Told of each export, and how many seconds it took.
    """

    def __init__(
        self, following: Sender, clock: Clock, on_export: Callable[[float, SendResult], None]
    ) -> None:
        self._following = following
        self._clock = clock
        self._on_export = on_export

    def send(self, batch: Batch) -> SendResult:
        """Return what the next link says."""
        begin = self._clock.monotonic()
        result = self._following.send(batch)
        self._on_export(self._clock.monotonic() - begin, result)
        return result


class Latency:
    """The mean of the last exports, the newest counting most."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def add(self, seconds: float) -> None:
        """Take note of one export."""
        self.seconds += _NEWEST * (seconds - self.seconds)
