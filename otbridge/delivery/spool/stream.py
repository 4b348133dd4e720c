"""A stream: what one process wrote of one signal and class, as a row of segments."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

    from otbridge.delivery.batch import Entry
    from otbridge.delivery.spool.book import Book
    from otbridge.delivery.spool.names import SegmentName
    from otbridge.typing import Signal

__all__ = ["Segment", "Stream"]

ERROR_CLASS: Final = "error"
_REMEMBERED: Final = 2
"""Segments of a stream, the newest, whose records are kept in memory as well: while they are sent
as fast as they come nothing is read back, and an outage costs no more memory than these."""


class Segment:
    """One file of a stream.

    Args:
        name: Its name, which says where in the stream it begins.
        size: Bytes of whole frames in it.
        end: Number behind its last record.
        born: When it was begun, on the monotonic clock.
        keep_until: Monotonic time before which it is not too old, whatever *born* says.
        open: Whether it is still written to.
    """

    __slots__ = ("born", "extent", "fresh", "gone", "keep_until", "name", "open")

    def __init__(
        self,
        name: SegmentName,
        *,
        size: int,
        end: int,
        born: float,
        keep_until: float = 0.0,
        open: bool = False,  # noqa: A002 - the word for it
    ) -> None:
        self.name = name
        self.extent = (size, end)
        """Bytes, and number behind the last record: one value, so that no reader, and no exception
        from a signal handler, comes between the two."""
        self.fresh: dict[int, Entry] = {}
        """Records, by their numbers, that this process wrote and still has in memory. Those below
        `end` are as they are in the file; any of them may be missing."""
        self.born = born
        self.keep_until = keep_until
        self.open = open
        self.gone = False
        """Whether its records were delivered or given up; the file may still be there."""

    @property
    def first(self) -> int:
        """Number of its first record."""
        return self.name.first

    @property
    def size(self) -> int:
        """Bytes of whole frames in it."""
        return self.extent[0]

    @property
    def end(self) -> int:
        """Number behind its last record."""
        return self.extent[1]


class Stream:
    """Segments, oldest first, without a gap between them.

    Every method is called with the folder's lock held.

    Args:
        name: `signal.class`.
        book: The folder's book.
    """

    def __init__(self, name: str, book: Book) -> None:
        self.name = name
        self.signal: Signal = name.partition(".")[0]  # type: ignore[assignment] # its names begin so
        self.is_error = name.endswith(f".{ERROR_CLASS}")
        self.segments: deque[Segment] = deque()
        self._book = book
        self._end = book.floors.get(name, 0)

    @property
    def first(self) -> int:
        """Number of the first record that is there."""
        return self.segments[0].first if self.segments else self._end

    @property
    def end(self) -> int:
        """Number behind the last record."""
        return self.segments[-1].end if self.segments else self._end

    @property
    def size(self) -> int:
        """Bytes of all segments."""
        return sum(segment.size for segment in self.segments)

    def begin(self, segment: Segment) -> None:
        """Go on in another segment, the only one that is written to from now on."""
        segments = self.segments
        if segments:  # closed, if no exception from a signal handler kept it from that
            segments[-1].open = False
        segments.append(segment)
        if len(segments) > _REMEMBERED:
            segments[-1 - _REMEMBERED].fresh = {}

    def waiting(self, cursor: int) -> int:
        """Return how many records there are from *cursor* on."""
        segments = tuple(self.segments)
        return sum(max(0, segment.end - max(segment.first, cursor)) for segment in segments)

    def cursor(self, destination: str) -> int:
        """Return the number of the first record that *destination* does not have and can get."""
        known = self._book.cursors.get(self.name, {}).get(destination, 0)
        return min(max(known, self.first), self.end)

    def slowest(self, destinations: Iterable[str]) -> int:
        """Return the least cursor of *destinations*.

        Where nobody reads, as in a program that only writes, it is the furthest that anybody
        has read before: destinations that are not set any more have no claim.
        """
        cursors = [self.cursor(destination) for destination in destinations]
        if cursors:
            return min(cursors)
        known = self._book.cursors.get(self.name, {})
        return max((self.cursor(destination) for destination in known), default=self.first)

    def advance(self, destination: str, sequence: int, losses: Iterable[tuple[int, int]]) -> int:
        """Note that *destination* has everything below *sequence*; return the records lost.

        Args:
            destination: Its key.
            sequence: Number of the first record that it does not have yet.
            losses: Numbers and counts of records that were damaged on the way there. Those that
                another destination came by before were counted then.
        """
        cursors = self._book.cursors.setdefault(self.name, {})
        counted = max(cursors.values(), default=0)
        lost = sum(records for number, records in losses if number >= max(counted, self.first))
        self._book.lose(self.signal, "corrupt", lost)
        cursors[destination] = max(sequence, cursors.get(destination, 0))
        return lost

    def take_settled(self, floor: int) -> list[Segment]:
        """Take out the closed segments below *floor*; they are not counted as lost."""
        settled: list[Segment] = []
        while self.segments and not self.segments[0].open and self.segments[0].end <= floor:
            settled.append(self._take_first())
        return settled

    def take_empty_last(self) -> Segment | None:
        """Take out the last segment if it is closed and has no record; None if it is not so."""
        if not self.segments or self.segments[-1].open or self.segments[-1].size:
            return None
        segment = self.segments.pop()
        segment.gone = True
        self._end = segment.end
        return segment

    def give_up_all(self, destinations: Iterable[str], reason: str) -> int:
        """Count, and return, all records that are not delivered, where their files are gone."""
        records = 0
        while self.segments:
            records += self.give_up_first(destinations, reason)[1]
        return records

    def give_up_first(self, destinations: Iterable[str], reason: str) -> tuple[Segment, int]:
        """Take out the oldest segment; count, and return, its records that are not delivered."""
        begin = self.slowest(destinations)
        segment = self._take_first()
        records = segment.end - max(begin, segment.first)
        self._book.lose(self.signal, reason, records)
        return segment, records

    def _take_first(self) -> Segment:
        segment = self.segments.popleft()
        segment.gone = True
        self._end = segment.end
        self._book.floors[self.name] = segment.end
        return segment
