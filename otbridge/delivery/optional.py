"""A destination that nobody asked for: used when it is there, never missed when it is not.

The local hub on its default port is one. Its absence is normal, so it is neither reported nor
waited for; meanwhile the queue keeps the newest records, and a look every two seconds finds out
whether it has come.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from otbridge.typing import Rejected, Retryable

if TYPE_CHECKING:
    from otbridge._clock import Clock
    from otbridge.delivery.batch import Batch
    from otbridge.delivery.sender import Sender
    from otbridge.typing import SendResult

__all__ = ["OptionalSender"]

_LOOK_SECONDS: Final = 2.0


class OptionalSender:
    """Stands where retrying stands for a destination that was asked for.

    Args:
        following: The next link.
        clock: Tells the time.
    """

    def __init__(self, following: Sender, clock: Clock) -> None:
        self._following = following
        self._clock = clock
        self.present = False
        """Whether it took, or refused as one who is asked, what it was sent last."""
        self._look_at = -math.inf

    def send(self, batch: Batch) -> SendResult:
        """Try once. Who refuses before having taken anything is not the one we look for."""
        result = self._following.send(batch)
        if isinstance(result, Rejected) and not self.present:
            result = Retryable(result.reason, result.message)
        if isinstance(result, Retryable):
            self.present = False
            self._look_at = self._clock.monotonic() + max(_LOOK_SECONDS, result.after or 0.0)
        else:
            self.present = True
        return result

    @property
    def absent(self) -> bool:
        """Whether it was looked for and not found."""
        return not self.present and self._look_at != -math.inf

    @property
    def seconds_to_look(self) -> float:
        """Seconds until the next look; 0 where it may be tried now."""
        return max(0.0, self._look_at - self._clock.monotonic()) if self.absent else 0.0
