"""One signal's way from `put` to a receiver, as its callers see it."""

from __future__ import annotations

import os
import weakref
from typing import TYPE_CHECKING, Final

from otbridge._clock import SystemClock
from otbridge.delivery.adaptation import Adaptation
from otbridge.delivery.ledger import DiskAccount, Ledger, LedgerSnapshot
from otbridge.delivery.losses import LossReporter
from otbridge.delivery.policies import DropOldest, make_policy
from otbridge.delivery.queue import RecordQueue
from otbridge.delivery.sending import Sending
from otbridge.delivery.settings import BatchSettings, QueueSettings, RetrySettings
from otbridge.delivery.spooling import disk_account
from otbridge.delivery.strategy import DEFAULT_RULES, Action
from otbridge.errors import WireError
from otbridge.typing import FlushResult
from otbridge.wire.compression import decompress
from otbridge.wire.otlp_request import compose as compose_otlp
from otbridge.wire.otlp_request import split_request

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from otbridge._clock import Clock
    from otbridge.delivery.batch import Compose
    from otbridge.delivery.spool.reader import SpoolReader
    from otbridge.delivery.spool.spool import Spool
    from otbridge.delivery.strategy import Rule
    from otbridge.typing import SendResult, Signal, Sink
    from otbridge.wire.otlp_request import Envelope

__all__ = ["Pipeline"]

_GLANCE_SECONDS: Final = 0.5
"""What a program that ends spends on finding out whether it is there after all."""
_MAX_PLAIN_BYTES: Final = 64 << 20
"""What a request that is put may inflate to: OTLP's recommended limit of a message."""
_SPILL_SECONDS: Final = 0.6
"""Of the time for a shutdown this much, but no more than a third, is for the spool."""
_NOTHING: Final = FlushResult(delivered=0, failed=0, spooled=0, timed_out=False)


class Pipeline:
    """Takes finished records, delivers them in the background, and accounts for every one.

    One daemon thread, started by the first record; in a forked child a new one, which does not
    send again what the parent has in memory. No method raises, and `put` waits for nothing but
    what its settings ask it to: room (the policy `block`), or the disk (durable levels).

    Args:
        signal: What the records are.
        sink: Where they go. The pipeline is its only user, and closes it.
        queue: Limits of what may wait, and what happens beyond.
        batch: When a batch is sent.
        retry: How long, and how often, it is tried.
        clock: Where time comes from.
        report: Gets a sentence when loss begins and when it ends; at most one trouble a minute.
        optional: Whether the destination is one that nobody asked for: not reported, not waited
            for at exit, looked for every two seconds, the newest records kept meanwhile. What is
            let go counts as dropped, `no_destination`. It has neither spool nor fallbacks.
        spool: Keeps on disk what cannot be sent; by its level, every record before `put` returns.
            Shared by the pipelines of a process, and closed by who made it.
        fallbacks: Where to go, in this order, with what the destination refuses, and with
            everything once it has been away for long. The pipeline closes them.
        rules: When to do things differently; see `otbridge.delivery.strategy`.
        on_export: Told of each export, all attempts together: how many seconds it took, and how it
            ended. What it raises is swallowed.
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
        spool: Spool | None = None,
        fallbacks: Sequence[Sink] = (),
        rules: Sequence[Rule] = DEFAULT_RULES,
        on_export: Callable[[float, SendResult], None] | None = None,
        compose: Compose = compose_otlp,
    ) -> None:
        self._signal: Signal = signal
        self._sinks = (sink, *fallbacks)
        self._clock = clock or SystemClock()
        self._batch = batch or BatchSettings()
        self._retry = retry or RetrySettings()
        self._compose = compose
        self._optional = optional
        self._spool = None if optional else spool
        self.ledger = Ledger(lambda: len(self._queue), self._disk_account)
        self._losses = LossReporter(
            f"{signal} to {sink.name}", _ignore if optional else report, self._clock
        )
        limits = self._limits = queue or QueueSettings()
        overflow = None if self._spool is None else self._append
        policy = DropOldest() if optional else make_policy(limits, self._clock, overflow)
        self._queue = RecordQueue(
            limits,
            self._batch,
            policy=policy,
            let_go=self._why_let_go if optional else None,
            rouse=self._rouse,
            ledger=self.ledger,
            on_loss=self._losses.lost,
        )
        self._disk: tuple[Spool, SpoolReader] | None = None
        if self._spool is not None:
            self._disk = (self._spool, self._spool.reader(sink.name, signal))
        self._durable = self._spool is not None and self._spool.settings.durability != "memory"
        self._on_export = on_export
        self._adaptation = Adaptation(
            f"{signal} to {sink.name}",
            () if optional else rules,
            self._queue,
            self._batch,
            self._clock,
            report=report,
            failing_s=lambda: self._sending.route.down_s,
            load=self._load,
            on_batch=self._wait_by,
            to_disk=None if self._spool is None else Action(self._use_disk, self._use_memory),
            has_fallback=bool(fallbacks),
            policy=policy if limits.policy == "spool" else None,
        )
        self._use_memory()
        self._reset()
        _alive.add(self)

    def _reset(self) -> None:
        self._closed = False
        self._late = False
        self._sending = Sending(
            self._signal,
            self._sinks,
            queue=self._queue,
            ledger=self.ledger,
            losses=self._losses,
            adaptation=self._adaptation,
            batch=self._batch,
            retry=self._retry,
            clock=self._clock,
            compose=self._compose,
            spool=self._disk,
            optional=self._optional,
            on_export=self._on_export,
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
        return self._put(envelope, record, severity)

    def resume(self) -> None:
        """Begin to send what processes that ended have left on disk. Does not wait for it."""
        if self._spool is not None and not self._closed:
            self._sending.worker.rouse()

    def put_request(
        self, body: bytes, records: int, *, encoding: str = "none", resent: bool = False
    ) -> int:
        """Take a whole request of somebody else's for delivery, byte for byte.

        It goes into the spool as it is, and from there to the destination, taken apart only where
        that refuses parts of it. Where the spool does not take it, or there is none, its records
        are taken one by one.

        Args:
            body: An Export*ServiceRequest, compressed by *encoding*.
            records: How many records are in it.
            encoding: `gzip`, `zstd` or `none`.
            resent: Whether the one it comes from may have sent some of it before.

        Returns:
            How many of its records were taken. The ledger has counted the others.
        """
        spool = None if self._closed else self._spool
        if spool is not None and spool.append_request(
            self._signal, body, encoding, records, resent=resent
        ):
            self._queue.note_elsewhere(len(body), records)
            return records
        try:
            entries = split_request(self._signal, decompress(body, encoding, _MAX_PLAIN_BYTES))
        except WireError:
            self.ledger.turn_away("malformed", records)
            return 0
        return sum(self._put(envelope, record, 0) for envelope, record in entries)

    @property
    def strategies(self) -> frozenset[str]:
        """The strategies in use; none is the plain way. See `otbridge.delivery.strategy`."""
        return self._adaptation.active

    def flush(self, timeout: float) -> FlushResult:
        """Deliver what is waiting now; return when that is done or after *timeout* seconds."""
        before = self.ledger.snapshot()
        if self._closed or not before.in_memory + before.spooled:
            return _NOTHING
        self._sending.route.hurry()
        finished = self._sending.worker.flush(timeout)
        return self._since(before, timed_out=not finished)

    def secure(self) -> None:
        """Bring what waits to safety, and what will come: the process may end at any moment.

        It goes to the spool, `put` by `put`, and is sent from there; where there is none, it is
        sent as soon as possible. For signal handlers: does not wait for anybody.
        """
        if self._sending.spilling is not None and not self._closed:
            self._durable = True
            self._put = self._put_durably
            self._sending.spill_queue()
        self._sending.worker.hurry()

    def close(self, timeout: float) -> None:
        """Begin to end: let nothing take longer than *timeout* seconds from now. Does not wait.

        For several pipelines that are to end in the same time, and for a signal handler that cuts
        a `shutdown` short, which then goes on to what it does when time is up.
        """
        self._sending.worker.close(timeout, self._reserve(timeout))

    def shutdown(self, timeout: float, *, late: bool = False) -> FlushResult:
        """Deliver what can be delivered within *timeout* seconds, then stop; once and for all.

        What is left then goes to the spool; without one it is dropped and counted as `shutdown`.

        Args:
            timeout: Seconds.
            late: For the end of a process, where records may come after this: each is then
                delivered by the thread that brings it, while there is time left.
        """
        if self._closed:
            return _NOTHING
        self._closed = self._sending.ends = True
        self._late = late
        before = self.ledger.snapshot()
        if self._sending.route.absent:
            timeout = min(timeout, _GLANCE_SECONDS)
        if not late:
            self._queue.close()
        elif self._sending.spilling is not None:
            self._put = self._put_durably  # other threads may be logging until they are no more
        finished = self._sending.worker.end(timeout, self._reserve(timeout), late=late)
        self._sending.spill_rest()
        self._sending.abandon_rest()
        return self._since(before, timed_out=not finished)

    def _reserve(self, timeout: float) -> float:
        return 0.0 if self._sending.spilling is None else min(_SPILL_SECONDS, timeout / 3)

    def _since(self, before: LedgerSnapshot, *, timed_out: bool) -> FlushResult:
        after = self.ledger.snapshot()
        return FlushResult(
            delivered=after.delivered - before.delivered,
            failed=after.lost - before.lost,
            spooled=after.spooled,
            timed_out=timed_out,
        )

    def _put_durably(self, envelope: Envelope, record: bytes, severity: int) -> bool:
        open_ = self._late or not self._closed
        if open_ and self._append(envelope, record, severity):
            self._queue.note_elsewhere(len(record))
            return True
        return self._queue.put(envelope, record, severity)

    def _append(self, envelope: Envelope, record: bytes, severity: int) -> bool:
        assert self._spool is not None  # noqa: S101 - only called where there is one
        return self._spool.append(self._signal, envelope, record, severity)

    def _disk_account(self) -> DiskAccount:
        return DiskAccount() if self._spool is None else disk_account(self._spool, self._signal)

    def _why_let_go(self) -> str:
        """Return the reason under which the oldest records of a full queue count as dropped."""
        return "no_destination" if self._sending.route.absent else "queue_full"

    def _rouse(self) -> None:
        self._sending.worker.rouse()

    def _wait_by(self, settings: BatchSettings) -> None:
        self._sending.worker.batches_of(settings)

    def _use_disk(self) -> None:
        self._put = self._put_durably

    def _use_memory(self) -> None:
        self._put = self._put_durably if self._durable else self._queue.put

    def _load(self) -> float:
        disk = 0 if self._disk is None else self._disk[1].waiting
        return max(self._queue.fullness, (len(self._queue) + disk) / self._limits.max_records)

    def _after_fork(self) -> None:
        """Begin anew in a forked child: what the parent has in memory is the parent's to send."""
        closed = self._closed
        self._queue.clear()
        self.ledger.forget()
        self._losses.renew_lock()
        self._reset()
        self._closed = self._sending.ends = closed


def _ignore(sentence: str) -> None:
    """Take a report that nobody wants to have."""


_alive: Final[weakref.WeakSet[Pipeline]] = weakref.WeakSet()


def _renew_all() -> None:
    for pipeline in list(_alive):
        pipeline._after_fork()  # noqa: SLF001 - this module's own class


if hasattr(os, "register_at_fork"):  # not on Windows, which has no fork either
    os.register_at_fork(after_in_child=_renew_all)
