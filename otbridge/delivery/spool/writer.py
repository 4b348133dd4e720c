"""Appending to a stream: the part that runs inside somebody's log call.

A frame is written at an offset that we keep, in one call. So a write that failed half-way, or was
cut in two by an exception from a signal handler, is simply written over by the next one.
"""

from __future__ import annotations

import struct
import threading
from typing import TYPE_CHECKING, Final
from zlib import crc32

from otbridge.delivery.spool.frames import (
    MAX_RECORD_BYTES,
    RECORD,
    RECORD_HEADER,
    envelope_frame,
    head_of,
    request_frame,
)
from otbridge.delivery.spool.shared_sync import SharedSync

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from otbridge.delivery.batch import Entry
    from otbridge.delivery.spool.files import Files
    from otbridge.delivery.spool.folder import Folder
    from otbridge.delivery.spool.stream import Segment
    from otbridge.wire.otlp_request import Envelope

    Begin = Callable[[], tuple[Folder, Segment, int]]
    """Makes the stream's next segment: its folder, itself, and its open descriptor."""

__all__ = ["StreamWriter"]

_PACK: Final = RECORD_HEADER.pack
_PACK_CRC: Final = struct.Struct("<I").pack
_ENVELOPE_NUMBER_BYTES: Final = 4
_MAX_BLOB_BYTES: Final = 1 << 20
_MAX_BLOB_RECORDS: Final = 8192
"""Frames of a batch are written a MiB at a time, or this many."""


class StreamWriter:
    """Writes one stream's segments, for any number of threads.

    Everything here raises OSError where the disk refuses; after that call `seal`, or go on where
    room was made.

    Args:
        files: The file system.
        segment_bytes: A segment that has reached this size is followed by another.
        begin: Makes a segment.
    """

    def __init__(self, files: Files, segment_bytes: int, begin: Begin) -> None:
        self._files = files
        self._write = files.write
        self._full = segment_bytes
        self._begin = begin
        self.forget()

    def forget(self) -> None:
        """Begin anew: in a forked child, whose parent may have held the locks."""
        self._lock = threading.RLock()
        self._busy = False
        self._shared = SharedSync(self._sync)
        self._segment: Segment | None = None
        self._folder: Folder | None = None
        self._fd = -1
        self._head = b""
        self._seed = 0
        self._numbers: dict[Envelope, int] = {}
        self._known: dict[tuple[bytes, bytes], int] = {}
        self._retired: list[tuple[int, Segment]] = []
        self._unsynced_names = False
        self._sealed_end = 0
        self._synced_end = 0
        self.begun = 0
        """Segments begun so far."""

    @property
    def descriptors(self) -> list[int]:
        """What a forked child has inherited and has to close."""
        current = [self._fd] if self._fd >= 0 else []
        return current + [fd for fd, _ in self._retired]

    @property
    def segment(self) -> Segment | None:
        """The segment that is written to."""
        return self._segment

    def append(self, envelope: Envelope, record: bytes) -> bool:
        """Write one record of at most 1 MiB; False for a caller that came in the middle of this."""
        with self._lock:
            if self._busy:
                return False  # a signal handler, or a destructor, that logs
            try:
                self._busy = True
                segment = self._segment
                number = self._numbers.get(envelope)
                if number is None or segment is None:
                    return self._append_first(envelope, record)
                size, end = segment.extent
                if size >= self._full or len(record) > MAX_RECORD_BYTES:
                    return self._append_first(envelope, record)
                body = _PACK(len(record) + _ENVELOPE_NUMBER_BYTES, end, number) + record
                frame = self._head + _PACK_CRC(crc32(body, self._seed)) + body
                written = self._write(self._fd, frame, size)
                if written != len(frame):
                    self._finish(frame, written, size)
                segment.fresh[end] = (envelope, record)  # first: who sees the extent looks here
                segment.extent = (size + len(frame), end + 1)
                return True
            finally:
                self._busy = False

    def append_batch(self, entries: Sequence[Entry]) -> tuple[list[Entry], OSError | None]:
        """Write records, many in one call; return those that were not written, and the reason.

        Without a reason they are the ones larger than 1 MiB, or all, for a caller that came in
        the middle of this. Raises nothing.
        """
        with self._lock:
            if self._busy:
                return list(entries), None
            try:
                self._busy = True
                return self._append_batch(entries)
            finally:
                self._busy = False

    def append_request(
        self, request: bytes, encoding: str, records: int, *, resent: bool = False
    ) -> bool:
        """Write a whole request of at most 16 MiB; False as for `append`."""
        with self._lock:
            if self._busy:
                return False
            try:
                self._busy = True
                segment = self._writable()
                frame = request_frame(
                    segment.name.salt, segment.end, encoding, records, request, resent=resent
                )
                # An exception from a signal handler may have left a record there whose number
                # this request gets.
                segment.fresh.clear()
                self._write_blob(segment, frame, records)
                return True
            finally:
                self._busy = False

    @property
    def end(self) -> int:
        """Number behind the last record; what a `commit` has to reach."""
        segment = self._segment
        return segment.end if segment is not None else self._sealed_end

    def commit(self, end: int) -> None:
        """Return when everything below *end* will survive a loss of power."""
        self._shared.reach(end)

    def sync(self) -> None:
        """Make durable what was written until now, and close what is no longer written to."""
        self._shared.now()

    def seal(self) -> None:
        """End the segment: the next record begins another."""
        with self._lock:
            segment, fd = self._segment, self._fd
            self._segment, self._fd = None, -1
            self._numbers.clear()
            self._known.clear()
            if segment is not None:
                segment.open = False
                self._sealed_end = segment.end
                self._retired.append((fd, segment))

    # ------------------------------------------------------------------ with the lock held

    def _append_first(self, envelope: Envelope, record: bytes) -> bool:
        left, error = self._append_batch([(envelope, record)])
        if error is not None:
            raise error
        return not left

    def _append_batch(self, entries: Sequence[Entry]) -> tuple[list[Entry], OSError | None]:
        fitting = [entry for entry in entries if _fits(entry)]
        left = (
            [entry for entry in entries if not _fits(entry)] if len(fitting) < len(entries) else []
        )
        done = 0
        while done < len(fitting):
            try:
                segment = self._writable()
                blob, records = self._blob(segment, fitting[done : done + _MAX_BLOB_RECORDS])
                self._write_blob(segment, blob, records, fitting[done : done + records])
            except OSError as error:
                return left + fitting[done:], error
            done += records
        return left, None

    def _blob(self, segment: Segment, entries: Iterable[Entry]) -> tuple[bytes, int]:
        """Return the frames of as many *entries* as go into one call, and their number."""
        frames: list[bytes] = []
        size, sequence, salt = 0, segment.end, segment.name.salt
        head, seed = self._head, self._seed
        room = min(_MAX_BLOB_BYTES, self._full - segment.size)
        numbers, append = self._numbers, frames.append
        for envelope, record in entries:
            number = numbers.get(envelope)
            if number is None:
                number = self._number(envelope, salt, sequence, frames)
            body = _PACK(len(record) + _ENVELOPE_NUMBER_BYTES, sequence, number) + record
            append(head + _PACK_CRC(crc32(body, seed)) + body)
            sequence += 1
            size += len(body)
            if size >= room:
                break
        return b"".join(frames), sequence - segment.end

    def _number(self, envelope: Envelope, salt: int, sequence: int, frames: list[bytes]) -> int:
        """Return the number of *envelope*, whose frames are written first where it is new."""
        key = (envelope.resource, envelope.scope)
        number = self._known.get(key)
        if number is None:
            number = self._known[key] = len(self._known)
            frames += [envelope_frame(salt, sequence, number, *key)] * 2
        self._numbers[envelope] = number
        return number

    def _write_blob(
        self, segment: Segment, blob: bytes, records: int, entries: Sequence[Entry] = ()
    ) -> None:
        try:
            written = self._write(self._fd, blob, segment.size)
            if written != len(blob):
                self._finish(blob, written, segment.size)
        except BaseException:
            self._numbers.clear()  # envelopes in it may not have been written
            self._known.clear()
            raise
        segment.fresh.update(enumerate(entries, segment.end))
        segment.extent = (segment.size + len(blob), segment.end + records)

    def _finish(self, data: bytes, written: int, offset: int) -> None:
        while written < len(data):
            written += self._write(self._fd, data[written:], offset + written)

    def _writable(self) -> Segment:
        """Return the segment to write to: the present one, or the next if it is full."""
        segment = self._segment
        if segment is None or segment.size >= self._full:
            self.seal()
            folder, segment, fd = self._begin()
            self._folder, self._segment, self._fd = folder, segment, fd
            self._head = head_of(RECORD, segment.name.salt)
            self._seed = crc32(self._head)
            self._unsynced_names = True
            self.begun += 1
        return segment

    # ------------------------------------------------------------------ one thread at a time

    def _sync(self, covers: Callable[[int], None]) -> None:
        with self._lock:
            folder, segment, fd, end = self._folder, self._segment, self._fd, self.end
            retired, self._retired = self._retired, []
            new_names, self._unsynced_names = self._unsynced_names, False
        covers(end)
        if folder is None:
            return
        error: OSError | None = None
        if segment is not None and end > self._synced_end:
            error = self._sync_one(fd)
        for old, ended in retired:
            if not ended.gone:
                error = self._sync_one(old) or error
            self._close(old)
        if error is not None:
            raise error
        try:
            if new_names:
                folder.sync_names()
        except OSError:
            self._unsynced_names = True
            raise
        self._synced_end = max(self._synced_end, end)

    def _sync_one(self, fd: int) -> OSError | None:
        try:
            self._files.sync(fd)
        except OSError as error:
            return error  # the others are synced nevertheless
        return None

    def _close(self, fd: int) -> None:
        try:
            self._files.close(fd)
        except OSError:
            pass  # the descriptor is gone in any case; what it wrote was synced or reported


def _fits(entry: Entry) -> bool:
    envelope, record = entry
    return max(len(record), len(envelope.resource) + len(envelope.scope)) <= MAX_RECORD_BYTES
