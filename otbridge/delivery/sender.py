"""The one method that every link of the chain has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from otbridge.delivery.batch import Batch
    from otbridge.typing import SendResult

__all__ = ["Sender"]


class Sender(Protocol):
    """Takes care of a whole batch, by itself or by asking the next link.

    Called by one thread at a time. Does not raise: what goes wrong is an answer. `Retryable` from
    the chain as a whole means that its patience is at an end.
    """

    def send(self, batch: Batch) -> SendResult:
        """Return what became of *batch*."""
        ...
