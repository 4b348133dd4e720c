"""Keeping what was refused for reasons that people can put right.

A key that was rotated too late, a proxy's login page, a redirect: the records are innocent, and
there is a spool to keep them in. So the refusal is taken as a failure that may pass: without an
end where something other than a receiver answers, for a quarter of an hour where it is a receiver
that will not let us in.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from otbridge.delivery.reasons import is_endpoint_fault, is_no_entry
from otbridge.typing import Rejected, Retryable

if TYPE_CHECKING:
    from otbridge._clock import Clock
    from otbridge.delivery.batch import Batch
    from otbridge.delivery.sender import Sender
    from otbridge.typing import SendResult

__all__ = ["HoldSender"]

_HOLD_SECONDS: Final = 900.0
"""How long a refused key may take to be replaced; after that, refusals are final."""
_AGAIN_SECONDS: Final = 30.0
"""Between two looks: nobody replaces a key faster, and each look is a refused request."""


class HoldSender:
    """Makes such refusals retryable. Only for pipelines with a spool.

    Args:
        following: The next link.
        clock: Tells the time.
    """

    def __init__(self, following: Sender, clock: Clock) -> None:
        self._following = following
        self._clock = clock
        self._refused_since: float | None = None

    def send(self, batch: Batch) -> SendResult:
        """Send *batch*; answer `Retryable` where it is worth being kept."""
        result = self._following.send(batch)
        if isinstance(result, Rejected) and is_endpoint_fault(result.reason):
            return Retryable(result.reason, result.message, after=_AGAIN_SECONDS)
        if isinstance(result, Rejected) and is_no_entry(result.reason):
            now = self._clock.monotonic()
            if self._refused_since is None:
                self._refused_since = now
            if now - self._refused_since < _HOLD_SECONDS:
                return Retryable(result.reason, result.message, after=_AGAIN_SECONDS)
        elif not isinstance(result, Retryable):
            self._refused_since = None
        return result
