"""Going through the log from a position, damage included, up to what is safe at the moment."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from otbridge.delivery.spool.frames import REQUEST, scan
from otbridge.hub.receive_log.entries import Kept, read_entry

if TYPE_CHECKING:
    from collections.abc import Iterator

    from otbridge.delivery.spool.files import Files
    from otbridge.hub.receive_log.log import ReceiveLog
    from otbridge.hub.receive_log.segments import Segment

__all__ = ["LogReader"]

_TRIES: Final = 3
"""Times that a segment is tried to be read before it is given up."""


class LogReader:
    """A place in the log; used by one thread. One segment at most is in memory.

    Args:
        log: The log.
        files: The file system.
        position: Where to begin.
    """

    def __init__(self, log: ReceiveLog, files: Files, position: int) -> None:
        self.position = position
        """Behind what was returned last."""
        self._log = log
        self._files = files
        self._segment: Segment | None = None
        self._offset = 0
        self._found: Iterator[Kept] = iter(())
        self._failed = 0

    def next(self) -> Kept | None:
        """Return the next entry, or None where there is no other yet.

        What is damaged is skipped and counted, by the first reader that comes to it.

        Raises:
            OSError: The segment cannot be read; after three times it is given up.
        """
        while True:
            kept = next(self._found, None)
            if kept is not None:
                self.position = kept.end
                return kept
            if not self._read_on():
                return None

    def _read_on(self) -> bool:
        """Read what there is behind; return False where there is nothing."""
        there = self._log.segment_at(self.position)
        if there is None:
            return False
        segment, size, segment_end = there
        if segment is not self._segment:
            self._segment, self._offset = segment, 0
        if self._offset >= size:
            self._skip(segment, segment_end)  # its last entries are damaged
            return True
        try:
            data = self._bytes_of(segment, self._offset, size)
        except OSError:
            self._failed += 1
            if self._failed >= _TRIES:
                self._failed = 0
                self._log.give_up(segment, self.position)
                self.position = max(self.position, segment.end)
            raise
        self._failed = 0
        self._offset = size
        self._found = self._entries(segment, segment_end, data)
        return True

    def _bytes_of(self, segment: Segment, begin: int, end: int) -> bytes:
        fd = self._files.open(segment.path)
        try:
            return self._files.read(fd, end - begin, begin)
        finally:
            self._files.close(fd)

    def _entries(self, segment: Segment, segment_end: int, data: bytes) -> Iterator[Kept]:
        salt = segment.name.salt
        for kind, position, start, end in scan(data, salt, segment.first):
            if kind != REQUEST or position < self.position:
                continue
            if position >= segment_end:
                return  # written and taken back
            try:
                entry = read_entry(data, start, end)
            except ValueError:
                continue  # the next one shows how many positions it took
            if position > self.position:
                self._skip(segment, position)
            yield Kept(position, salt, entry)

    def _skip(self, segment: Segment, position: int) -> None:
        begin = max(self.position, segment.first)
        if position > begin:
            self._log.lose(segment, begin, position)
        self.position = position
