"""Sends a batch, finds another place for what is not taken, and books what became of each record.

divide ─► chain of senders          (what the destination says)
   └────► resorts                   (fallback, spool: for what it does not take)
             └────► ledger
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from otbridge.delivery.data_points import data_points_of
from otbridge.delivery.divide import Divider
from otbridge.delivery.sender import Diverted, Spooled
from otbridge.typing import Rejected, Retryable, Success

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from otbridge.delivery.batch import Batch
    from otbridge.delivery.ledger import Ledger
    from otbridge.delivery.losses import LossReporter
    from otbridge.delivery.sender import Outcome, Part, Resort, Sender

__all__ = ["Dispatcher", "Undelivered"]


class Undelivered(NamedTuple):
    """Records that are still where they were, and why."""

    batch: Batch
    failure: Retryable


class _Dropped(NamedTuple):
    reason: str
    message: str


class Dispatcher:
    """The beginning of the chain.

    Args:
        chain: The first sender.
        ledger: Where the records are booked.
        losses: Told of deliveries and losses.
        resorts: Asked, in their order, about everything that was not taken.
        on_too_large: Told the plain size of what had to be divided for it.
    """

    def __init__(
        self,
        chain: Sender,
        ledger: Ledger,
        losses: LossReporter,
        resorts: Sequence[Resort] = (),
        *,
        on_too_large: Callable[[int], None] = lambda _size: None,
    ) -> None:
        self._divider = Divider(chain, on_too_large)
        self._ledger = ledger
        self._losses = losses
        self._resorts = resorts

    def dispatch(self, batch: Batch) -> list[Undelivered]:
        """Send *batch*, whose records are in flight; return what is in flight still."""
        return self.book(self.send(batch))

    def send(self, batch: Batch) -> list[tuple[Batch | int, Outcome | _Dropped]]:
        """Send *batch*; return its parts with what became of them, nothing booked yet.

        Does not raise: a fault of ours costs the records that it hits, and no others.
        """
        points = self._ledger.points
        flying = data_points_of(batch) if batch.signal == "metrics" else 0
        points.in_flight += flying
        done = self._send(batch)
        points.in_flight -= flying
        return done

    def _send(self, batch: Batch) -> list[tuple[Batch | int, Outcome | _Dropped]]:
        done: list[tuple[Batch | int, Outcome | _Dropped]] = []
        open_records = len(batch)
        try:
            for part, result in self._divider.send(batch):
                _require_answer(result)
                parts: list[Part] = [(part, result)]
                for resort in self._resorts:
                    parts = [each for pair in parts for each in resort.take(*pair)]
                done += parts
                open_records -= len(part)
        except Exception as error:  # noqa: BLE001 - it must not stop what comes after
            why = _Dropped("internal_error", f"{type(error).__name__}: {error}")
            done.append((open_records, why))
        return done

    def book(
        self,
        done: Sequence[tuple[Batch | int, Outcome | _Dropped]],
        *,
        on_disk: bool = False,
    ) -> list[Undelivered]:
        """Book what `send` returned; return what there is nothing to be booked of yet."""
        left: list[Undelivered] = []
        for part, outcome in done:
            records = part if isinstance(part, int) else len(part)
            if not isinstance(part, int) and part.signal == "metrics":
                self._book_points(part, outcome)
            if isinstance(outcome, Success):
                self._book_success(records, outcome, on_disk=on_disk)
            elif isinstance(outcome, Rejected):
                self._ledger.reject(outcome.reason, records, on_disk=on_disk)
                self._losses.lost(outcome.reason, records, outcome.message)
            elif isinstance(outcome, _Dropped):
                self._ledger.drop(outcome.reason, records, on_disk=on_disk)
                self._losses.lost(outcome.reason, records, outcome.message)
            elif isinstance(outcome, Diverted):
                self._ledger.deliver(records, on_disk=on_disk, diverted=True)
            elif isinstance(outcome, Retryable) and not isinstance(part, int):
                left.append(Undelivered(part, outcome))
            else:
                assert isinstance(outcome, Spooled)  # noqa: S101 - booked by the spool's resort
        return left

    def give_up(self, batch: Batch, reason: str, message: str = "") -> None:
        """Book the records of *batch*, which are in flight, as dropped."""
        lost = self._ledger.drop(reason, len(batch))
        if batch.signal == "metrics":
            self._book_points(batch, _Dropped(reason, message))
        if lost:  # an end may have put them on disk while somebody still tried to send them
            self._losses.lost(reason, lost, message)

    def _book_points(self, batch: Batch, outcome: Outcome | _Dropped) -> None:
        points = self._ledger.points
        with self._ledger.lock:
            if isinstance(outcome, Success):
                points.deliver(batch, outcome.rejected)  # of metrics, receivers count points
            elif isinstance(outcome, Diverted):
                points.deliver(batch)
            elif isinstance(outcome, (Rejected, _Dropped)):
                points.fail(outcome.reason, batch)

    def _book_success(self, records: int, result: Success, *, on_disk: bool) -> None:
        refused = min(result.rejected, records)  # a receiver may count otherwise than we do
        self._ledger.deliver(records - refused, on_disk=on_disk)
        self._ledger.reject("partial_success", refused, on_disk=on_disk)
        if refused:
            self._losses.lost("partial_success", refused, result.message)
        else:
            self._losses.delivered()


def _require_answer(result: object) -> None:
    if not isinstance(result, (Success, Rejected, Retryable)):
        raise TypeError(f"a sink has answered {type(result).__name__}, which is no SendResult")
