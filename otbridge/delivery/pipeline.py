"""One signal's way from `put` to a receiver: queue, worker and chain of senders, put together."""

from __future__ import annotations

import os
import sys
import weakref
from typing import TYPE_CHECKING, Final

from otbridge._clock import SystemClock
from otbridge.delivery.attempt import AttemptSender
from otbridge.delivery.batch import Batch
from otbridge.delivery.dispatch import Dispatcher
from otbridge.delivery.ledger import Ledger, LedgerSnapshot
from otbridge.delivery.losses import LossReporter
from otbridge.delivery.optional import OptionalSender
from otbridge.delivery.pace import Pace
from otbridge.delivery.policies import DropOldest, make_policy
from otbridge.delivery.queue import RecordQueue
from otbridge.delivery.retry import RetrySender
from otbridge.delivery.settings import BatchSettings, QueueSettings, RetrySettings
from otbridge.delivery.worker import Worker
from otbridge.typing import FlushResult, Retryable
from otbridge.wire.otlp_request import compose as compose_otlp

if TYPE_CHECKING:
    from collections.abc import Callable

    from otbridge._clock import Clock
    from otbridge.delivery.batch import Compose
    from otbridge.delivery.sender import Sender
    from otbridge.typing import Signal, Sink
    from otbridge.wire.otlp_request import Envelope

__all__ = ["Pipeline"]

_KEPT_RECORDS: Final = 8192
"""Records kept for a destination that nobody asked for while it is not there: about 2 MiB."""
_GLANCE_SECONDS: Final = 0.5
"""What a program that ends spends on finding out whether it is there after all."""
_NOTHING: Final = FlushResult(delivered=0, failed=0, spooled=0, timed_out=False)


class Pipeline:
    """Takes finished records, delivers them in the background, and accounts for every one.

    One daemon thread, started by the first record; in a forked child a new one, which does not
    send again what the parent has in memory. No method raises, and `put` never waits.

    Args:
        signal: What the records are.
        sink: Where they go. The pipeline is its only user, and closes it.
        queue: Limits of what may wait.
        batch: When a batch is sent.
        retry: How long, and how often, it is tried.
        clock: Where time comes from.
        report: Gets a sentence when loss begins and when it ends; at most one trouble a minute.
        optional: Whether the destination is one that nobody asked for: not reported, not waited
            for at exit, looked for every two seconds, the newest records kept meanwhile. What is
            let go counts as dropped, `no_destination`.
        compose: Makes one request of (envelope, record) pairs.
    """

    def __init__(
        self,
        signal: Signal,
        sink: Sink,
        *,
        report: Callable[[str], None],
        queue: QueueSettings | None = None,
        batch: BatchSettings | None = None,
        retry: RetrySettings | None = None,
        clock: Clock | None = None,
        optional: bool = False,
        compose: Compose = compose_otlp,
    ) -> None:
        self.ledger = Ledger(lambda: len(self._queue))
        self._signal: Signal = signal
        self._sink = sink
        self._clock = clock or SystemClock()
        self._batch = batch or BatchSettings()
        self._compose = compose
        self._losses = LossReporter(
            f"{signal} to {sink.name}", _ignore if optional else report, self._clock
        )
        settings = queue or QueueSettings()
        self._queue = RecordQueue(
            settings,
            self._batch,
            policy=DropOldest() if optional else make_policy(settings, self._clock, None),
            let_go=self._why_let_go if optional else None,
            rouse=self._rouse,
            ledger=self.ledger,
            on_loss=self._losses.lost,
        )
        self._retry = retry or RetrySettings()
        self._optional: OptionalSender | None = None
        self._reset(optional=optional)
        _alive.add(self)

    def _reset(self, *, optional: bool) -> None:
        """Make everything that belongs to one process: the worker, and what it waits with."""
        self._closed = False
        self._pace = Pace()
        attempt = AttemptSender(self._sink, self._retry.attempt_s, self._clock, self._pace)
        chain: Sender
        if optional:
            chain = self._optional = OptionalSender(attempt, self._clock)
        else:
            chain = RetrySender(
                attempt, self._retry, self._clock, self._pace, on_wait=self._held_up
            )
        self._dispatcher = Dispatcher(chain, self.ledger, self._losses)
        self._worker = Worker(
            f"otbridge-{self._signal}",
            self._queue,
            self._batch,
            self._clock,
            self._pace,
            send=self._send_one,
            pause=self._pause,
            close=self._close_sink,
        )

    # ------------------------------------------------------------------ callers' side

    def put(self, envelope: Envelope, record: bytes, severity: int = 0) -> bool:
        """Take *record* for delivery.

        Args:
            envelope: What the record is to be wrapped in.
            record: One framed record, as the encoders in `otbridge.wire` make it.
            severity: Its severity number; from ERROR (17) on it gets in where others do not.

        Returns:
            Whether it was taken. If not, the ledger has counted it, with the reason.
        """
        return self._queue.put(envelope, record, severity)

    def flush(self, timeout: float) -> FlushResult:
        """Deliver what is waiting now; return when that is done or after *timeout* seconds."""
        before = self.ledger.snapshot()
        if self._closed or not before.in_memory:
            return _NOTHING
        finished = self._worker.flush(timeout)
        return self._since(before, timed_out=not finished)

    def shutdown(self, timeout: float) -> FlushResult:
        """Deliver what can be delivered within *timeout* seconds, then stop; once and for all.

        What is left then is dropped and counted as `shutdown`.
        """
        if self._closed:
            return _NOTHING
        self._closed = True
        before = self.ledger.snapshot()
        if self._optional is not None and not self._optional.present:
            timeout = min(timeout, _GLANCE_SECONDS)
        self._queue.close()
        finished = self._worker.end(timeout)
        self._abandon_rest()
        return self._since(before, timed_out=not finished)

    def _since(self, before: LedgerSnapshot, *, timed_out: bool) -> FlushResult:
        after = self.ledger.snapshot()
        return FlushResult(
            delivered=after.delivered - before.delivered,
            failed=after.lost - before.lost,
            spooled=after.spooled - before.spooled,
            timed_out=timed_out,
        )

    def _why_let_go(self) -> str:
        """Return the reason under which the oldest records of a full queue count as dropped."""
        there = self._optional is not None and self._optional.present
        return "queue_full" if there else "no_destination"

    def _abandon_rest(self) -> None:
        absent = self._optional is not None and not self._optional.present
        reason = "no_destination" if absent else "shutdown"
        records = self._queue.discard(reason) + self.ledger.abandon(reason)
        if records:
            self._losses.lost(reason, records)

    # ------------------------------------------------------------------ worker's side

    def _rouse(self) -> None:
        self._worker.rouse()

    def _pause(self) -> float:
        """Return the seconds until it is worth looking for a destination that was not there."""
        return 0.0 if self._optional is None else self._optional.seconds_to_look

    def _send_one(self) -> int:
        """Take a batch and see it through; return its records, 0 where none are settled."""
        if self._optional is not None and self._pace.closing and self._optional.absent:
            return 0  # the program ends, and a destination that nobody asked for is not there
        entries = self._queue.take()
        if not entries:
            return 0
        batch = Batch(self._signal, entries, self._compose)
        try:
            failure = self._dispatcher.dispatch(batch)
        except Exception as error:  # noqa: BLE001 - a fault of ours must not stop what comes after
            self._dispatcher.give_up(batch, "internal_error", f"{type(error).__name__}: {error}")
            return len(batch)
        if self._optional is not None:
            self._queue.limit(_KEPT_RECORDS if self._optional.absent else sys.maxsize)
        if failure is None:
            return len(batch)
        if self._optional is not None or (self._pace.closing and not self._closed):
            self._queue.put_back(entries)  # a flush ran out of time, or there is nobody to send to
            return 0
        reason = "shutdown" if self._pace.closing else failure.reason
        self._dispatcher.give_up(batch, reason, failure.message)
        return len(batch)

    def _close_sink(self) -> None:
        try:
            self._sink.close()
        except Exception:  # noqa: BLE001 - nothing will be sent any more, closed well or badly
            pass

    def _held_up(self, failure: Retryable, seconds: float) -> None:
        self._losses.held_up(failure.reason, failure.message, seconds)

    def _after_fork(self) -> None:
        """Begin anew in a forked child: what the parent has in memory is the parent's to send."""
        closed = self._closed
        self._queue.clear()
        self.ledger.forget()
        self._losses.renew_lock()
        self._reset(optional=self._optional is not None)
        self._closed = closed


def _ignore(sentence: str) -> None:
    """Take a report that nobody wants to have."""


_alive: Final[weakref.WeakSet[Pipeline]] = weakref.WeakSet()


def _renew_all() -> None:
    for pipeline in list(_alive):
        pipeline._after_fork()  # noqa: SLF001 - this module's own class


if hasattr(os, "register_at_fork"):  # not on Windows, which has no fork either
    os.register_at_fork(after_in_child=_renew_all)
