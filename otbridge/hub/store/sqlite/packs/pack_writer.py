"""Writes the packs of one table: full ones compressed, and what does not fill one as it is.

A commit of little writes a record or two, which compress badly alone and take longer to compress
than all the rest of the commit. So what fills no pack waits at the end of the table in packs that
are not compressed, one for each commit and at times one for all of them. As soon as it is enough, the
same transaction puts full packs in their place. Records keep their numbers and their order: a pack is found by the number of
any record in it, before and after.
"""

# ruff: noqa: S608 - the SQL is put together from our own names; values only go in as parameters

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final
from zlib import crc32

from otbridge.hub.store.sqlite.packs.pack_dictionaries import add_dictionary, last_dictionary
from otbridge.hub.store.sqlite.packs.packs import (
    FULL_PACK,
    MOST,
    PACK_BYTES,
    Times,
    pack,
    plain,
    split,
)

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Sequence

__all__ = ["Kept", "PackWriter"]

_WAITING: Final = 64
"""Packs that wait at most: a question opens so many for a few records."""

_RENEWED: Final = 2_000
"""Packs after which the dictionary is made anew, of what comes then: 17 MB, of which it is a
thousandth."""

_LEARNING: Final = 8
"""A pack's size says an eighth of what is expected of the next one's."""

Kept = tuple[int, bytes, int, int, "Times | None"]
"""A record that waits for its pack: its number, its bytes, the number of its source, the time that
it began, and its times where they are not those in its bytes."""


class PackWriter:
    """Writes packs within the transaction that is open.

    Args:
        db: The file's writing connection.
        table: A table with the columns of `otel_span_packs`; the first is the number of the pack's
            first record.
    """

    def __init__(self, db: sqlite3.Connection, table: str) -> None:
        self._db = db
        self._table = table
        self._insert = f"INSERT INTO {table} VALUES (?, ?, ?, ?, ?, ?)"
        self._delete = f"DELETE FROM {table} WHERE Id >= ?"
        self._waiting: list[Kept] = []
        self._waiting_bytes = self._waiting_packs = 0
        self._size = float(PACK_BYTES)
        self._dictionary: bytes | None = None
        self._written = 0

    def forget(self) -> None:
        """Forget what may be rolled back; what is not compressed stays so."""
        self._waiting.clear()
        self._waiting_bytes = self._waiting_packs = 0
        self._dictionary = None

    def save(self, kept: Sequence[Kept]) -> None:
        """Write down these records, whose numbers are consecutive and follow those before."""
        if not kept:
            return
        before = len(self._waiting)
        self._waiting.extend(kept)
        self._waiting_bytes += sum(len(one[1]) for one in kept)
        is_full = self._waiting_bytes >= self._size or len(self._waiting) >= MOST
        if not is_full and self._waiting_packs < _WAITING:
            self._put(self._waiting[before:], plain)
            self._waiting_packs += 1
            return
        if before:
            self._db.execute(self._delete, (self._waiting[0][0],))
        *full, rest = split(self._waiting, int(self._size))
        if full:
            self._choose_dictionary()
        for run in full:
            self._write(run)
        self._waiting = list(rest)
        self._waiting_bytes = sum(len(one[1]) for one in rest)
        self._waiting_packs = 1 if rest else 0
        if rest:
            self._put(rest, plain)

    def _choose_dictionary(self) -> None:
        """Take the dictionary that packs were written with last, or one that fits what comes now."""
        if self._dictionary is None:
            self._dictionary = last_dictionary(self._db, self._table)
            self._written = 0
        if self._dictionary is None or self._written >= _RENEWED:
            records = [one[1] for one in self._waiting]
            self._dictionary = add_dictionary(self._db, self._table, records) or self._dictionary
            self._written = 0

    def _write(self, run: Sequence[Kept]) -> None:
        """Write a full pack, and learn from its size how much fills the pages of the next one."""
        size = self._put(run, partial(pack, dictionary=self._dictionary))
        self._written += 1
        filling = sum(len(one[1]) for one in run) * FULL_PACK / size
        filling = min(max(filling, PACK_BYTES / 2), PACK_BYTES * 2)
        self._size += (filling - self._size) / _LEARNING

    def _put(
        self, run: Sequence[Kept], form: Callable[[list[bytes], list[int], dict[int, Times]], bytes]
    ) -> int:
        """Write a pack in this form, and return its size."""
        numbers, records, sources, begins, all_times = zip(*run, strict=True)
        times = {place: own for place, own in enumerate(all_times) if own is not None}
        raw = form(list(records), list(sources), times)
        row = (numbers[0], len(run), min(begins), max(begins), raw, crc32(raw))
        self._db.execute(self._insert, row)
        return len(raw)
