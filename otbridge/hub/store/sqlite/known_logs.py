"""Which log records of a request that came again are in a file already.

A record is the same where its time, its source (resource, scope, sender) and all of its bytes are.
It is found by its time; the bytes are in its pack. What the transaction that is open has added
counts as well.
"""

# ruff: noqa: S608 - the SQL is put together from our own names; values only go in as parameters

from __future__ import annotations

from collections import Counter
from itertools import islice
from typing import TYPE_CHECKING, Final

from otbridge.hub.store.sqlite.packs import read_pack

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator, Sequence

    from otbridge.hub.store.sqlite.pack_writer import Kept
    from otbridge.hub.store.sqlite.packs import Pack
    from otbridge.hub.store.sqlite.sources import SourceNumbers
    from otbridge.wire.rows import LogRow

__all__ = ["known_logs"]

_ASKED_AT_ONCE: Final = 500
"""Times in one statement."""

_LOOKED_AT: Final = 65_536
_OPENED: Final = 512
"""Records that are looked at, and packs that are opened, for one request: 0.2 s at most, for which
all others wait. What came at one time lies in a few packs; beyond this it may be shown twice."""

_Same = tuple[int, int, bytes]
"""What makes two records the same: the number of their source, their time, their bytes."""


def known_logs(
    db: sqlite3.Connection, sources: SourceNumbers, kept: Sequence[Kept], rows: Sequence[LogRow]
) -> set[int]:
    """Return the places of those *rows* that are in the file.

    Of records that are the same, as many are known as the file has.

    Args:
        db: The file.
        sources: Numbers of its sources.
        kept: The records whose packs are not written yet.
        rows: What came again.
    """
    wanted: dict[_Same, list[int]] = {}
    for place, row in enumerate(rows):
        source = sources.find(row)
        if source is not None:
            wanted.setdefault((source, row.time_ns, row.data), []).append(place)
    if not wanted:
        return set()
    held: Counter[_Same] = Counter()
    packs = _Packs(db, kept)
    found = islice(_of_times(db, {same[1] for same in wanted}), _LOOKED_AT)
    for number, time_ns in sorted(found):
        record = packs.record(number)
        if record is not None:
            held[record[0], time_ns, record[1]] += 1
    return {place for same, places in wanted.items() for place in places[: held[same]]}


def _of_times(db: sqlite3.Connection, times: set[int]) -> Iterator[tuple[int, int]]:
    """Yield the numbers of the records with these times, and each one's time."""
    ends = db.execute("SELECT min(Timestamp), max(Timestamp) FROM otel_log_rows").fetchone()
    if ends[0] is None or max(times) < ends[0] or min(times) > ends[1]:
        return  # a file of another day, most likely
    ordered = sorted(times)
    for begin in range(0, len(ordered), _ASKED_AT_ONCE):
        some = ordered[begin : begin + _ASKED_AT_ONCE]
        marks = ",".join("?" * len(some))
        yield from db.execute(
            f"SELECT Id, Timestamp FROM otel_log_rows WHERE Timestamp IN ({marks})", some
        )


class _Packs:
    """The packs that records are looked up in, one after the other: ask in the records' order."""

    def __init__(self, db: sqlite3.Connection, kept: Sequence[Kept]) -> None:
        self._db = db
        self._kept = kept
        self._first, self._end = (kept[0][0], kept[-1][0] + 1) if kept else (0, 0)
        self._opened = 0
        self._begin = self._behind = 0
        self._pack: Pack | None = None

    def record(self, number: int) -> tuple[int, bytes] | None:
        """Return source and bytes of a record, None where its pack cannot be opened."""
        if self._first <= number < self._end:
            _, data, source, *_ = self._kept[number - self._first]
            return source, data
        if number >= self._behind:
            self._open(number)
        pack = self._pack
        place = number - self._begin
        return None if pack is None else (pack.sources[place], pack.records[place])

    def _open(self, number: int) -> None:
        self._begin, self._behind, self._pack = number, number + 1, None
        if self._opened >= _OPENED:
            return
        self._opened += 1
        found = self._db.execute(
            "SELECT Id, LogCount, Raw, Crc FROM otel_log_packs WHERE Id <= ?"
            " ORDER BY Id DESC LIMIT 1",
            (number,),
        ).fetchone()
        if found is not None and number < found[0] + found[1]:
            self._begin, self._behind = found[0], found[0] + found[1]
            self._pack = read_pack(*found[2:])
