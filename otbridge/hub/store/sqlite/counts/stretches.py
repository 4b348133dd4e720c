"""Durations by the minute, and summed up over longer stretches of time that are over.

A day is so read from a few dozen blobs, whatever happened in it. Each commit adds a blob to each of
its minutes. When enough time has passed that a longer stretch will hardly get any more, what is in
it is summed up beside it; a span that comes later still is added to all that it belongs to. A
stretch that is there is always whole.
"""

# ruff: noqa: S608 - the SQL is put together from our own names; values only go in as parameters

from __future__ import annotations

import json
from bisect import bisect_left
from collections import defaultdict
from typing import TYPE_CHECKING, Any, Final

from otbridge.hub.store.sqlite.counts.durations import Durations

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Collection, Iterator, Sequence

    from otbridge.hub.store.sqlite.counts.durations import Counted

    Rows = Callable[..., list[tuple[Any, ...]]]
    """(sql, parameters…) -> all rows."""

__all__ = ["LENGTHS", "StretchWriter", "read_stretches"]

LENGTHS: Final = (1, 5, 15, 60, 180, 720)
"""Minutes of a stretch; each begins at a multiple of its length since 1970. Any time is put together
from a few of each: with minutes and hours alone a day takes two and a half times as long to add up,
and an hour three times."""

_LATE: Final = 2
"""Minutes for which a stretch that is over waits for spans that began in it."""

_LOOK_BACK: Final = 1_440
"""Minutes back in which there may be stretches that nobody has summed up yet."""

_PARTS: Final = 64
"""Blobs of one stretch that make one together: a commit adds one, and reading each takes 20 µs."""

_SMALL: Final = 1_024
"""Bytes of a blob that is joined whenever there are too many: one of hundreds of operations takes
1.4 ms to be read and made anew, which each commit of a span would have its share of."""

_LARGE: Final = 8
"""Others that are kept until all are joined."""

_ANY: Final = 2**31
"""More bytes than a blob has."""

_KNOWN: Final = 4_096
"""Stretches of which the number of blobs is remembered, some 100 bytes each."""


def read_stretches(
    rows: Rows, table: str, first: int, last: int, only: Collection[int] | None = None
) -> tuple[Durations, int]:
    """Add up what *table* has from the minute *first* to the minute *last*.

    Args:
        rows: Who asks the file.
        table: What is counted.
        first: In minutes since 1970.
        last: The same.
        only: The operations, or edges, that are wanted; None for all.

    Returns:
        The sums, and how many blobs were left out because they are damaged.
    """
    over: dict[int, list[int]] = defaultdict(list)
    known = (
        f"SELECT DISTINCT Minutes, Begin FROM {table} WHERE Minutes > 1 AND Begin BETWEEN ? AND ?"
    )
    for minutes, begin in rows(f"{known} ORDER BY Minutes, Begin", first, last):
        over[minutes].append(begin)
    sums, damaged = Durations(), 0
    gaps = [(first, last)]
    for minutes in reversed(LENGTHS[1:]):
        gaps, begins = _take(gaps, minutes, over[minutes])
        if begins:
            these = (
                f"SELECT Durations FROM {table} WHERE Minutes = ? AND Begin IN"
                " (SELECT value FROM json_each(?))"
            )
            for (blob,) in rows(these, minutes, json.dumps(begins)):
                damaged += not sums.add_packed(blob, only)
    for begin, end in gaps:
        between = f"SELECT Durations FROM {table} WHERE Minutes = 1 AND Begin BETWEEN ? AND ?"
        for (blob,) in rows(between, begin, end):
            damaged += not sums.add_packed(blob, only)
    return sums, damaged


def _take(
    gaps: list[tuple[int, int]], minutes: int, begins: Sequence[int]
) -> tuple[list[tuple[int, int]], list[int]]:
    """Return what is left of the *gaps* without the stretches that lie in them, and these."""
    left: list[tuple[int, int]] = []
    taken: list[int] = []
    for first, last in gaps:
        at = first
        for begin in begins[bisect_left(begins, first) :]:
            if begin + minutes - 1 > last:
                break
            if begin > at:
                left.append((at, begin - 1))
            taken.append(begin)
            at = begin + minutes
        if at <= last:
            left.append((at, last))
    return left, taken


class StretchWriter:
    """Writes the stretches of one table, within the transaction that is open.

    Args:
        db: The file's writing connection.
        table: A table with the columns of `otel_operation_counts`.
    """

    def __init__(self, db: sqlite3.Connection, table: str) -> None:
        self._db = db
        self._table = table
        self._fresh: dict[int, list[Counted]] = {}
        self._known: dict[tuple[int, int], int] = {}
        """By length and beginning, how many blobs a stretch has."""
        self._over = 0
        """The shortest stretches (by number) up to which all were looked at whether they are over."""

    def of(self, minute: int) -> list[Counted]:
        """Return what this transaction has of a minute, to be added to."""
        counted = self._fresh.get(minute)
        if counted is None:
            counted = self._fresh[minute] = []
        return counted

    def forget(self) -> None:
        """Forget what may be rolled back."""
        self._fresh.clear()
        self._known.clear()
        self._over = 0

    def save(self) -> None:
        """Write down what is new, and sum up what is over."""
        if not self._fresh:
            return
        # Told by where most spans are: a few with a wrong clock must not end what is not over.
        now = max(self._fresh, key=lambda minute: len(self._fresh[minute]))
        for minute, counted in self._fresh.items():
            durations = Durations()
            durations.add(counted)
            blob = durations.pack()
            for minutes in LENGTHS:
                begin = minute - minute % minutes
                if minutes == 1 or self._parts(minutes, begin):
                    self._add(minutes, begin, blob)
        self._fresh.clear()
        over = (now - _LATE) // LENGTHS[1]
        if over != self._over:
            self._over = over
            self._sum_up(now - _LATE)

    def _parts(self, minutes: int, begin: int) -> int:
        """Return how many blobs a stretch has; 0 where it is not there."""
        parts = self._known.get((minutes, begin))
        if parts is None:
            if len(self._known) >= _KNOWN:
                self._known.clear()
            sql = f"SELECT count(*) FROM {self._table} WHERE Minutes = ? AND Begin = ?"
            (parts,) = self._db.execute(sql, (minutes, begin)).fetchone()
            self._known[minutes, begin] = parts
        return int(parts)

    def _add(self, minutes: int, begin: int, blob: bytes) -> None:
        self._insert(minutes, begin, blob)
        if self._parts(minutes, begin) >= _PARTS:
            self._join(minutes, begin, _SMALL)
            if self._parts(minutes, begin) > _LARGE:
                self._join(minutes, begin)

    def _insert(self, minutes: int, begin: int, blob: bytes) -> None:
        self._db.execute(
            f"INSERT INTO {self._table} (Minutes, Begin, Durations) VALUES (?, ?, ?)",
            (minutes, begin, blob),
        )
        if (minutes, begin) in self._known:
            self._known[minutes, begin] += 1

    def _join(self, minutes: int, begin: int, size: int = _ANY) -> None:
        """Make one blob of a stretch's that have less than *size* bytes."""
        where = f"FROM {self._table} WHERE Minutes = ? AND Begin = ? AND length(Durations) < ?"
        blobs = self._rows(f"SELECT Durations {where}", minutes, begin, size)
        if len(blobs) < 2:
            return
        whole = Durations()
        for (blob,) in blobs:
            if not whole.add_packed(blob):
                return  # nothing of it must pass for sound
        self._known[minutes, begin] = self._parts(minutes, begin) - len(blobs)
        self._db.execute(f"DELETE {where}", (minutes, begin, size))
        self._insert(minutes, begin, whole.pack())

    def _sum_up(self, now: int) -> None:
        """Sum up the stretches that are over at the minute *now*, shorter ones first."""
        for minutes in LENGTHS[1:]:
            for begin in self._not_summed_up(minutes, now - now % minutes):
                if minutes == LENGTHS[1]:
                    self._tidy(begin, begin + minutes - 1)
                whole, damaged = read_stretches(self._rows, self._table, begin, begin + minutes - 1)
                if not damaged:
                    self._insert(minutes, begin, whole.pack())

    def _not_summed_up(self, minutes: int, end: int) -> Iterator[int]:
        """Return where stretches begin that have something, end before *end* and are not there."""
        sql = (
            f"SELECT DISTINCT Begin - Begin % ?1 FROM {self._table}"
            " WHERE Minutes = 1 AND Begin >= ?2 AND Begin < ?3"
            f" EXCEPT SELECT Begin FROM {self._table} WHERE Minutes = ?1 AND Begin >= ?2"
        )
        begin = end - _LOOK_BACK // minutes * minutes
        return (found for (found,) in self._rows(sql, minutes, begin, end))

    def _tidy(self, first: int, last: int) -> None:
        """Make one blob of each of these minutes."""
        sql = (
            f"SELECT Begin FROM {self._table} WHERE Minutes = 1 AND Begin BETWEEN ? AND ?"
            " GROUP BY Begin HAVING count(*) > 1"
        )
        for (minute,) in self._rows(sql, first, last):
            self._join(1, minute)

    def _rows(self, sql: str, *parameters: int) -> list[tuple[Any, ...]]:
        return self._db.execute(sql, parameters).fetchall()
