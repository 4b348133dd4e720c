"""What waits to be sent: bounded, and free of locks for those who put.

`put` runs inside somebody's log call. It takes no lock, so it cannot wait for the worker, and a
signal handler, a destructor or a second thread may come in the middle of it. It relies on
`deque.append` and `deque.popleft` being atomic, which CPython promises. The number of records is
therefore exact; the number of bytes is a plain sum that CPython's interpreter lock keeps exact,
and that a build without it may let drift by a record in a race.
"""

from __future__ import annotations

import sys
from collections import deque
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from otbridge.delivery.batch import Entry
    from otbridge.delivery.ledger import Ledger
    from otbridge.delivery.settings import BatchSettings, QueueSettings
    from otbridge.wire.otlp_request import Envelope

__all__ = ["RecordQueue"]

_NEVER: Final = sys.maxsize
_ERROR: Final = 17
"""OpenTelemetry's severity number of ERROR."""
_RESERVE: Final = 8
"""Records of ERROR and above may use one part in eight beyond the limits."""
_MAX_RECORD_BYTES: Final = 16 << 20
"""A record larger than 16 MiB fits into nobody's request limit."""


class RecordQueue:
    """First in, first out, with two limits.

    Args:
        settings: The limits.
        batch: Tells when there is enough for a batch.
        let_go: Makes a full queue let go of its oldest records instead of refusing new ones (for a
            destination that may not exist), and tells under which reason they count.
        rouse: Wakes the worker.
        ledger: Counts what is turned away or let go.
        on_loss: Told why, and how many, where somebody asked for their delivery.
    """

    def __init__(
        self,
        settings: QueueSettings,
        batch: BatchSettings,
        *,
        let_go: Callable[[], str] | None,
        rouse: Callable[[], None],
        ledger: Ledger,
        on_loss: Callable[[str, int], None],
    ) -> None:
        self._settings = settings
        self._batch = batch
        self._let_go = let_go
        self._rouse = rouse
        self._ledger = ledger
        self._on_loss = on_loss
        self._closed = False
        self._max_records = settings.max_records
        self.clear()

    def clear(self) -> None:
        """Forget everything, without counting it: for a forked child."""
        self._entries: deque[Entry] = deque()
        self._bytes_in = 0
        self._bytes_out = 0
        self._wake_records = 0
        self._wake_bytes = self._batch.max_bytes

    def __len__(self) -> int:
        return len(self._entries)

    def put(self, envelope: Envelope, record: bytes, severity: int) -> bool:
        """Append a record and wake the worker if it waits for this many; False if turned away."""
        entries = self._entries
        records = len(entries)
        size = len(record)
        waiting = self._bytes_in - self._bytes_out + size
        if (
            records >= self._max_records or waiting > self._settings.max_bytes
        ) and not self._make_room(size, severity):
            return False
        self._bytes_in += size
        entries.append((envelope, record))
        if records >= self._wake_records or waiting >= self._wake_bytes:
            self._wake_records = self._wake_bytes = _NEVER
            self._rouse()
        return True

    def close(self) -> None:
        """Turn everything away from now on."""
        self._closed = True
        self._max_records = -1  # so that the hot path needs no look at `_closed`

    def limit(self, records: int) -> None:
        """Hold at most *records* from now on, but never more than the settings say."""
        if not self._closed:
            self._max_records = min(records, self._settings.max_records)

    @property
    def has_batch(self) -> bool:
        """Whether a batch would be full."""
        waiting = self._bytes_in - self._bytes_out
        return len(self._entries) >= self._batch.max_records or waiting >= self._batch.max_bytes

    def wake_at_first(self) -> None:
        """Wake the worker at the next record."""
        self._wake_records = 0

    def wake_at_batch(self) -> None:
        """Wake the worker when a batch is full."""
        self._wake_records = self._batch.max_records - 1
        self._wake_bytes = self._batch.max_bytes

    def wake_never(self) -> None:
        """Let the worker work."""
        self._wake_records = self._wake_bytes = _NEVER

    def take(self) -> list[Entry]:
        """Return the oldest records, at most a batch of them, now in flight."""
        taken: list[Entry] = []
        size, entries = 0, self._entries
        with self._ledger.lock:
            while entries and len(taken) < self._batch.max_records:
                entry = entries.popleft()
                size += len(entry[1])
                if size > self._batch.max_bytes and taken:
                    entries.appendleft(entry)
                    size -= len(entry[1])
                    break
                taken.append(entry)
            self._bytes_out += size
            self._ledger.take_off(len(taken))
        return taken

    def put_back(self, entries: Sequence[Entry]) -> None:
        """Put records that were taken back to the front; the oldest go where there is no room."""
        with self._ledger.lock:
            self._bytes_out -= sum(len(record) for _, record in entries)
            self._entries.extendleft(reversed(entries))
            self._ledger.take_off(-len(entries))
            if self._let_go is not None:
                self._make_place(0, self._let_go())

    def discard(self, reason: str) -> int:
        """Let go of everything, counted as dropped for *reason*; return how many records."""
        with self._ledger.lock:
            records = 0
            while self._drop_oldest():
                records += 1
            self._ledger.turn_away(reason, records)
            return records

    def _make_room(self, size: int, severity: int) -> bool:
        """Return whether a record may come in although the queue is full."""
        settings = self._settings
        if self._closed:
            reason = "shutdown"
        elif size > min(settings.max_bytes, _MAX_RECORD_BYTES):
            reason = "too_large"
        elif self._let_go is not None:
            self._make_place(size, self._let_go())
            return True
        elif severity >= _ERROR and not self._is_over(size, 1 + 1 / _RESERVE):
            return True
        else:
            reason = "queue_full"
        self._ledger.turn_away(reason, 1)
        self._on_loss(reason, 1)
        return False

    def _make_place(self, size: int, reason: str) -> None:
        with self._ledger.lock:
            records = 0
            while self._is_over(size) and self._drop_oldest():
                records += 1
            self._ledger.turn_away(reason, records)

    def _is_over(self, size: int, share: float = 1.0) -> bool:
        waiting = self._bytes_in - self._bytes_out + size
        return (
            len(self._entries) >= self._max_records * share
            or waiting > self._settings.max_bytes * share
        )

    def _drop_oldest(self) -> bool:
        try:
            _, record = self._entries.popleft()
        except IndexError:
            return False
        self._bytes_out += len(record)
        return True
