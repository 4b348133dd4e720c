"""Brings into the store what is in the receive log, behind the acknowledgement.

While the store keeps up it is handed the batches that were decoded when they came. Where it is too
far behind for memory, says that it is full, or fails, no batch waits in memory: a thread reads them
from the log again, in order, as fast as the store takes them, until it has caught up. Every batch
has a key, so that the store keeps it once however often it is handed in.

A batch that the store refuses by itself while it takes others is put aside, in a file of its own,
with a word in the hub's own log: it must not stand in the way of all that came after it.
"""

from __future__ import annotations

import logging
import threading
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from otbridge.errors import WireError
from otbridge.hub.decoding import decode, records_of
from otbridge.hub.receive_log.entries import KEYS
from otbridge.hub.receive_log.handover import Handover
from otbridge.hub.receive_log.notices import Notices
from otbridge.wire.rows import Batch

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future

    from otbridge._clock import Clock
    from otbridge.hub.ledger import HubLedger
    from otbridge.hub.receive_log.entries import Kept
    from otbridge.hub.receive_log.handover import InHand
    from otbridge.hub.receive_log.log import ReceiveLog
    from otbridge.hub.receive_log.reader import LogReader
    from otbridge.hub.store import Store

__all__ = ["StoreFollower"]

_logger = logging.getLogger("otbridge.hub")

_NAME: Final = "store"

_MAX_BYTES: Final = 48 << 20
"""Decoded batches that the store may have in hand at a time; the SQLite store takes 64 MiB."""


class StoreFollower:
    """Follows *log* into *store*. For the event loop; a thread of its own catches up.

    Args:
        log: What to follow.
        store: Where to; keeps a batch with the same key once.
        ledger: Is told, on the event loop, what was stored.
        clock: Says how old it is what waits.
        on_open_spans: Told, on the event loop, of open spans that were read from the log.
        on_resent: Told, on the event loop, of log records that may have been sent before, when the
            store has said which of them are new.
        max_bytes: Decoded batches that the store may have in hand at a time.
    """

    def __init__(
        self,
        log: ReceiveLog,
        store: Store,
        ledger: HubLedger,
        clock: Clock,
        *,
        on_open_spans: Callable[[Batch], None] | None = None,
        on_resent: Callable[[Batch], None] | None = None,
        max_bytes: int = _MAX_BYTES,
    ) -> None:
        self._log = log
        self._store = store
        self._ledger = ledger
        self._clock = clock
        self._on_open_spans = on_open_spans
        self._on_resent = on_resent
        begin = log.begin_of(_NAME)
        self._changed = threading.Condition()
        self._handover = Handover(begin, max_bytes, keeps_up=begin >= log.end)
        self._recovered = begin
        self._read_ns = 0
        self._waited_in_vain_for = 0
        self._told_settled = 0
        self._closed = False
        self._thread: threading.Thread | None = None
        self._notices = Notices(ledger, lambda: self.position)
        self.aside = 0
        """Records that were put aside since the hub began."""
        log.follow(_NAME, lambda: self.position)

    # ---------------------------------------------------------------- for the event loop

    @property
    def position(self) -> int:
        """Everything before it is stored, or put aside."""
        return self._handover.settled.position

    def begin(self) -> None:
        """Go on with what the hub before this one has left."""
        self._notices.listen()
        with self._changed:
            if not self._handover.keeps_up:
                self._fall_behind()

    def offer(self, kept: Kept, batch: Batch, records: int) -> None:
        """Take what was written to the log a moment ago.

        Args:
            kept: Its place there.
            batch: It, decoded.
            records: How many of its records the ledger knows to be waiting.
        """
        self._notices.listen()
        with self._changed:
            if not self._handover.fits(kept):
                self._fall_behind()
                return
            mine = self._handover.take(kept, records)
        self._hand_over(mine, kept.key, batch)

    def nudge(self) -> None:
        """Have the store make room on a disk that is full, which it does when it writes."""
        self._store.submit(Batch())

    async def caught_up(self, within_s: float) -> bool:
        """Return whether all that is in the log now is stored, or is so in *within_s* seconds.

        Where somebody has waited in vain and the store is not even there yet, the answer comes at
        once.
        """
        wanted = self._log.end
        if self._notices.position >= wanted:
            return True
        if self._notices.position < self._waited_in_vain_for:
            return False
        reached = await self._notices.reached(wanted, within_s)
        if not reached:
            self._waited_in_vain_for = max(self._waited_in_vain_for, wanted)
        return reached

    def close(self) -> None:
        """Hand over nothing more; what the store has in hand may still be stored."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join()

    def as_dict(self) -> dict[str, Any]:
        """Return how far the store is as `GET /api/v1/stats` shows it."""
        position, end = self.position, self._log.end
        return {
            "position": position,
            "records": end - position,
            "bytes": self._log.bytes_behind(position),
            "seconds": round(self._waits_for_s(), 3),
            "aside": self.aside,
        }

    def _waits_for_s(self) -> float:
        with self._changed:
            if self.position >= self._log.end:
                return 0.0
            oldest = self._handover.oldest
            oldest_ns = self._read_ns if oldest is None else oldest.received_ns
        return max(0.0, (self._clock.time_ns() - oldest_ns) / 1e9) if oldest_ns else 0.0

    # ---------------------------------------------------------------- handing over

    def _hand_over(self, mine: InHand, key: tuple[str, int], batch: Batch) -> None:
        batch.key = key
        settled = self._log.stored_position(_NAME)
        if settled != self._told_settled:
            batch.settled = (KEYS, settled)
            self._told_settled = settled
        answer = self._store.submit(batch)
        answer.add_done_callback(partial(self._answered, mine))
        if batch.resent and batch.logs:
            answer.add_done_callback(partial(self._tell_of_resent, batch))

    def _tell_of_resent(self, batch: Batch, answer: Future[None]) -> None:
        if answer.exception() is None and self._on_resent is not None:
            self._notices.call(partial(self._on_resent, batch))

    def _answered(self, mine: InHand, answer: Future[None]) -> None:
        """Take the store's answer; on its thread."""
        error = answer.exception()
        with self._changed:
            if error is None:
                self._notices.stored(mine.signal, mine.records)
                self._handover.stored(mine)
            elif not self._closed:
                self._refuse(mine, error)
            if not self._handover.keeps_up:
                self._changed.notify_all()
        if error is None:
            self._notices.rouse()

    def _refuse(self, mine: InHand, error: BaseException) -> None:
        if not self._handover.pace.is_slow:
            _logger.warning("The store refuses what the receive log has for it. %s", error)
        self._handover.refused(mine, error)
        self._fall_behind()

    # ---------------------------------------------------------------- catching up

    def _fall_behind(self) -> None:
        self._handover.keeps_up = False
        if self._thread is None and not self._closed:
            self._thread = threading.Thread(
                target=self._catch_up, name="otbridge-catch-up", daemon=True
            )
            self._thread.start()
        self._changed.notify_all()

    def _catch_up(self) -> None:
        reader = self._log.reader(self._handover.next)
        while self._wait_for_turn():
            if reader.position != self._handover.next:
                reader = self._log.reader(self._handover.next)
            try:
                self._step(reader)
            except Exception as error:  # noqa: BLE001 - told of, and tried again
                _logger.warning("Catching up with the receive log failed, and goes on: %r", error)
                with self._changed:
                    self._handover.pace.refused()

    def _wait_for_turn(self) -> bool:
        """Return True when there may be something to hand over, and False when it is over."""
        with self._changed:
            while not self._closed:
                pause_s = self._handover.pace.pause_s
                if not (self._handover.keeps_up or pause_s) and self._handover.has_room:
                    return True
                self._changed.wait(pause_s or None)
        return False

    def _step(self, reader: LogReader) -> None:
        """Hand over the next entry, or see that there is none."""
        came_from = reader.position
        kept = reader.next()
        with self._changed:
            if self._handover.next != came_from:
                return  # something was refused meanwhile, and is to be read first
            self._handover.pass_to(reader.position if kept is None else kept.position)
            if kept is None:
                self._handover.reached(self._log.end)
                self._notices.rouse()  # damage moves the position, too
                return
            if self._handover.is_done_with(kept.position):
                self._handover.next = kept.end
                return
            self._read_ns = kept.entry.received_ns
        entry = kept.entry
        try:
            batch, _ = decode(entry.signal, entry.request, entry.received_ns)
            batch.resent = entry.resent
        except WireError as error:
            self._put_aside(kept, entry.records, str(error))
            return
        self._hand_over_again(kept, batch)

    def _hand_over_again(self, kept: Kept, batch: Batch) -> None:
        records = records_of(batch)
        with self._changed:
            if self._handover.next != kept.position:
                return  # as above
            recovered = self._recovered <= kept.position < self._log.found_end
            if recovered:
                self._recovered = kept.end
            is_hopeless = self._handover.is_hopeless(kept.position)
            mine = None if is_hopeless else self._handover.take(kept, records)
        if recovered:
            self._notices.call(partial(self._ledger.recovered, kept.entry.signal, records))
        if mine is None:
            self._put_aside(kept, records, "The store refuses it, and takes others.")
            return
        if batch.open_spans and self._on_open_spans is not None:
            self._notices.call(partial(self._on_open_spans, Batch(open_spans=batch.open_spans)))
        self._hand_over(mine, kept.key, batch)

    def _put_aside(self, kept: Kept, records: int, why: str) -> None:
        path = self._log.put_aside(kept)
        _logger.error("%s record(s) cannot be stored, and are kept in %s: %s", records, path, why)
        with self._changed:
            self.aside += records
            self._handover.put_aside(kept)
        self._notices.call(partial(self._ledger.put_aside, kept.entry.signal, records))
        self._notices.rouse()
