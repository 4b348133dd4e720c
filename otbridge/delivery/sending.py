"""The worker's side of a pipeline: a batch from the queue, and everything that may become of it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final

from otbridge.delivery.batch import Batch
from otbridge.delivery.dispatch import Dispatcher
from otbridge.delivery.fallback import FallbackResort, make_fallbacks
from otbridge.delivery.pace import Pace
from otbridge.delivery.route import Route
from otbridge.delivery.sent_records import entries_to_keep, may_have_been_sent
from otbridge.delivery.spooling import Backlog, SpoolResort
from otbridge.delivery.worker import Worker
from otbridge.typing import Retryable

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from otbridge._clock import Clock
    from otbridge.delivery.adaptation import Adaptation
    from otbridge.delivery.batch import Compose, Entry
    from otbridge.delivery.dispatch import Undelivered
    from otbridge.delivery.ledger import Ledger
    from otbridge.delivery.losses import LossReporter
    from otbridge.delivery.queue import RecordQueue
    from otbridge.delivery.sender import Resort
    from otbridge.delivery.settings import BatchSettings, RetrySettings
    from otbridge.delivery.spool.reader import SpoolReader
    from otbridge.delivery.spool.spool import Spool
    from otbridge.typing import SendResult, Signal, Sink

__all__ = ["Sending"]

_KEPT_RECORDS: Final = 8192
"""Records kept for a destination that nobody asked for while it is not there: about 2 MiB."""
_LEAST_BATCH_BYTES: Final = 64 << 10
"""A receiver that takes less than 64 KiB has its batches divided each time."""


class Sending:
    """Everything that belongs to one process: made anew in a forked child.

    Args:
        signal: What is sent.
        sinks: The destination's, and those of the fallbacks.
        queue: Where records wait.
        ledger: Where they are booked.
        losses: Told of deliveries and losses.
        adaptation: Told of exports; says which strategies are in use.
        batch: When a batch is sent.
        retry: How long, and how often, it is tried.
        clock: Tells the time, and waits.
        compose: Makes one request of records.
        spool: Keeps what cannot be sent, and how it is read; None where there is none.
        optional: Whether nobody asked for the destination.
        on_export: Told of each export.
    """

    def __init__(
        self,
        signal: Signal,
        sinks: Sequence[Sink],
        *,
        queue: RecordQueue,
        ledger: Ledger,
        losses: LossReporter,
        adaptation: Adaptation,
        batch: BatchSettings,
        retry: RetrySettings,
        clock: Clock,
        compose: Compose,
        spool: tuple[Spool, SpoolReader] | None,
        optional: bool,
        on_export: Callable[[float, SendResult], None] | None,
    ) -> None:
        self._signal: Signal = signal
        self._sinks = sinks
        self._queue = queue
        self._ledger = ledger
        self._losses = losses
        self._adaptation = adaptation
        self._compose = compose
        self._optional = optional
        self._on_export = on_export
        self.ends = False
        """Whether the pipeline is being shut down: what cannot be sent is given up."""
        self._in_hand: Batch | None = None
        self._has_sent_records = False
        self._held_back = False
        pace = self._pace = Pace()
        self.route = Route(
            sinks[0],
            retry,
            clock,
            pace,
            optional=optional,
            elsewhere=spool is not None or len(sinks) > 1,
            holds=spool is not None,
            on_failure=self._held_up,
            on_export=self._exported,
        )
        self.spilling: SpoolResort | None = None
        """Puts on disk what cannot be sent; None where there is no spool."""
        resorts: list[Resort] = []
        if len(sinks) > 1:
            fallbacks = make_fallbacks(sinks[1:], retry.attempt_s, clock, pace)
            resorts.append(FallbackResort(fallbacks, self._is_fallback_due))
        if spool is not None:
            encoding = getattr(sinks[0], "encoding", "gzip")
            self.spilling = SpoolResort(spool[0], ledger, encoding)
            resorts.append(self.spilling)
        self._dispatcher = Dispatcher(
            self.route.first, ledger, losses, resorts, on_too_large=self._make_smaller_batches
        )
        backlog = None
        if spool is not None:
            backlog = Backlog(
                *spool,
                dispatcher=self._dispatcher,
                ledger=ledger,
                settings=batch,
                compose=compose,
                clock=clock,
                seconds_to_send=lambda: self.route.seconds_to_try,
                take_back=self._take_back,
            )
        self.worker = Worker(
            f"otbridge-{signal}",
            queue,
            batch,
            clock,
            pace,
            send=self._send_one,
            pause=self.pause,
            close=self._close_sinks,
            backlog=backlog,
            look_in=lambda: adaptation.look_in,
        )

    def spill_rest(self) -> None:
        """Put on disk what the worker has not come to, or is stuck with."""
        if self.spilling is not None:
            stuck = self._in_hand
            self.spill_queue()
            if stuck is not None and self.worker.is_sending:
                # Last: what it tells of them later is not counted again.
                self.spilling.rescue(stuck)

    def spill_queue(self) -> None:
        """Put on disk what waits in memory at this moment."""
        spilling = self.spilling
        if spilling is None:
            return
        try:
            waiting = len(self._queue)  # of now: other threads may be logging without end
            while waiting > 0 and (entries := self._queue.take()):
                waiting -= len(entries)
                batch = self._batch(entries)
                parts = spilling.take(batch, Retryable("shutdown"))
                left = [part for part, outcome in parts if isinstance(outcome, Retryable)]
                if left:  # the disk takes nothing
                    for part in reversed(left):
                        self._put_back(part)
                    return
        except Exception as error:  # noqa: BLE001 - what is in flight then is counted as dropped
            self._losses.lost("internal_error", 0, f"{type(error).__name__}: {error}")

    def abandon_rest(self) -> None:
        """Count as dropped what is still in memory."""
        reason = "no_destination" if self.route.absent else "shutdown"
        records = self._queue.discard(reason) + self._ledger.abandon(reason)
        if records:
            self._losses.lost(reason, records)

    # ------------------------------------------------------------------ the worker's turns

    def pause(self) -> float:
        """Return the seconds until it is worth sending what waits in memory."""
        self._adaptation.look()
        return self.route.seconds_to_try if self._optional or self._held_back else 0.0

    def _send_one(self) -> int:
        """Take a batch and see it through; return its records, 0 where none are settled."""
        if self._pace.closing and self.route.optional is not None and self.route.optional.absent:
            return 0  # the program ends, and a destination that nobody asked for is not there
        entries = self._queue.take()
        if not entries:
            return 0
        batch = self._in_hand = self._batch(entries)
        left = self._dispatcher.dispatch(batch)
        self._in_hand = None
        if self.route.optional is not None:
            self._queue.limit(_KEPT_RECORDS if self.route.optional.absent else sys.maxsize)
        for undelivered in reversed(left):
            self._keep_or_give_up(undelivered)
        self._held_back = bool(left)
        return len(batch) - sum(len(undelivered.batch) for undelivered in left)

    def _keep_or_give_up(self, undelivered: Undelivered) -> None:
        batch, failure = undelivered
        if self.ends and not self._optional:
            self._dispatcher.give_up(batch, "shutdown", failure.message)
        elif self._optional or self._pace.closing or self.route.breaker is not None:
            # There is nobody to send to, a flush ran out of time, or the disk takes nothing.
            self._put_back(batch)
        else:
            self._dispatcher.give_up(batch, failure.reason, failure.message)

    def _take_back(self, undelivered: Undelivered) -> None:
        """Take records into memory that were on disk together with others that are settled."""
        self._ledger.take_off(len(undelivered.batch.entries))
        self._put_back(undelivered.batch)

    def _put_back(self, batch: Batch) -> None:
        self._has_sent_records = self._has_sent_records or batch.resent
        self._queue.put_back(entries_to_keep(batch))

    def _batch(self, entries: Sequence[Entry]) -> Batch:
        resent = self._has_sent_records and may_have_been_sent(entries)
        return Batch(self._signal, entries, self._compose, resent=resent)

    def _close_sinks(self) -> None:
        for sink in self._sinks:
            try:
                sink.close()
            except Exception:  # noqa: BLE001 - nothing will be sent any more, closed well or badly
                pass

    def _make_smaller_batches(self, refused_bytes: int) -> None:
        """Make batches that the receiver takes, rather than have each refused before."""
        self._adaptation.limit_bytes(max(_LEAST_BATCH_BYTES, refused_bytes // 2))

    def _exported(self, seconds: float, result: SendResult) -> None:
        self._adaptation.latency.add(seconds)
        if self._on_export is not None:
            try:
                self._on_export(seconds, result)
            except Exception:  # noqa: BLE001 - a measurement that fails must not cost the batch
                pass

    def _is_fallback_due(self) -> bool:
        return "fallback" in self._adaptation.active

    def _held_up(self, failure: Retryable, seconds: float) -> None:
        self._losses.held_up(failure.reason, failure.message, seconds)
