"""Writes the packs of one table, and makes few out of many that turned out small.

A commit writes its records as packs of its own. Where little comes in a commit holds a record or
two, which compress badly alone. So whenever the last few packs are all small, the same transaction
makes one of them. Records keep their numbers and their order: a pack is found by the number of any
record in it, before and after.
"""

# ruff: noqa: S608 - the SQL is put together from our own names; values only go in as parameters

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple
from zlib import crc32

from otbridge.hub.store.sqlite.packs import PACK_BYTES, Pack, Times, pack, read_pack, split

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

__all__ = ["Kept", "PackWriter"]

_TOGETHER: Final = 8
"""Small packs that become one. Each record is compressed again once or twice, and a commit that
does it takes 2 ms more."""

_SMALL: Final = PACK_BYTES // _TOGETHER
"""Bytes of records below which a pack is small: so many together are no more than a pack."""

Kept = tuple[int, bytes, int, int, "Times | None"]
"""A record that waits for its pack: its number, its bytes, the number of its source, the time that
it began, and its times where they are not those in its bytes."""


class _Small(NamedTuple):
    """A pack at the end of the table that may become part of a larger one."""

    first: int
    size: int
    merges: int
    """How often it has become larger."""


class PackWriter:
    """Writes packs within the transaction that is open.

    Args:
        db: The file's writing connection.
        table: A table with the columns of `otel_span_packs`; the first is the number of the pack's
            first record.
    """

    def __init__(self, db: sqlite3.Connection, table: str) -> None:
        self._db = db
        self._insert = f"INSERT INTO {table} VALUES (?, ?, ?, ?, ?, ?)"
        self._select = (
            f"SELECT Raw, Crc, MinTimestamp, MaxTimestamp FROM {table} WHERE Id >= ? ORDER BY Id"
        )
        self._delete = f"DELETE FROM {table} WHERE Id >= ?"
        self._small: list[_Small] = []

    def forget(self) -> None:
        """Forget what may be rolled back."""
        self._small.clear()

    def save(self, kept: Sequence[Kept]) -> None:
        """Write down these records, whose numbers are consecutive and follow those before."""
        for run in split(kept):
            numbers, records, sources, begins, all_times = zip(*run, strict=True)
            times = {place: own for place, own in enumerate(all_times) if own is not None}
            self._write(
                numbers[0], Pack(list(records), list(sources), times), min(begins), max(begins)
            )
            self._note(_Small(numbers[0], sum(map(len, records)), 0))

    def _write(self, first: int, content: Pack, earliest: int, latest: int) -> None:
        raw = pack(*content)
        row = (first, len(content.records), earliest, latest, raw, crc32(raw))
        self._db.execute(self._insert, row)

    def _note(self, new: _Small) -> None:
        """Remember the pack that was written last; merge where there are enough of its like."""
        if new.size >= _SMALL:
            self._small.clear()  # what is before it stays as it is
            return
        self._small.append(new)
        last = self._small[-_TOGETHER:]
        if len(last) == _TOGETHER and all(one.merges == new.merges for one in last):
            del self._small[-_TOGETHER:]
            if self._merge(last[0].first):
                self._note(_Small(last[0].first, sum(one.size for one in last), new.merges + 1))

    def _merge(self, first: int) -> bool:
        """Make one of the packs from this number on; return False where one of them is corrupt."""
        merged = Pack([], [], {})
        earliest, latest = [], []
        for raw, crc, begin, end in self._db.execute(self._select, (first,)):
            part = read_pack(raw, crc)
            if part is None:
                return False  # nothing of it must pass for sound
            behind = len(merged.records)
            merged.times.update({behind + place: times for place, times in part.times.items()})
            merged.records.extend(part.records)
            merged.sources.extend(part.sources)
            earliest.append(begin)
            latest.append(end)
        self._db.execute(self._delete, (first,))
        self._write(first, merged, min(earliest), max(latest))
        return True
