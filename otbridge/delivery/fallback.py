"""Other places to go: a second receiver, a file.

They get what the destination refuses for good, and everything once the destination has been away
for so long that somebody who looks should find the newest records somewhere.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from otbridge.delivery.attempt import AttemptSender
from otbridge.delivery.breaker import Breaker
from otbridge.delivery.sender import Diverted
from otbridge.typing import Rejected, Retryable, Success

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from otbridge._clock import Clock
    from otbridge.delivery.batch import Batch
    from otbridge.delivery.pace import Pace
    from otbridge.delivery.sender import Outcome, Part, Sender
    from otbridge.typing import Sink

__all__ = ["FallbackResort", "make_fallbacks"]


class FallbackResort:
    """Asks the fallbacks in their order.

    What lies in the spool stays there while the destination is away; what is refused for good
    goes to a fallback wherever it comes from.

    Args:
        fallbacks: Names and senders.
        is_due: Tells whether the destination has been away for long enough.
    """

    def __init__(self, fallbacks: Sequence[tuple[str, Sender]], is_due: Callable[[], bool]) -> None:
        self._fallbacks = fallbacks
        self._is_due = is_due

    def take(self, batch: Batch, outcome: Outcome) -> list[Part]:
        """Return `Diverted` where a fallback took all of *batch*."""
        if isinstance(outcome, Rejected) or (
            isinstance(outcome, Retryable) and not batch.on_disk and self._is_due()
        ):
            for name, sender in self._fallbacks:
                result = sender.send(batch)
                if isinstance(result, Success) and not result.rejected:
                    return [(batch, Diverted(name))]
        return [(batch, outcome)]


def make_fallbacks(
    sinks: Sequence[Sink], attempt_s: float, clock: Clock, pace: Pace
) -> list[tuple[str, Sender]]:
    """Return names and senders of *sinks*: one attempt each, and none while one is away."""
    made: list[tuple[str, Sender]] = []
    for sink in sinks:
        once = AttemptSender(sink, attempt_s, clock, pace)
        made.append((sink.name, Breaker(once, once, clock, pace, on_failure=_ignore)))
    return made


def _ignore(failure: Retryable, seconds: float) -> None:
    """Take note of nothing: the ledger says what fallbacks have taken."""
