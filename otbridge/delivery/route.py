"""The senders between a pipeline and its destination, chosen by what is to be done in trouble."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otbridge.delivery.attempt import AttemptSender
from otbridge.delivery.breaker import Breaker
from otbridge.delivery.hold import HoldSender
from otbridge.delivery.optional import OptionalSender
from otbridge.delivery.retry import RetrySender
from otbridge.delivery.watch import WatchSender

if TYPE_CHECKING:
    from collections.abc import Callable

    from otbridge._clock import Clock
    from otbridge.delivery.pace import Pace
    from otbridge.delivery.sender import Sender
    from otbridge.delivery.settings import RetrySettings
    from otbridge.typing import Retryable, SendResult, Sink

__all__ = ["Route"]


class Route:
    """One of three chains.

    - Nobody asked for the destination: one attempt, and a look every two seconds.
    - There is nowhere else to go: attempts for as long as the settings say.
    - There is a spool or a fallback: attempts for a moment, then the breaker.

    Args:
        sink: Where to.
        settings: How long and how often.
        clock: Tells the time, and waits.
        pace: Ends waits early when somebody is waiting for us.
        optional: Whether nobody asked for it.
        elsewhere: Whether there is a spool or a fallback.
        holds: Whether there is a spool, so that refusals that people can put right are waited for.
        on_failure: Told of each failure, and for how many seconds there were only failures.
        on_export: Told of each export, all attempts together, and how many seconds it took.
    """

    def __init__(
        self,
        sink: Sink,
        settings: RetrySettings,
        clock: Clock,
        pace: Pace,
        *,
        optional: bool = False,
        elsewhere: bool = False,
        holds: bool = False,
        on_failure: Callable[[Retryable, float], None],
        on_export: Callable[[float, SendResult], None],
    ) -> None:
        attempt = AttemptSender(sink, settings.attempt_s, clock, pace)
        self.optional: OptionalSender | None = None
        self.breaker: Breaker | None = None
        self.first: Sender
        if optional:
            watched = WatchSender(attempt, clock, on_export)
            self.first = self.optional = OptionalSender(watched, clock)
        elif elsewhere:
            once: Sender = HoldSender(attempt, clock) if holds else attempt
            retry = RetrySender(once, settings, clock, pace, on_wait=on_failure, brief=True)
            self.first = self.breaker = Breaker(
                WatchSender(retry, clock, on_export),
                WatchSender(once, clock, on_export),
                clock,
                pace,
                on_failure=on_failure,
            )
        else:
            patient = RetrySender(attempt, settings, clock, pace, on_wait=on_failure)
            self.first = WatchSender(patient, clock, on_export)

    @property
    def absent(self) -> bool:
        """Whether it is one that nobody asked for and that has not been found."""
        return self.optional is not None and not self.optional.present

    @property
    def seconds_to_try(self) -> float:
        """Seconds until it is worth trying; 0 where it may be tried now."""
        if self.optional is not None:
            return self.optional.seconds_to_look
        return 0.0 if self.breaker is None else self.breaker.seconds_to_probe

    @property
    def down_s(self) -> float:
        """For how many seconds there were only failures, as far as there is a breaker."""
        return 0.0 if self.breaker is None else self.breaker.down_s

    def hurry(self) -> None:
        """Try again now, because somebody waits."""
        if self.breaker is not None:
            self.breaker.hurry()
