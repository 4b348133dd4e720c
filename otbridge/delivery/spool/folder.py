"""The folder of one process: its lock, its book, its streams."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Self

from otbridge.delivery.spool.book import Book
from otbridge.delivery.spool.names import BOOK
from otbridge.delivery.spool.slots import SLOTS, Slots
from otbridge.delivery.spool.stream import Stream

if TYPE_CHECKING:
    from collections.abc import Iterable

    from otbridge.delivery.spool.files import Files
    from otbridge.delivery.spool.stream import Segment

__all__ = ["Folder", "lock_folder"]


def lock_folder(files: Files, path: str) -> int | None:
    """Return the locked descriptor of the folder at *path*, None if another process has it.

    Raises:
        OSError: it cannot be opened, e.g. because it is gone.
    """
    fd = files.open_folder(path)
    try:
        # The one who had it may have removed it between our opening and our locking.
        if files.lock(fd) and files.facts_of(fd).identity == files.facts(path).identity:
            return fd
    except OSError:
        files.close(fd)
        raise
    files.close(fd)
    return None


class Folder:
    """A folder that this process has the lock of.

    Args:
        files: The file system.
        path: Where it is.
        fd: Its locked descriptor; closed by `close`.
    """

    def __init__(self, files: Files, path: str, fd: int, *, only_look: bool = False) -> None:
        self.path = path
        self.lock = threading.RLock()
        """Held around everything that looks at or changes streams and book; never while the disk
        is waited for, because `append` takes it when it begins a segment."""
        self.streams: dict[str, Stream] = {}
        self.recovered = False
        """Whether another process wrote it. What that was sending when it ended, or whose cursor
        was lost with the power, a receiver may have."""
        self._files = files
        self._fd = fd
        self._is_anchored = False
        self.book = self._open_book(only_look=only_look)

    @classmethod
    def looked_at(cls, files: Files, path: str) -> Self:
        """Return the folder of somebody else, to be looked at and then abandoned."""
        return cls(files, path, -1, only_look=True)

    def _open_book(self, *, only_look: bool) -> Book:
        path = self.path_of(BOOK)
        try:
            fd = self._files.open(path)
        except FileNotFoundError:
            return Book(None) if only_look else self._new_book(path)
        except OSError:
            return Book(None)
        book = Book(Slots(self._files, fd))
        book.load()
        return book

    def _new_book(self, path: str) -> Book:
        try:
            book = Book(Slots(self._files, self._files.create(path)))
        except OSError:
            return Book(None)
        for _ in range(SLOTS):  # now, while there is room for them
            book.save()
        return book

    @property
    def name(self) -> str:
        """Its last part: `<pid>-<start in ns>`."""
        return self.path.rpartition("/")[2]

    @property
    def is_there(self) -> bool:
        """Whether nobody has removed it under our feet."""
        try:
            return self._files.facts(self.path).identity == self._files.facts_of(self._fd).identity
        except OSError:
            return False

    def path_of(self, name: object) -> str:
        """Return the path of a file in it."""
        return f"{self.path}/{name}"

    def stream(self, name: str) -> Stream:
        """Return the stream of that name, made if there is none."""
        with self.lock:
            found = self.streams.get(name)
            if found is None:
                found = self.streams[name] = Stream(name, self.book)
            return found

    def sync_names(self) -> None:
        """Return when the names in it, and its own, will survive a loss of power."""
        self._files.sync(self._fd)
        if not self._is_anchored:
            service = self.path.rpartition("/")[0]
            for above in (service, service.rpartition("/")[0]):
                fd = self._files.open_folder(above)
                try:
                    self._files.sync(fd)
                finally:
                    self._files.close(fd)
            self._is_anchored = True

    def release(self, stream: Stream, destinations: Iterable[str]) -> None:
        """Unlink the closed segments of *stream* that all *destinations* have."""
        with self.lock:
            settled = stream.take_settled(stream.slowest(destinations))
            self.book.save()
        self.unlink(settled)

    def drop_empty_last(self, stream: Stream) -> None:
        """Remove the stream's last segment if it was begun and nothing could be written to it."""
        with self.lock:
            segment = stream.take_empty_last()
        if segment is not None:
            self._remove(segment)

    def unlink(self, segments: list[Segment]) -> None:
        """Remove files of segments that were taken out, once the book that says so is durable."""
        if not segments:
            return
        self.book.sync()
        for segment in segments:
            self._remove(segment)

    def _remove(self, segment: Segment) -> None:
        try:
            self._files.unlink(self.path_of(segment.name))
        except OSError:
            pass  # who recovers this folder next finds it empty, or below the book's floor

    def close(self, *, remove: bool = False) -> None:
        """Give the folder back to whoever takes it next, or remove it if nothing waits in it."""
        self.book.close()
        try:
            if remove:
                self._files.unlink(self.path_of(BOOK))
                self._files.remove_folder(self.path)
        except OSError:
            pass  # something else is in it, or the disk is read-only: it is found again
        self.abandon()

    def abandon(self) -> None:
        """Close the descriptors: in a forked child this leaves the parent's lock as it is."""
        self.book.close()
        fd, self._fd = self._fd, -1
        if fd >= 0:
            try:
                self._files.close(fd)
            except OSError:
                pass  # nothing to be done about it
