"""The last link: one attempt, within its time, whatever the sink does.

A sink that sends compressed bytes as they are gets them from the batch, which compresses once:
what is tried again, spooled, and sent again by another process are the same bytes. What the
receiver may have, because no answer came, is marked from then on (`Batch.resent`), so that a
receiver that looks can keep each record once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from otbridge.delivery.reasons import is_endpoint_fault
from otbridge.typing import PackedSink, ResendingSink, Retryable, Success

if TYPE_CHECKING:
    from otbridge._clock import Clock
    from otbridge.delivery.batch import Batch
    from otbridge.delivery.pace import Pace
    from otbridge.typing import SendResult, Sink

__all__ = ["AttemptSender"]


class AttemptSender:
    """Sends a batch to the sink once.

    Args:
        sink: Where to.
        seconds: What an attempt may take; less when a shutdown leaves less.
        clock: Tells the time.
        pace: Tells how much of it there is.
    """

    def __init__(self, sink: Sink, seconds: float, clock: Clock, pace: Pace) -> None:
        self._sink = sink
        self._seconds = seconds
        self._clock = clock
        self._pace = pace
        self._packed = sink if isinstance(sink, PackedSink) else None
        self._resending = sink if isinstance(sink, ResendingSink) else None

    def send(self, batch: Batch) -> SendResult:
        """Return the sink's answer; an exception of its own is a failure that may pass."""
        left = self._pace.deadline - self._clock.monotonic()
        if left <= 0:
            return Retryable("shutdown", "No time was left for an attempt.")
        try:
            result = self._send(batch, min(self._seconds, left))
        except BaseException as error:  # noqa: BLE001 - not even a sink's SystemExit ends the worker
            result = Retryable(type(error).__name__, str(error), maybe_taken=True)
        batch.resent = batch.resent or _is_open(result)
        return result

    def _send(self, batch: Batch, seconds: float) -> SendResult:
        if self._resending is not None:
            self._resending.resent = batch.resent
        sink = self._packed
        if sink is None:
            return self._sink.send(batch.signal, batch.request, seconds)
        encoding = batch.encoding
        if encoding not in (sink.encoding, "gzip"):  # every receiver takes gzip
            encoding = sink.encoding
        return sink.send_packed(batch.signal, batch.packed(encoding), encoding, seconds)


def _is_open(result: SendResult) -> bool:
    """Return whether the receiver may have the records although it has not said so."""
    if isinstance(result, Retryable):
        return result.maybe_taken
    return not isinstance(result, Success) and is_endpoint_fault(result.reason)
