"""One signal's way from `put` to a receiver: queue, worker and chain of senders, put together."""

from __future__ import annotations

import math
import os
import sys
import threading
import weakref
from collections import deque
from typing import TYPE_CHECKING, Final

from otbridge._clock import SystemClock
from otbridge.context.suppression import suppress_this_thread, suppressed
from otbridge.delivery.attempt import AttemptSender
from otbridge.delivery.batch import Batch
from otbridge.delivery.dispatch import Dispatcher
from otbridge.delivery.ledger import Ledger, LedgerSnapshot
from otbridge.delivery.linger import Linger
from otbridge.delivery.losses import LossReporter
from otbridge.delivery.optional import OptionalSender
from otbridge.delivery.pace import Pace
from otbridge.delivery.queue import RecordQueue
from otbridge.delivery.retry import RetrySender
from otbridge.delivery.settings import BatchSettings, QueueSettings, RetrySettings
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
        self._queue = RecordQueue(
            queue or QueueSettings(),
            self._batch,
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
        """Make everything that belongs to one process: threads, events, and who waits for them."""
        self._pace = Pace()
        self._wake = threading.Event()
        self._ended = threading.Event()
        self._closed = False
        self._waiting: deque[threading.Event] = deque()
        self._linger = Linger(self._batch)
        self._worker: threading.Thread | None = None
        self._rousing: int | None = None
        self._starting = threading.Lock()
        self._turning = threading.Lock()
        attempt = AttemptSender(self._sink, self._retry.attempt_s, self._clock, self._pace)
        chain: Sender
        if optional:
            chain = self._optional = OptionalSender(attempt, self._clock)
        else:
            chain = RetrySender(
                attempt, self._retry, self._clock, self._pace, on_wait=self._held_up
            )
        self._dispatcher = Dispatcher(chain, self.ledger, self._losses)

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
        done = threading.Event()
        self._waiting.append(done)
        if self._ensure_worker():
            self._pace.hurry.set()
            self._wake.set()
            finished = self._clock.wait(done, timeout)
        else:
            finished = self._turn_here(timeout)
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
        self._pace.close(self._clock.monotonic() + timeout)
        self._wake.set()
        finished = True
        if self._worker is not None and self._worker.is_alive():
            finished = self._clock.wait(self._ended, timeout)
        else:
            finished = not before.in_memory or self._turn_here(timeout)
            self._sink.close()
        self._abandon_rest()
        return self._since(before, timed_out=not finished)

    def _turn_here(self, timeout: float) -> bool:
        """Do the worker's work in the caller's thread, where no thread can be started any more.

        Python 3.12 and later start none while the interpreter ends.
        """
        if not self._turning.acquire(blocking=False):
            return False  # another caller is at it
        try:
            self._pace.deadline = self._clock.monotonic() + timeout
            self._turn()
            return not self.ledger.in_memory
        finally:
            if not self._closed:
                self._pace.deadline = math.inf
            self._turning.release()

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

    def _rouse(self) -> None:
        """Wake the worker, or start it; called by the `put` that it waits for."""
        if self._rousing == threading.get_ident():
            return  # a signal handler logs inside our own Event.set, whose lock is not reentrant
        self._rousing = threading.get_ident()
        try:
            if self._ensure_worker():
                self._wake.set()
        finally:
            self._rousing = None

    def _ensure_worker(self) -> bool:
        """Return whether a worker is there, started now if need be."""
        worker = self._worker
        if worker is not None and worker.is_alive():
            return True
        if not self._starting.acquire(blocking=False):
            return True  # somebody else is at it
        try:
            self._ended.clear()
            worker = threading.Thread(
                target=self._run, name=f"otbridge-{self._signal}", daemon=True
            )
            worker.start()
            self._worker = worker
        except RuntimeError:  # the interpreter is ending, or has no thread to give
            self._queue.wake_at_first()
            return False
        finally:
            self._starting.release()
        return True

    # ------------------------------------------------------------------ worker's side

    def _run(self) -> None:
        suppress_this_thread()
        try:
            with suppressed():
                while not self._pace.closing:
                    self._wait_for_work()
                    self._turn()
                self._turn()
                self._sink.close()  # by its only user, however long a shutdown waited for us
        finally:
            self._queue.wake_at_first()  # if something ended us: the next record starts another
            self._ended.set()

    def _wait_for_work(self) -> None:
        """Return when a batch is due: full, old enough, or asked for."""
        if self._optional is not None:
            self._clock.wait(self._wake, self._optional.seconds_to_look)
            self._wake.clear()
        self._queue.wake_at_first()
        if not self._queue and not self._is_urgent:
            begin = self._clock.monotonic()
            self._clock.wait(self._wake, None)
            self._linger.paused(self._clock.monotonic() - begin)
        self._wake.clear()
        self._queue.wake_at_batch()
        if not self._queue.has_batch and not self._is_urgent:
            self._clock.wait(self._wake, self._linger.next())
        self._wake.clear()
        self._queue.wake_never()

    @property
    def _is_urgent(self) -> bool:
        return bool(self._waiting) or self._pace.closing

    def _turn(self) -> None:
        """Send what is due; then tell those who waited for it."""
        waiting = [self._waiting.popleft() for _ in range(len(self._waiting))]
        due = len(self._queue) if waiting or self._pace.closing else 1
        try:
            while (due > 0 or self._queue.has_batch) and not self._is_pointless:
                sent = self._send_one()
                if not sent:
                    break
                due -= sent
        finally:
            for done in waiting:
                done.set()

    @property
    def _is_pointless(self) -> bool:
        """Whether the program ends, and a destination that nobody asked for is not there."""
        return self._optional is not None and self._pace.closing and self._optional.absent

    def _send_one(self) -> int:
        """Take a batch and see it through; return its records, 0 where none are settled."""
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
