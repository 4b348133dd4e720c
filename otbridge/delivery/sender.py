"""The one method that every link of the chain has, and the last resorts behind it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

from otbridge.typing import Rejected, Retryable, Success

if TYPE_CHECKING:
    from otbridge.delivery.batch import Batch
    from otbridge.typing import SendResult

__all__ = ["Diverted", "Outcome", "Resort", "Sender", "Spooled"]


class Spooled(NamedTuple):
    """Not sent, but safe on disk, to be sent later."""


class Diverted(NamedTuple):
    """Not taken by the destination, but by a fallback."""

    to: str
    """The fallback's name."""


Outcome = Success | Rejected | Retryable | Spooled | Diverted
"""What became of a batch in the end. `Retryable`: nothing yet, it is where it was."""

if TYPE_CHECKING:
    Part = tuple[Batch, Outcome]
    """Records of a batch, and what became of them."""


class Sender(Protocol):
    """Takes care of a whole batch, by itself or by asking the next link.

    Called by one thread at a time. Does not raise: what goes wrong is an answer. `Retryable` from
    the chain as a whole means that its patience is at an end.
    """

    def send(self, batch: Batch) -> SendResult:
        """Return what became of *batch*."""
        ...


class Resort(Protocol):
    """Somewhere else to go with what the destination did not take."""

    def take(self, batch: Batch, outcome: Outcome) -> list[Part]:
        """Return what became of the parts of *batch*; as it came where this is no case for us."""
        ...
