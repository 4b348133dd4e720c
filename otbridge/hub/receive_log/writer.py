"""Appending to the segments: all of a group is safe, or none of it will ever be read."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING, Final

from otbridge.hub.receive_log.entries import Kept, frame_of
from otbridge.hub.receive_log.segments import Segment, new_name

if TYPE_CHECKING:
    from collections.abc import Sequence

    from otbridge.delivery.spool.files import Files
    from otbridge.hub.receive_log.entries import Entry
    from otbridge.hub.receive_log.settings import ReceiveLogSettings

__all__ = ["LogWriter"]

_BLOB_BYTES: Final = 4 << 20
"""Frames are written so much at a time, so that a large group is not in memory twice."""


class LogWriter:
    """Writes segments; used by one thread.

    Args:
        files: The file system.
        folder: Where the segments are.
        folder_fd: The folder, open, for syncing the names in it.
        settings: Limits.
        next_number: Number of the next segment.
    """

    def __init__(
        self,
        files: Files,
        folder: str,
        folder_fd: int,
        settings: ReceiveLogSettings,
        next_number: int,
    ) -> None:
        self._files = files
        self._folder = folder
        self._folder_fd = folder_fd
        self._settings = settings
        self._next_number = next_number
        self._fd = -1
        self._name_is_synced = True
        self.current: Segment | None = None
        """The segment that is written to."""

    def append(self, entries: Sequence[Entry], position: int) -> tuple[list[Kept], list[Segment]]:
        """Write *entries* at *position* and sync.

        Returns:
            The entries with their places, and the segments that have grown: what they hold now is
            in their `written` and `reached`.

        Raises:
            OSError: They may not be safe, and were taken back.
        """
        self._keep_reserve(sum(len(entry.request) for entry in entries))
        grown: list[Segment] = []
        try:
            kept = self._write(entries, position, grown)
            self._sync()
        except BaseException:
            self._take_back(grown)
            raise
        return kept, grown

    def seal(self) -> None:
        """End the segment: the next entry begins another."""
        fd, self._fd = self._fd, -1
        self.current = None
        if fd >= 0:
            try:
                self._files.close(fd)
            except OSError:
                pass  # the descriptor is gone in any case; what it wrote was synced or taken back

    def _write(self, entries: Sequence[Entry], position: int, grown: list[Segment]) -> list[Kept]:
        kept: list[Kept] = []
        blob: list[bytes] = []
        size = 0
        for entry in entries:
            segment = self.current
            if segment is None or segment.written + size >= self._settings.segment_bytes:
                self._put(blob, grown)
                size = 0
                segment = self._next_segment(position, entry.received_ns)
            frame = frame_of(entry, segment.name.salt, position)
            kept.append(Kept(position, segment.name.salt, entry))
            blob.append(frame)
            size += len(frame)
            position += entry.span
            segment.reached = position
            if size >= _BLOB_BYTES:
                self._put(blob, grown)
                size = 0
        self._put(blob, grown)
        return kept

    def _put(self, blob: list[bytes], grown: list[Segment]) -> None:
        segment = self.current
        if not blob or segment is None:
            return
        data = b"".join(blob)
        blob.clear()
        if segment not in grown:
            grown.append(segment)
        done = 0
        while done < len(data):
            done += self._files.write(self._fd, data[done:], segment.written + done)
        segment.written += len(data)

    def _next_segment(self, first: int, since_ns: int) -> Segment:
        if self.current is not None:
            self._sync()
            self.seal()
        name = new_name(self._next_number, first)
        path = f"{self._folder}/{name}"
        self._fd = self._files.create(path)
        self._next_number += 1
        self._name_is_synced = False
        self.current = Segment(name, path, 0, first, since_ns, 0, first)
        return self.current

    def _sync(self) -> None:
        self._files.sync(self._fd)
        if not self._name_is_synced:
            self._files.sync(self._folder_fd)
            self._name_is_synced = True

    def _take_back(self, grown: list[Segment]) -> None:
        """Have nobody ever see what was written.

        After an error the system takes pages that it could not write for clean, so the segment is
        never synced again. What cannot be cut off here stands behind the position at which the
        next segment begins, and is not read.
        """
        if self.current is not None and self.current not in grown:
            grown.append(self.current)
        for segment in grown:
            try:
                if segment.end > segment.first:
                    self._cut(segment)
                else:
                    self._files.unlink(segment.path)
            except OSError:
                pass  # as described
        self.seal()

    def _cut(self, segment: Segment) -> None:
        fd = self._files.open(segment.path)
        try:
            self._files.truncate(fd, segment.size)
        finally:
            self._files.close(fd)

    def _keep_reserve(self, size: int) -> None:
        if self._files.free_bytes(self._folder) - size < self._settings.reserve_bytes:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
