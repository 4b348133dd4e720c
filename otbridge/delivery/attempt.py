"""The last link: one attempt, within its time, whatever the sink does.

A sink that sends compressed bytes as they are gets them from the batch, which compresses once:
what is tried again, spooled, and sent again by another process are the same bytes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from otbridge.typing import PackedSink, Retryable

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

    def send(self, batch: Batch) -> SendResult:
        """Return the sink's answer; an exception of its own is a failure that may pass."""
        left = self._pace.deadline - self._clock.monotonic()
        if left <= 0:
            return Retryable("shutdown", "No time was left for an attempt.")
        try:
            return self._send(batch, min(self._seconds, left))
        except BaseException as error:  # noqa: BLE001 - not even a sink's SystemExit ends the worker
            return Retryable(type(error).__name__, str(error))

    def _send(self, batch: Batch, seconds: float) -> SendResult:
        sink = self._packed
        if sink is None:
            return self._sink.send(batch.signal, batch.request, seconds)
        encoding = batch.encoding
        if encoding not in (sink.encoding, "gzip"):  # every receiver takes gzip
            encoding = sink.encoding
        return sink.send_packed(batch.signal, batch.packed(encoding), encoding, seconds)
