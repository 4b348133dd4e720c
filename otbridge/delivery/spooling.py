"""Between delivery and the spool: what goes to disk, and what comes back from it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from otbridge.delivery.batch import Batch, PackedBatch
from otbridge.delivery.ledger import DiskAccount
from otbridge.delivery.policies import ERROR
from otbridge.delivery.queue import is_error
from otbridge.delivery.sender import Spooled
from otbridge.typing import Retryable

if TYPE_CHECKING:
    from collections.abc import Callable

    from otbridge._clock import Clock
    from otbridge.delivery.batch import Compose
    from otbridge.delivery.dispatch import Dispatcher, Undelivered
    from otbridge.delivery.ledger import Ledger
    from otbridge.delivery.sender import Outcome, Part
    from otbridge.delivery.settings import BatchSettings
    from otbridge.delivery.spool.reader import SpoolReader
    from otbridge.delivery.spool.spool import Spool
    from otbridge.delivery.spool.spooled import SpooledBatch
    from otbridge.typing import Signal

__all__ = ["Backlog", "SpoolResort", "disk_account"]

_LOOK_AGAIN_SECONDS: Final = 1.0
"""Where something waits on disk and cannot be read at the moment."""


def disk_account(spool: Spool, signal: Signal) -> DiskAccount:
    """Return what *spool* says about *signal*."""
    stats = spool.stats()
    return DiskAccount(
        stats.waiting.get(signal, 0), stats.lost.get(signal, {}), stats.adopted.get(signal, 0)
    )


class SpoolResort:
    """Puts on disk what could not be sent, compressed as it was for sending.

    Args:
        spool: Where to.
        ledger: Where records in flight are booked.
        encoding: How requests are compressed that are not yet.
    """

    def __init__(self, spool: Spool, ledger: Ledger, encoding: str) -> None:
        self._spool = spool
        self._ledger = ledger
        self._encoding = encoding
        self._rescued: Batch | None = None

    def take(self, batch: Batch, outcome: Outcome) -> list[Part]:
        """Return `Spooled` for what is on disk now; it is booked then."""
        if not isinstance(outcome, Retryable) or batch.on_disk:
            return [(batch, outcome)]
        if batch is self._rescued:
            self._ledger.to_disk(len(batch))
            return [(batch, Spooled())]
        return [
            (part, Spooled() if self._write(part, severity) else outcome)
            for part, severity in _by_class(batch)
        ]

    def rescue(self, batch: Batch) -> int:
        """Write *batch* while somebody is still trying to send it; return how many records."""
        records = sum(
            len(part)
            for part, severity in _by_class(batch)
            if self._write(part, severity, leave=True)
        )
        if records == len(batch):
            self._rescued = batch  # not to be written again when that has failed
        return records

    def _write(self, batch: Batch, severity: int, *, leave: bool = False) -> bool:
        encoding = batch.encoding or self._encoding
        body = batch.packed(encoding)
        resent = leave or batch.resent  # what is left behind is being sent at this moment
        with self._ledger.lock:
            taken = self._spool.append_request(
                batch.signal, body, encoding, len(batch), severity, resent=resent
            )
            if taken and leave:
                self._ledger.leave_behind(len(batch))
            elif taken:
                self._ledger.to_disk(len(batch))
        return taken


def _by_class(batch: Batch) -> list[tuple[Batch, int]]:
    """Return *batch* in two where it is mixed: errors stay on disk when others have to go."""
    errors = [entry for entry in batch.entries if is_error(entry)]
    if not errors or len(errors) == len(batch):
        return [(batch, ERROR if errors else 0)]
    others = [entry for entry in batch.entries if not is_error(entry)]
    return [(batch.part(errors), ERROR), (batch.part(others), 0)]


class Backlog:
    """What lies on disk for this destination.

    Args:
        spool: Where it lies.
        reader: Reads it.
        dispatcher: Sends a batch and says what became of it.
        ledger: Where that is booked.
        settings: Size of a batch.
        compose: Makes a request of records.
        clock: Tells the time.
        seconds_to_send: Tells how soon the destination may be tried.
        take_back: Gets records that can only be kept in memory from now on.
    """

    def __init__(
        self,
        spool: Spool,
        reader: SpoolReader,
        *,
        dispatcher: Dispatcher,
        ledger: Ledger,
        settings: BatchSettings,
        compose: Compose,
        clock: Clock,
        seconds_to_send: Callable[[], float],
        take_back: Callable[[Undelivered], None],
    ) -> None:
        self._spool = spool
        self._reader = reader
        self._dispatcher = dispatcher
        self._ledger = ledger
        self._settings = settings
        self._compose = compose
        self._clock = clock
        self._seconds_to_send = seconds_to_send
        self._take_back = take_back
        self._look_at = -math.inf
        self._not_before = -math.inf

    def look(self) -> None:
        """Look, now and then, for what processes that ended have left."""
        now = self._clock.monotonic()
        if now >= self._look_at:
            self._look_at = now + self._spool.settings.adopt_s
            self._spool.adopt_orphans()

    @property
    def due_in(self) -> float | None:
        """Seconds until it is worth sending some of it; None where there is nothing."""
        if not self._reader.waiting:
            return None
        return max(self._seconds_to_send(), self._not_before - self._clock.monotonic(), 0.0)

    @property
    def records(self) -> int:
        """How many of its records wait."""
        return self._reader.waiting

    @property
    def is_behind(self) -> bool:
        """Whether there is a batch, or what is old, which should leave without waiting for more."""
        is_fresh = self._spool.settings.durability != "memory"
        return self._reader.waiting >= (self._settings.max_records if is_fresh else 1)

    def send_one(self) -> int:
        """Send one batch of it, if it is time; return its records, 0 where none are settled."""
        due_in = self.due_in
        if due_in is None or due_in > 0:
            return 0
        spooled = self._reader.next_batch(self._settings.max_bytes, self._settings.max_records)
        if spooled is None:
            if self._reader.waiting:
                self._not_before = self._clock.monotonic() + _LOOK_AGAIN_SECONDS
            return 0
        done = self._dispatcher.send(self._batch(spooled))
        if any(not isinstance(part, int) and part.resent for part, _ in done):
            spooled.resent = True
        if all(isinstance(outcome, Retryable) for _, outcome in done):
            return 0
        with self._ledger.lock:
            if self._reader.ack(spooled):
                for left in self._dispatcher.book(done, on_disk=True):
                    self._take_back(left)
            # else: its limits gave it up meanwhile, and it was counted as lost
        return len(spooled)

    def _batch(self, spooled: SpooledBatch) -> Batch:
        signal = self._reader.signal
        if spooled.request:
            body, encoding = spooled.request, spooled.encoding
            return PackedBatch(
                signal, len(spooled), body, encoding, self._compose, resent=spooled.resent
            )
        return Batch(signal, spooled.entries, self._compose, on_disk=True, resent=spooled.resent)
