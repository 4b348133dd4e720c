"""Which log records of a request that came again are in a file already.

A record is the same where its time, its source (resource, scope, sender) and all of its bytes are.
It is found by its time, in the few stretches that may have it; the bytes are in its pack. What the
transaction that is open has added counts as well.
"""

# ruff: noqa: S608 - the SQL is put together from our own names; values only go in as parameters

from __future__ import annotations

from collections import Counter
from itertools import islice
from typing import TYPE_CHECKING, Final, NamedTuple

from otbridge.hub.store.sqlite.packs.pack_dictionaries import PackReader
from otbridge.hub.store.sqlite.writing.log_stretches import ANY_SERVICE, IN_STRETCHES

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Iterator, Sequence

    from otbridge.hub.store.sqlite.packs.packs import Pack
    from otbridge.hub.store.sqlite.writing.sources import SourceNumbers
    from otbridge.wire.rows import LogRow

__all__ = ["Waiting", "known_logs"]

_ASKED_AT_ONCE: Final = 500
"""Times in one statement."""

_TOGETHER_NS: Final = 1_000_000_000
"""Times that are further apart are asked for one after the other, not with all that is between."""

_LOOKED_AT: Final = 65_536
_OPENED: Final = 512
"""Records that are looked at, and packs that are opened, for one request: 0.2 s at most, for which
all others wait. What came at one time lies in a few packs; beyond this it may be shown twice."""


class Waiting(NamedTuple):
    """What makes two records the same, of one that waits for the end of its transaction."""

    source: int
    """The number of it."""
    time_ns: int
    data: bytes


def known_logs(
    db: sqlite3.Connection,
    sources: SourceNumbers,
    waiting: Iterable[Waiting],
    rows: Sequence[LogRow],
) -> set[int]:
    """Return the places of those *rows* that are in the file.

    Of records that are the same, as many are known as the file has.

    Args:
        db: The file.
        sources: Numbers of its sources.
        waiting: The records that the open transaction has added.
        rows: What came again.
    """
    wanted: dict[Waiting, list[int]] = {}
    for place, row in enumerate(rows):
        source = sources.find(row)
        if source is not None:
            wanted.setdefault(Waiting(source, row.time_ns, row.data), []).append(place)
    if not wanted:
        return set()
    held = Counter(same for same in waiting if same in wanted)
    packs = _Packs(db)
    found = islice(_of_times(db, {same.time_ns for same in wanted}), _LOOKED_AT)
    for number, time_ns in sorted(found):
        record = packs.record(number)
        if record is not None:
            held[Waiting(record[0], time_ns, record[1])] += 1
    return {place for same, places in wanted.items() for place in places[: held[same]]}


def _of_times(db: sqlite3.Connection, times: set[int]) -> Iterator[tuple[int, int]]:
    """Yield the numbers of the records with these times, and each one's time."""
    (latest,) = db.execute(
        "SELECT max(MaxTimestamp) FROM otel_log_stretches WHERE ServiceId = ?", (ANY_SERVICE,)
    ).fetchone()
    if latest is None or min(times) > latest:
        return  # a file of an earlier day, most likely
    for some in _near(sorted(times)):
        marks = ",".join("?" * len(some))
        yield from db.execute(
            f"SELECT o.Id, o.Timestamp FROM {IN_STRETCHES} WHERE k.ServiceId = ?"
            f" AND k.MaxTimestamp >= ? AND k.MinTimestamp <= ? AND o.Timestamp IN ({marks})",
            (ANY_SERVICE, some[0], some[-1], *some),
        )


def _near(times: Sequence[int]) -> Iterator[Sequence[int]]:
    """Cut *times*, which are in order, where one is far from the next, and into pieces."""
    begin = 0
    for end in range(1, len(times) + 1):
        if (
            end == len(times)
            or end - begin == _ASKED_AT_ONCE
            or times[end] - times[end - 1] > _TOGETHER_NS
        ):
            yield times[begin:end]
            begin = end


class _Packs:
    """The packs that records are looked up in, one after the other: ask in the records' order."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        self._reader = PackReader.of(db)
        self._opened = 0
        self._begin = self._behind = 0
        self._pack: Pack | None = None

    def record(self, number: int) -> tuple[int, bytes] | None:
        """Return source and bytes of a record, None where its pack cannot be opened."""
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
            self._pack = self._reader.read(*found[2:])
