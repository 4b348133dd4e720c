"""Sends a batch through the chain and books what became of each record."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from otbridge.typing import Retryable, Success

if TYPE_CHECKING:
    from otbridge.delivery.batch import Batch
    from otbridge.delivery.ledger import Ledger
    from otbridge.delivery.losses import LossReporter
    from otbridge.delivery.sender import Sender

__all__ = ["Dispatcher"]

_TOO_LARGE: Final = frozenset({"413", "too_large", "RESOURCE_EXHAUSTED"})
"""Refusals that a smaller request may escape: HTTP's, the sinks' own, and gRPC's without
RetryInfo, which is what its servers say of a message over their limit."""


class Dispatcher:
    """The beginning of the chain.

    Args:
        chain: The first sender.
        ledger: Where the records, all of them in flight, are booked.
        losses: Told of deliveries and losses.
    """

    def __init__(self, chain: Sender, ledger: Ledger, losses: LossReporter) -> None:
        self._chain = chain
        self._ledger = ledger
        self._losses = losses

    def dispatch(self, batch: Batch) -> Retryable | None:
        """Send *batch*; return the failure that leaves its records in flight, None if booked.

        A batch that is too large for the receiver is halved until it fits; a single record that
        still does not is refused on its own.
        """
        result = self._chain.send(batch)
        if isinstance(result, Retryable):
            return result
        if isinstance(result, Success):
            self._book(batch, result)
        elif result.reason in _TOO_LARGE and len(batch) > 1:
            self._dispatch_halves(batch)
        else:
            self._ledger.reject(result.reason, len(batch))
            self._losses.lost(result.reason, len(batch), result.message)
        return None

    def give_up(self, batch: Batch, reason: str, message: str = "") -> None:
        """Book the records of *batch* as dropped."""
        self._ledger.drop(reason, len(batch))
        self._losses.lost(reason, len(batch), message)

    def _dispatch_halves(self, batch: Batch) -> None:
        for half in batch.halves():
            failure = self.dispatch(half)
            if failure is not None:  # the other half may be booked already: this one ends here
                self.give_up(half, failure.reason, failure.message)

    def _book(self, batch: Batch, result: Success) -> None:
        refused = min(result.rejected, len(batch))  # a receiver may count otherwise than we do
        self._ledger.deliver(len(batch) - refused)
        self._ledger.reject("partial_success", refused)
        if refused:
            self._losses.lost("partial_success", refused, result.message)
        else:
            self._losses.delivered()
