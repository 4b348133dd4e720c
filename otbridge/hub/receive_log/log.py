"""The log: appended to by one thread, read by any.

What `append` has returned for is synced; until then nobody sees it.
"""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING, Any, Final

from otbridge.delivery.spool.files import SystemFiles
from otbridge.delivery.spool.folder import lock_folder
from otbridge.errors import StoreError
from otbridge.hub.receive_log.entries import frame_of
from otbridge.hub.receive_log.positions import Positions
from otbridge.hub.receive_log.reader import LogReader
from otbridge.hub.receive_log.segments import put_beside, recover
from otbridge.hub.receive_log.settings import ReceiveLogSettings
from otbridge.hub.receive_log.writer import LogWriter

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from otbridge.delivery.spool.files import Files
    from otbridge.hub.receive_log.entries import Entry, Kept
    from otbridge.hub.receive_log.segments import Segment

__all__ = ["ReceiveLog"]

_logger = logging.getLogger("otbridge.hub")

_POSITIONS: Final = "positions"


class ReceiveLog:
    """The receive log in a folder, which belongs to one process at a time.

    Args:
        folder: Where; made where there is none, 0700.
        settings: Its limits.
        files: The file system.

    Raises:
        StoreError: The folder cannot be used, or another process has it.
    """

    def __init__(
        self,
        folder: str,
        settings: ReceiveLogSettings | None = None,
        files: Files | None = None,
    ) -> None:
        self._files: Files = files or SystemFiles()
        self._folder = folder
        self.settings = settings or ReceiveLogSettings()
        self._lock = threading.Lock()
        self._letting_go = threading.Lock()
        self._followers: dict[str, Callable[[], int]] = {}
        self._lost: set[tuple[int, int]] = set()
        try:
            self._locked = self._open_folder()
            whole = recover(self._files, folder)
            self._positions = Positions(self._files, f"{folder}/{_POSITIONS}")
        except OSError as error:
            raise StoreError(
                f"The hub cannot use {folder}, where it writes down what it receives.",
                f"The system says: {error.strerror or error}.",
                "Correct the folder's owner, permissions or disk, or give another with --data.",
            ) from error
        self._segments = whole.segments
        self._writer = LogWriter(
            self._files, folder, self._locked, self.settings, whole.next_number
        )
        self.bytes = sum(segment.size for segment in whole.segments)
        """How much it holds."""
        self.end = max(whole.end, *self._positions.all().values(), 0)
        """Position behind everything that is safe."""
        self.found_end = self.end
        """The same when the log was opened: what is before it came to the hub before this one."""
        self.torn = whole.torn
        """Writes that were cut off when the hub before this one was killed."""
        self.corrupt = whole.lost
        """Records that cannot be read any more."""
        self.foreign = len(whole.foreign)
        """Segments in a format of another version."""
        if whole.foreign:
            _logger.warning(
                "%s in %s was written by another version of otbridge and is left alone: %s",
                f"{self.foreign} file(s)",
                folder,
                ", ".join(whole.foreign[:3]),
            )

    def _open_folder(self) -> int:
        try:
            self._files.make_folder(self._folder)
        except FileExistsError:
            pass
        fd = lock_folder(self._files, self._folder)
        if fd is None:
            raise StoreError(
                f"{self._folder} is in use by another process.",
                "What a hub receives is written by that hub alone.",
                "Stop that hub, or give this one another folder with --data.",
            )
        return fd

    # ---------------------------------------------------------------- writing, by one thread

    def append(self, entries: Sequence[Entry]) -> list[Kept]:
        """Write *entries* and sync; return them with their places.

        Raises:
            OSError: They may not be safe. None of them will ever be read.
        """
        kept, grown = self._writer.append(entries, self.end)
        with self._lock:
            for segment in grown:
                if segment not in self._segments:
                    self._segments.append(segment)
                self.bytes += segment.written - segment.size
                segment.size, segment.end = segment.written, segment.reached
            self.end = kept[-1].end
        return kept

    # ---------------------------------------------------------------- reading, by any thread

    def has_room(self, size: int) -> bool:
        """Whether *size* more bytes are within the limit."""
        return self.bytes + size <= self.settings.max_bytes

    def reader(self, position: int) -> LogReader:
        """Return what reads from *position*; close it."""
        return LogReader(self, self._files, position)

    def segment_at(self, position: int) -> tuple[Segment, int, int] | None:
        """Return the segment with what is at *position* or next behind it, its size and its end."""
        with self._lock:
            for one in self._segments:
                if one.end > position:
                    return one, one.size, one.end
        return None

    def lose(self, segment: Segment, begin: int, end: int) -> None:
        """Count what is damaged from *begin* to *end*: once, whichever follower comes to it."""
        with self._lock:
            if (begin, end) in self._lost:
                return
            self._lost.add((begin, end))
            self.corrupt += end - begin
        _logger.warning("%s record(s) in %s are damaged, and left out.", end - begin, segment.path)

    def give_up(self, segment: Segment, position: int) -> None:
        """Put a segment beside that cannot be read any more, from *position* on."""
        with self._lock:
            if segment not in self._segments:
                return  # another follower was here before
            self._segments.remove(segment)
            self.bytes -= segment.size
        self.lose(segment, max(position, segment.first), segment.end)
        put_beside(self._files, segment.path)

    def bytes_behind(self, position: int) -> int:
        """Return about how many bytes are at *position* and behind it."""
        size = 0.0
        with self._lock:
            for segment in self._segments:
                share = (segment.end - max(position, segment.first)) / (segment.end - segment.first)
                size += max(0.0, min(share, 1.0)) * segment.size
        return int(size)

    # ---------------------------------------------------------------- letting go

    def put_aside(self, kept: Kept) -> str:
        """Keep a copy of what no follower can use, for people; return its path.

        Raises:
            OSError: It could not be written.
        """
        path = f"{self._folder}/{kept.position:016d}.{kept.salt:08x}.aside"
        try:
            fd = self._files.create(path)
        except FileExistsError:
            return path  # an earlier hub did
        try:
            self._files.write(fd, frame_of(kept.entry, kept.salt, kept.position), 0)
            self._files.sync(fd)
        finally:
            self._files.close(fd)
        return path

    def begin_of(self, follower: str, *, new: int | None = None) -> int:
        """Return where *follower* goes on; one that is *new* begins there, or with what is kept."""
        begin = self._segments[0].first if self._segments else self.end
        stored = self._positions.get(follower)
        if stored is None:
            stored = begin if new is None else new
        return max(stored, begin)

    def stored_position(self, follower: str) -> int:
        """Return where *follower* would go on after a crash: nothing before that is read again."""
        return self._positions.get(follower) or 0

    def follow(self, follower: str, position: Callable[[], int]) -> None:
        """Keep everything from `position()` on.

        Args:
            follower: Its name, the same in the next process.
            position: Returns before what it has everything safe; may block, may raise OSError.
        """
        self._followers[follower] = position

    def let_go(self) -> None:
        """Store how far the followers are, and delete what all of them have passed. Blocks."""
        with self._letting_go:
            self._let_go()

    def _let_go(self) -> None:
        try:
            positions = {name: position() for name, position in self._followers.items()}
            self._positions.store(positions)
        except OSError as error:
            _logger.warning("How far the receive log is done with cannot be stored: %s", error)
            return  # it is kept, and given to its followers again, who know it
        least = min(positions.values(), default=0)
        with self._lock:
            done = [
                one
                for one in self._segments
                if one.end <= least and one is not self._writer.current
            ]
        for segment in done:
            try:
                self._files.unlink(segment.path)
            except FileNotFoundError:
                pass
            except OSError as error:
                _logger.warning("%s cannot be deleted: %s", segment.path, error)
                return
            with self._lock:
                self._segments.remove(segment)
                self.bytes -= segment.size

    def close(self) -> None:
        """Store how far everybody is and give the folder back; may be called twice."""
        if self._locked < 0:
            return
        self.let_go()
        self._writer.seal()
        self._positions.close()
        locked, self._locked = self._locked, -1
        self._files.close(locked)

    def as_dict(self) -> dict[str, Any]:
        """Return the log's numbers as `GET /api/v1/stats` shows them."""
        with self._lock:
            segments = list(self._segments)
        return {
            "position": self.end,
            "bytes": self.bytes,
            "max_bytes": self.settings.max_bytes,
            "segments": len(segments),
            "oldest_unix_nano": str(segments[0].since_ns) if segments else None,
            "corrupt": self.corrupt,
            "torn": self.torn,
            "foreign": self.foreign,
        }
