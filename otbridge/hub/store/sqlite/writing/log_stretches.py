"""Stretches of log records: what an index on the records would say, said once for some hundred.

Records come nearly in the order of their times. So it is enough to know of each stretch of
consecutive records from when to when it is, of which services, and how severe at most: whoever
wants the newest errors of a service looks into the few stretches that may have them, newest first.
Indexes with an entry for each record take 44 bytes of it; stretches take one.
"""

# ruff: noqa: S608 - the SQL is put together from our own names; values only go in as parameters

from __future__ import annotations

from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Final, NamedTuple

from otbridge.hub.store.sqlite.questions.conditions import Conditions

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator, Sequence

    from otbridge.hub.store.sqlite.questions.reader import Reader
    from otbridge.hub.store.vocabulary import LogFilter

__all__ = ["ANY_SERVICE", "IN_STRETCHES", "LONGEST", "StretchWriter", "Stretched", "windows"]

ANY_SERVICE: Final = 0
"""Stands for all services together; their own numbers begin at 1."""

LONGEST: Final = 256
"""Records of a stretch; so many are looked at where one is wanted, in 60 µs."""

_FIRST_WINDOW: Final = 4
"""Stretches that are looked into first: a thousand records, half a millisecond. Then twice as many,
and so on, so that no more than twice too much is looked at in the end."""

_LARGEST_WINDOW: Final = 256

_ALL_TIME: Final = 2**63 - 1

IN_STRETCHES: Final = (
    "otel_log_stretches k CROSS JOIN otel_log_rows o ON o.Id BETWEEN k.Id AND k.Id + k.LogCount - 1"
)
"""What `windows` are about; CROSS has SQLite find the stretches first, and then their records."""

_DELETE: Final = (
    "DELETE FROM otel_log_stretches WHERE ServiceId = ? AND MaxTimestamp = ? AND Id = ?"
)
_INSERT: Final = "INSERT INTO otel_log_stretches VALUES (?, ?, ?, ?, ?, ?)"


class Stretched(NamedTuple):
    """What a stretch has to know of a record."""

    number: int
    service: int
    time_ns: int
    severity: int


class _Entry(NamedTuple):
    """What is known of one service's records in a stretch, or of all."""

    service: int
    latest: int
    first: int
    size: int
    """Consecutive records among which they are."""
    earliest: int
    severity: int

    @classmethod
    def of(cls, service: int, records: Sequence[Stretched]) -> _Entry:
        """Return the entry for these records, which are in order."""
        times = [record.time_ns for record in records]
        first = records[0].number
        size = records[-1].number - first + 1
        severity = max(record.severity for record in records)
        return cls(service, max(times), first, size, min(times), severity)

    def and_then(self, later: _Entry) -> _Entry:
        """Return the entry for both."""
        return _Entry(
            self.service,
            max(self.latest, later.latest),
            self.first,
            later.first + later.size - self.first,
            min(self.earliest, later.earliest),
            max(self.severity, later.severity),
        )


class StretchWriter:
    """Writes down the stretches of one file, within the transaction that is open.

    The last stretch goes on in the next transaction until it is long enough.
    """

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        self._open: dict[int, _Entry] = {}

    def forget(self) -> None:
        """Forget what may be rolled back; a new stretch begins."""
        self._open.clear()

    def save(self, records: Sequence[Stretched]) -> None:
        """Write down these *records*, whose numbers are consecutive and follow those before."""
        old, new = [], []
        begin = 0
        while begin < len(records):
            whole = self._open.get(ANY_SERVICE)
            room = LONGEST - (whole.size if whole else 0)
            for entry in _entries(records[begin : begin + room]):
                before = self._open.get(entry.service)
                if before is not None:
                    old.append((before.service, before.latest, before.first))
                self._open[entry.service] = before.and_then(entry) if before else entry
                new.append(self._open[entry.service])
            begin += room
            if begin <= len(records):
                self._open.clear()
        self._db.executemany(_DELETE, old)
        self._db.executemany(_INSERT, new)


def _entries(records: Sequence[Stretched]) -> Iterator[_Entry]:
    """Yield an entry for all *records*, and one for those of each service."""
    yield _Entry.of(ANY_SERVICE, records)
    by_service = sorted(records, key=itemgetter(1))  # Python keeps the order within a service
    for service, own in groupby(by_service, key=itemgetter(1)):
        yield _Entry.of(service, list(own))


def windows(
    reader: Reader, day: str, wanted: LogFilter, service: int, before_ns: int | None = None
) -> Iterator[Conditions]:
    """Yield what records of `IN_STRETCHES` have to fulfil, newest first.

    Every record that fits *wanted* and is not younger than *before_ns* is in one of the windows;
    those of one are all newer than those of the next.

    Args:
        reader: Who asks.
        day: The file.
        wanted: Of this the times and the severity are looked at.
        service: The number of the wanted service, or `ANY_SERVICE`.
        before_ns: Where the page before has ended.
    """
    of_filter = Conditions()
    of_filter.add("k.ServiceId = ?", service)
    if wanted.from_ns is not None:
        of_filter.add("k.MaxTimestamp >= ?", wanted.from_ns)
    if wanted.min_severity is not None:
        of_filter.add("k.MaxSeverity >= ?", wanted.min_severity)
    high = _ALL_TIME if before_ns is None else before_ns + 1
    if wanted.to_ns is not None:
        high = min(high, wanted.to_ns)
    size = _FIRST_WINDOW
    while True:
        low = _nth_latest(reader, day, of_filter, high, size)
        window = of_filter.copy()
        if low is not None:
            window.add("k.MaxTimestamp >= ? AND o.Timestamp >= ?", low, low)
        window.add("k.MinTimestamp < ? AND o.Timestamp < ?", high, high)
        yield window
        if low is None:
            return
        high = low
        size = min(size * 2, _LARGEST_WINDOW)


def _nth_latest(
    reader: Reader, day: str, of_filter: Conditions, high: int, size: int
) -> int | None:
    """Return when the *size* latest stretches that end before *high* have all begun to end."""
    where = of_filter.copy()
    where.add("k.MaxTimestamp < ?", high)
    found = reader.first(
        day,
        f"SELECT k.MaxTimestamp FROM otel_log_stretches k WHERE {where}"
        " ORDER BY k.MaxTimestamp DESC LIMIT 1 OFFSET ?",
        *where.parameters,
        size,
    )
    return int(found[0]) if found else None
