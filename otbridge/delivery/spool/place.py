"""How far a reader is in one stream, and what it has read ahead of there."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

from otbridge.delivery.spool.frames import (
    ENVELOPE,
    RECORD,
    REQUEST,
    is_resent,
    read_envelope,
    read_request,
    scan,
)
from otbridge.delivery.spool.spooled import SpooledBatch
from otbridge.wire.otlp_request import Envelope

if TYPE_CHECKING:
    from otbridge.delivery.batch import Entry
    from otbridge.delivery.spool.files import Files
    from otbridge.delivery.spool.folder import Folder
    from otbridge.delivery.spool.stream import Segment, Stream

__all__ = ["Place"]

_NUMBER: Final = struct.Struct("<I").unpack_from
_NUMBER_BYTES: Final = 4


class Place:
    """A destination's place in a stream.

    What this process wrote a moment ago is taken from where the writer left it in memory. Where
    it is there no more, or never was, the rest of the segment is read from the file.

    Methods that read raise OSError.

    Args:
        files: The file system.
        folder: Where the stream is.
        stream: What is read.
        key: The destination's.
    """

    def __init__(self, files: Files, folder: Folder, stream: Stream, key: str) -> None:
        self.folder = folder
        self.stream = stream
        self.segment: Segment | None = None
        self.sequence = 0
        self._files = files
        self._key = key
        self._data = b""
        self._origin = 0
        self._offset = 0
        self._behind = (0, 0)
        self._skipped: list[tuple[int, int]] = []
        self._envelopes: dict[int, Envelope] = {}
        self._reads_file = False

    def enter(self) -> bool:
        """Stand in the segment that has the next record; False if there is none."""
        with self.folder.lock:
            cursor = self.stream.cursor(self._key)
            segments = self.stream.segments
            segment = next((one for one in segments if one.open or one.end > cursor), None)
        if segment is None:
            self._leave_file()
            return False
        if segment is not self.segment:
            self._leave_file()
            self.segment = segment
            self.sequence = max(cursor, segment.first)
        if self._reads_file:
            return self._fill(segment)
        return self.sequence < segment.end or not segment.open

    def take(self, max_bytes: int, max_records: int) -> SpooledBatch | None:
        """Return records from here on, None if there are none in this segment (yet)."""
        segment = self.segment
        assert segment is not None  # noqa: S101 - `enter` was True
        if not self._reads_file:
            batch = self._take_fresh(segment, max_bytes, max_records)
            if batch is not None or self.sequence >= segment.end:
                return batch
            self._reads_file = True  # the rest of the segment: one change of ways is enough
            self._fill(segment)
        return self._take_from_file(segment, max_bytes, max_records)

    def _take_fresh(
        self, segment: Segment, max_bytes: int, max_records: int
    ) -> SpooledBatch | None:
        """Return records that are in memory still, as many in a row as there are."""
        entries: list[Entry] = []
        size, begin, find = 0, self.sequence, segment.fresh.get
        for number in range(begin, min(segment.end, begin + max_records)):
            entry = find(number)
            if entry is None:
                break
            size += len(entry[1])
            if entries and size > max_bytes:
                break
            entries.append(entry)
        if not entries:
            return None
        end = begin + len(entries)
        self._behind = (0, end)
        return SpooledBatch(self, segment, entries, request=None, end=end, losses=[])

    def _take_from_file(
        self, segment: Segment, max_bytes: int, max_records: int
    ) -> SpooledBatch | None:
        entries: list[Entry] = []
        request = None
        losses = list(self._skipped)
        data, envelopes, sequence = self._data, self._envelopes, self.sequence
        size, offset, resent = 0, self._offset, self.folder.recovered
        for kind, found, start, end in scan(data, segment.name.salt, segment.first, offset):
            if kind == RECORD and found >= sequence:
                size += end - start
                if entries and (size > max_bytes or len(entries) >= max_records):
                    break
                if found > sequence:
                    losses.append((sequence, found - sequence))
                envelope = envelopes.get(_NUMBER(data, start)[0])
                if envelope is None:
                    losses.append((found, 1))
                else:
                    entries.append((envelope, data[start + _NUMBER_BYTES : end]))
                sequence = found + 1
            elif kind == ENVELOPE:
                number, resource, scope = read_envelope(data, start, end)
                if number not in envelopes:
                    envelopes[number] = Envelope(resource, scope)
            elif kind == REQUEST and found >= sequence:
                if entries:
                    break
                if found > sequence:
                    losses.append((sequence, found - sequence))
                request = read_request(data, start, end)
                resent = resent or is_resent(data, start)
                sequence = found + request[1]
                offset = end
                break
            offset = end
        if not entries and request is None:
            self._offset, self.sequence, self._skipped = offset, sequence, losses
            return None
        self._behind = (offset, sequence)
        return SpooledBatch(
            self, segment, entries, request=request, end=sequence, losses=losses, resent=resent
        )

    def move_on(self) -> None:
        """Stand behind the batch that was taken last."""
        self._offset, self.sequence = self._behind
        self._skipped = []

    def let_go(self) -> None:
        """Forget the records in memory that the batch taken last has: nobody else wants them."""
        if self.segment is not None and not self._reads_file:
            forget = self.segment.fresh.pop
            for number in range(self.sequence, self._behind[1]):
                forget(number, None)

    def leave(self) -> list[tuple[int, int]] | None:
        """Go to the end of a segment with nothing more in it; return what was lost on the way.

        None where the segment is still written to.
        """
        segment = self.segment
        assert segment is not None  # noqa: S101 - `enter` was True
        if segment.open:
            return None
        if self._reads_file:
            is_read = self._origin + len(self._data) >= segment.size
        else:
            is_read = self.sequence >= segment.end
        if not is_read:
            return None
        missing = segment.end - self.sequence
        return [*self._skipped, (self.sequence, missing)] if missing > 0 else self._skipped

    def _fill(self, segment: Segment) -> bool:
        """Have at least one whole frame in memory; False if none was written yet."""
        if self._offset < len(self._data):
            return True
        origin = self._origin + len(self._data)
        size = segment.size
        if origin >= size:
            return not segment.open
        fd = self._files.open(self.folder.path_of(segment.name))
        try:
            data = self._files.read(fd, size - origin, origin)
        finally:
            self._files.close(fd)
        self._data, self._origin, self._offset = data, origin, 0
        if len(data) < size - origin:  # somebody has cut the file: its end is where it ends now
            segment.extent = (origin + len(data), segment.end)
        return True

    def _leave_file(self) -> None:
        self.segment = None
        self._data, self._origin, self._offset = b"", 0, 0
        self._envelopes = {}
        self._skipped = []
        self._reads_file = False
