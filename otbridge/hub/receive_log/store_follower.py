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
from math import inf
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from otbridge.errors import WireError
from otbridge.hub.decoding import decode, records_of
from otbridge.hub.receive_log.notices import Notices
from otbridge.hub.receive_log.pace import Pace
from otbridge.hub.receive_log.settled import Settled
from otbridge.hub.store import StoreFull
from otbridge.wire.rows import Batch

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future

    from otbridge._clock import Clock
    from otbridge.hub.ledger import HubLedger
    from otbridge.hub.receive_log.entries import Kept
    from otbridge.hub.receive_log.log import ReceiveLog
    from otbridge.hub.receive_log.reader import LogReader
    from otbridge.hub.store import Store
    from otbridge.typing import Signal

__all__ = ["StoreFollower"]

_logger = logging.getLogger("otbridge.hub")

_NAME: Final = "store"

_MAX_BYTES: Final = 48 << 20
"""Decoded batches that the store may have in hand at a time; the SQLite store takes 64 MiB."""

_RECORD_BYTES: Final = 600
"""What a decoded record takes beside its bytes, measured."""

_TRIES: Final = 3
"""Times that a batch is refused by itself before it is put aside."""


class _Refusals(NamedTuple):
    """What the store has said to one batch."""

    times: int
    stored_before: int
    """Batches that were stored when it was refused first."""


class _InHand(NamedTuple):
    """A batch that the store has not answered for."""

    position: int
    end: int
    received_ns: int
    signal: Signal
    records: int
    weight: int


class StoreFollower:
    """Follows *log* into *store*. For the event loop; a thread of its own catches up.

    Args:
        log: What to follow.
        store: Where to; keeps a batch with the same key once.
        ledger: Is told, on the event loop, what was stored.
        clock: Says how old it is what waits.
        on_open_spans: Told, on the event loop, of open spans that were read from the log.
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
        max_bytes: int = _MAX_BYTES,
    ) -> None:
        self._log = log
        self._store = store
        self._ledger = ledger
        self._clock = clock
        self._on_open_spans = on_open_spans
        self._max_bytes = max_bytes
        begin = log.begin_of(_NAME)
        self._changed = threading.Condition()
        self._settled = Settled(begin)
        self._next = begin
        self._keeps_up = begin >= log.end
        self._in_hand: dict[int, _InHand] = {}
        self._weight = 0
        self._pace = Pace()
        self._refused: dict[int, _Refusals] = {}
        self._stored = 0
        self._read_ns = 0
        self._recovered = begin
        self._closed = False
        self._thread: threading.Thread | None = None
        self._notices = Notices(ledger, lambda: self._settled.position)
        self.aside = 0
        """Records that were put aside since the hub began."""
        log.follow(_NAME, lambda: self._settled.position)

    # ---------------------------------------------------------------- for the event loop

    @property
    def position(self) -> int:
        """Everything before it is stored, or put aside."""
        return self._settled.position

    def nudge(self) -> None:
        """Have the store make room on a disk that is full, which it does when it writes."""
        self._store.submit(Batch())

    def begin(self) -> None:
        """Go on with what the hub before this one has left."""
        self._notices.listen()
        with self._changed:
            if not self._keeps_up:
                self._fall_behind()

    def offer(self, kept: Kept, batch: Batch, count: int) -> None:
        """Take what was written to the log a moment ago.

        Args:
            kept: Its place there.
            batch: It, decoded.
            count: How many of its records the ledger knows to be waiting.
        """
        self._notices.listen()
        with self._changed:
            if not self._keeps_up:
                self._changed.notify_all()
                return
            if kept.position != self._next or not self._may_hand_over(kept):
                self._fall_behind()
                return
            mine = self._take_in_hand(kept, count)
        self._hand_over(mine, kept.key, batch)

    async def caught_up(self, within_s: float) -> bool:
        """Return whether all that is in the log now is stored, or is so in *within_s* seconds.

        Where the oldest of it has waited for longer already, the answer comes at once.
        """
        wanted = self._log.end
        if self._notices.position >= wanted:
            return True
        self._notices.listen()
        if self._waits_for_s() > within_s:
            return False
        return await self._notices.reached(wanted, within_s)

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
            if self._settled.position >= self._log.end:
                return 0.0
            oldest = next(iter(self._in_hand.values()), None)
            oldest_ns = oldest.received_ns if oldest is not None else self._read_ns
        if not oldest_ns:
            return 0.0
        return max(0.0, (self._clock.time_ns() - oldest_ns) / 1e9)

    # ---------------------------------------------------------------- with `_changed` held

    def _may_hand_over(self, kept: Kept) -> bool:
        if self._pace.is_slow:
            return False
        return not self._in_hand or self._weight + _weight_of(kept) <= self._max_bytes

    def _take_in_hand(self, kept: Kept, count: int) -> _InHand:
        mine = _InHand(
            kept.position,
            kept.end,
            kept.entry.received_ns,
            kept.entry.signal,
            count,
            _weight_of(kept),
        )
        self._next = mine.end
        self._in_hand[mine.position] = mine
        self._weight += mine.weight
        return mine

    def _fall_behind(self) -> None:
        self._keeps_up = False
        if self._thread is None and not self._closed:
            self._thread = threading.Thread(
                target=self._catch_up, name="otbridge-catch-up", daemon=True
            )
            self._thread.start()
        self._changed.notify_all()

    # ---------------------------------------------------------------- handing over

    def _hand_over(self, mine: _InHand, key: tuple[str, int], batch: Batch) -> None:
        batch.key = key
        self._store.submit(batch).add_done_callback(partial(self._answered, mine))

    def _answered(self, mine: _InHand, answer: Future[None]) -> None:
        """Take the store's answer; on its thread."""
        error = answer.exception()
        with self._changed:
            del self._in_hand[mine.position]
            self._weight -= mine.weight
            if error is None:
                self._stored += 1
                self._pace.taken()
                self._refused.pop(mine.position, None)
                self._notices.stored(mine.signal, mine.records)
                self._settled.add(mine.position, mine.end)
            else:
                self._refuse(mine.position, error)
            if not self._keeps_up:
                self._changed.notify_all()
        if error is None:
            self._notices.rouse()

    def _refuse(self, position: int, error: BaseException) -> None:
        if self._closed:
            return
        if not self._pace.is_slow:
            _logger.warning("The store takes nothing; it is all in the receive log. %s", error)
        if not isinstance(error, StoreFull):
            before = self._refused.get(position, _Refusals(0, self._stored))
            self._refused[position] = before._replace(times=before.times + 1)
        self._pace.refused()
        self._next = min(self._next, position)
        self._fall_behind()

    # ---------------------------------------------------------------- catching up

    def _catch_up(self) -> None:
        reader = self._log.reader(self._next)
        while self._wait_for_turn():
            if reader.position != self._next:
                reader = self._log.reader(self._next)
            try:
                self._step(reader)
            except Exception as error:  # noqa: BLE001 - told of, and tried again
                _logger.warning("Catching up with the receive log failed, and goes on: %r", error)
                with self._changed:
                    self._pace.refused()

    def _wait_for_turn(self) -> bool:
        """Return True when there may be something to hand over, and False when it is over."""
        with self._changed:
            while not self._closed:
                pause_s = self._pace.pause_s
                if not (self._keeps_up or pause_s) and len(self._in_hand) < self._at_a_time():
                    return True
                self._changed.wait(pause_s or None)
        return False

    def _at_a_time(self) -> float:
        """How many batches the store may have in hand."""
        if self._pace.is_slow:
            # One batch; after some tries the next ones as well: is it the store, or the batch?
            first = self._refused.get(self._settled.position)
            return 1 + (first.times // _TRIES if first else 0)
        return inf if self._weight < self._max_bytes else 1

    def _step(self, reader: LogReader) -> None:
        """Hand over the next entry, or see that there is none."""
        came_from = reader.position
        kept = reader.next()
        with self._changed:
            if self._next != came_from:
                return  # something was refused meanwhile, and is to be read first
            self._pass_damage(reader.position if kept is None else kept.position)
            if kept is None:
                self._keeps_up = self._next >= self._log.end
                self._notices.rouse()  # damage moves the position, too
                return
            if kept.position in self._settled or kept.position in self._in_hand:
                self._next = kept.end
                return
            self._read_ns = kept.entry.received_ns
        entry = kept.entry
        try:
            batch, _ = decode(entry.signal, entry.request, entry.received_ns)
        except WireError as error:
            self._put_aside(kept, entry.records, str(error))
            return
        self._hand_over_again(kept, batch)

    def _pass_damage(self, position: int) -> None:
        if position > self._next:
            self._settled.add(self._next, position)  # the log has counted it
            self._next = position

    def _hand_over_again(self, kept: Kept, batch: Batch) -> None:
        count = records_of(batch)
        with self._changed:
            if self._next != kept.position:
                return  # as above
            is_hopeless = self._is_hopeless(kept.position)
            if not is_hopeless:
                mine = self._take_in_hand(kept, count)
            recovered = self._recovered <= kept.position < self._log.found_end
            if recovered:
                self._recovered = kept.end
        if recovered:
            self._notices.call(partial(self._ledger.recovered, kept.entry.signal, count))
        if is_hopeless:
            self._put_aside(kept, count, "The store refuses it, and takes others.")
            return
        if batch.open_spans and self._on_open_spans is not None:
            self._notices.call(partial(self._on_open_spans, Batch(open_spans=batch.open_spans)))
        self._hand_over(mine, kept.key, batch)

    def _is_hopeless(self, position: int) -> bool:
        refused = self._refused.get(position)
        if refused is None:
            return False
        return refused.times >= _TRIES and self._stored > refused.stored_before

    def _put_aside(self, kept: Kept, count: int, why: str) -> None:
        path = self._log.put_aside(kept)
        _logger.error("%s record(s) cannot be stored, and are kept in %s: %s", count, path, why)
        with self._changed:
            self.aside += count
            self._refused.pop(kept.position, None)
            self._settled.add(kept.position, kept.end)
            if self._next == kept.position:
                self._next = kept.end
        self._notices.call(partial(self._ledger.put_aside, kept.entry.signal, count))
        self._notices.rouse()


def _weight_of(kept: Kept) -> int:
    return len(kept.entry.request) + _RECORD_BYTES * kept.entry.records
