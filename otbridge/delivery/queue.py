"""What waits to be sent: bounded, and free of locks for those who put.

`put` runs inside somebody's log call. Below the limits it takes no lock, so it cannot wait for
the worker, and a signal handler, a destructor or a second thread may come in the middle of it. It
relies on `deque.append` and `deque.popleft` being atomic, which CPython promises. The number of
records is therefore exact; the number of bytes is a plain sum that CPython's interpreter lock
keeps exact, and that a build without it may let drift by a record in a race.
"""

from __future__ import annotations

import sys
from collections import deque
from typing import TYPE_CHECKING, Final

from otbridge.delivery.policies import ERROR, DropOldest

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from otbridge.delivery.batch import Entry
    from otbridge.delivery.ledger import Ledger
    from otbridge.delivery.policies import Policy
    from otbridge.delivery.settings import BatchSettings, QueueSettings
    from otbridge.wire.otlp_request import Envelope

__all__ = ["RecordQueue", "is_error"]

_NEVER: Final = sys.maxsize
_MAX_RECORD_BYTES: Final = 16 << 20
"""A record larger than 16 MiB fits into nobody's request limit."""


class _ErrorEntry(tuple["Envelope", bytes]):
    """An entry of severity ERROR or above; to everybody but the queue an entry like others."""

    __slots__ = ()


def is_error(entry: Entry) -> bool:
    """Return whether an entry that was taken from a queue is of severity ERROR or above."""
    return type(entry) is _ErrorEntry


class RecordQueue:
    """First in, first out, with two limits and a policy for what comes beyond them.

    Args:
        settings: The limits.
        batch: Tells when there is enough for a batch.
        policy: Asked what to do when a limit is reached.
        let_go: Where the destination may not exist: tells under which reason records count that
            have to go; nobody is told of them then.
        rouse: Wakes the worker.
        ledger: Counts what is turned away or let go.
        on_loss: Told why, and how many, where somebody asked for their delivery.
    """

    def __init__(
        self,
        settings: QueueSettings,
        batch: BatchSettings,
        *,
        rouse: Callable[[], None],
        ledger: Ledger,
        on_loss: Callable[[str, int], None],
        policy: Policy | None = None,
        let_go: Callable[[], str] | None = None,
    ) -> None:
        self._settings = settings
        self._batch = batch
        self._let_go = let_go
        self._rouse = rouse
        self._ledger = ledger
        self._on_loss = on_loss
        self._closed = False
        self._max_records = settings.max_records
        self._max_bytes = settings.max_bytes
        self._policy = policy or DropOldest()
        self.clear()

    def use(self, policy: Policy) -> None:
        """Decide by *policy* from now on."""
        before, self._policy = self._policy, policy
        before.has_room()  # who waits by its rules asks again, and finds room or the end of it
        self._set_limits()

    def batches_of(self, settings: BatchSettings) -> None:
        """Make batches by these *settings* from now on."""
        self._batch = settings
        self._set_limits()

    def clear(self) -> None:
        """Forget everything, without counting it: for a forked child."""
        self._entries: deque[Entry] = deque()
        self._spared: deque[Entry] = deque()  # errors, older than every entry, that were not let go
        self._bytes_in = 0
        self._bytes_out = 0
        self._records_elsewhere = self._bytes_elsewhere = 0
        self._wake_records = 0
        self._wake_bytes = self._batch.max_bytes
        self._policy.renew()
        self._set_limits()

    def __len__(self) -> int:
        return len(self._entries) + len(self._spared)

    # ------------------------------------------------------------------ callers' side

    def put(self, envelope: Envelope, record: bytes, severity: int) -> bool:
        """Append a record and wake the worker if it waits for this many; False if turned away."""
        entries = self._entries
        records = len(entries)
        size = len(record)
        waiting = self._bytes_in - self._bytes_out + size
        if records >= self._ask_records or waiting > self._ask_bytes:
            verdict = self._ask(envelope, record, severity)
            if verdict != "in":
                return verdict == "elsewhere"
        self._bytes_in += size
        entry = (envelope, record)
        entries.append(entry if severity < ERROR else _ErrorEntry(entry))
        if records >= self._wake_records or waiting >= self._wake_bytes:
            self._wake_records = self._wake_bytes = _NEVER
            self._rouse()
        return True

    def note_elsewhere(self, size: int, records: int = 1) -> None:
        """Wake the worker as `put` does: so many bytes and records have gone to disk.

        Called by several threads at a time it may count too few, and the worker comes when the
        batch is old enough.
        """
        self._records_elsewhere += records
        self._bytes_elsewhere += size
        if (
            self._records_elsewhere > self._wake_records
            or self._bytes_elsewhere >= self._wake_bytes
        ):
            self._wake_records = self._wake_bytes = _NEVER
            self._rouse()

    def close(self) -> None:
        """Turn everything away from now on."""
        self._closed = True
        self._ask_records = -1  # so that the hot path needs no look at `_closed`
        self._policy.has_room()

    def limit(self, records: int) -> None:
        """Hold at most *records* from now on, but never more than the settings say."""
        self._max_records = min(records, self._settings.max_records)
        if not self._closed:
            self._set_limits()

    def _set_limits(self) -> None:
        """Compute from which counts on the hot path asks the policy."""
        share = self._policy.asked_from
        room = int(self._max_records * share) - len(self._spared)
        self._ask_records = -1 if self._closed else room
        self._ask_bytes = int(self._max_bytes * share)
        # A queue that is smaller than a batch is sent when it is half full, not when it is full.
        self._enough_records = min(self._batch.max_records, max(1, self._max_records // 2))
        self._enough_bytes = min(self._batch.max_bytes, max(1, self._max_bytes // 2))

    def _ask(self, envelope: Envelope, record: bytes, severity: int) -> str:
        """Return `in`, `elsewhere`, or the reason under which the record was counted."""
        size = len(record)
        if self._closed:
            verdict: str = "shutdown"
        elif size > min(self._max_bytes, _MAX_RECORD_BYTES):
            verdict = "too_large"
        else:
            verdict = self._policy.admit(self, envelope, record, severity)
            if verdict in ("in", "elsewhere"):
                return verdict
        self._count_lost(verdict, 1)
        return verdict

    # ------------------------------------------------------------------ the policy's side

    def is_over(self, size: int, records: int = 1) -> bool:
        """Return whether *size* more bytes, so many more records, would be too much."""
        waiting = self._bytes_in - self._bytes_out + size
        return len(self) + records > self._max_records or waiting > self._max_bytes

    def make_place(self, size: int, *, errors_too: bool, records: int = 1) -> bool:
        """Let the oldest go until there is room; return whether there is."""
        plain = errors = 0
        with self._ledger.lock:
            while self.is_over(size, records) and self._drop_oldest_plain():
                plain += 1
            while errors_too and self.is_over(size, records) and self._drop_oldest():
                errors += 1
            self._set_limits()
            self._count_lost("queue_full", plain)
            self._count_lost("queue_full_error", errors)
            return not self.is_over(size, records)

    @property
    def fullness(self) -> float:
        """How full it is, by the fuller of its two limits; 1 is full."""
        waiting = self._bytes_in - self._bytes_out
        return max(len(self) / max(1, self._max_records), waiting / self._max_bytes)

    def _count_lost(self, reason: str, records: int) -> None:
        if not records:
            return
        if self._let_go is not None and reason.startswith("queue_full"):
            self._ledger.turn_away(self._let_go(), records)
            return
        self._ledger.turn_away(reason, records)
        self._on_loss(reason, records)

    def _drop_oldest_plain(self) -> bool:
        """Let the oldest record go that is no error; errors before it are put aside."""
        while True:
            try:
                entry = self._entries.popleft()
            except IndexError:
                return False
            if is_error(entry):
                self._spared.append(entry)
            else:
                self._bytes_out += len(entry[1])
                return True

    def _drop_oldest(self) -> bool:
        try:
            entry = self._spared.popleft() if self._spared else self._entries.popleft()
        except IndexError:
            return False
        self._bytes_out += len(entry[1])
        return True

    # ------------------------------------------------------------------ the worker's side

    @property
    def has_batch(self) -> bool:
        """Whether a batch would be full."""
        waiting = self._bytes_in - self._bytes_out
        return len(self) >= self._enough_records or waiting >= self._enough_bytes

    def wake_at_first(self) -> None:
        """Wake the worker at the next record."""
        self._wake_records = 0

    def wake_at_batch(self, elsewhere: int = 0) -> None:
        """Wake the worker when a batch is full, here or on disk, where *elsewhere* records are.

        Where there is a batch on disk already, it is not by coming that records get it sent.
        """
        self._wake_records = self._enough_records - 1
        self._wake_bytes = self._enough_bytes
        self._records_elsewhere = elsewhere if elsewhere < self._enough_records else 0
        self._bytes_elsewhere = 0

    def wake_never(self) -> None:
        """Let the worker work."""
        self._wake_records = self._wake_bytes = _NEVER

    def take(self) -> list[Entry]:
        """Return the oldest records, at most a batch of them, now in flight."""
        taken: list[Entry] = []
        size = 0
        with self._ledger.lock:
            while len(taken) < self._batch.max_records:
                source = self._spared or self._entries
                if not source or (taken and size + len(source[0][1]) > self._batch.max_bytes):
                    break
                entry = source.popleft()
                size += len(entry[1])
                taken.append(entry)
            self._bytes_out += size
            self._ledger.take_off(len(taken))
            self._set_limits()
        self._policy.has_room()
        return taken

    def put_back(self, entries: Sequence[Entry]) -> None:
        """Put records that were taken back to the front; the oldest go where there is no room."""
        with self._ledger.lock:
            self._bytes_out -= sum(len(record) for _, record in entries)
            while self._spared:  # younger than what was taken, older than all others
                self._entries.appendleft(self._spared.pop())
            self._entries.extendleft(reversed(entries))
            self._ledger.take_off(-len(entries))
            self.make_place(0, errors_too=True, records=0)

    def discard(self, reason: str) -> int:
        """Let go of everything, counted as dropped for *reason*; return how many records."""
        with self._ledger.lock:
            records = 0
            while self._drop_oldest():
                records += 1
            self._ledger.turn_away(reason, records)
            return records
