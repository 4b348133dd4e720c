"""Commits what is waiting at once, into the files of a `DayFiles`."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING, ClassVar

from otbridge.errors import StoreError
from otbridge.hub.store import StoreFull
from otbridge.hub.store.sqlite.writing.day_files import DayFiles
from otbridge.hub.store.sqlite.writing.messages import Holdings
from otbridge.hub.store.writer import Writer

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from concurrent.futures import Future

    from otbridge._clock import Clock
    from otbridge.hub.store.sqlite.files.days import Folder
    from otbridge.hub.store.vocabulary import Expired, Retention
    from otbridge.wire.rows import Batch, SpanRow

__all__ = ["DayFilesWriter", "busy", "closed"]


class DayFilesWriter(Writer):
    """Writes into *folder*, which is nobody else's until `close`.

    Args:
        folder: Where the files are.
        clock: Where the time comes from.
        retention: How much is kept.
        patience_s: How long to wait for somebody else to give the folder back.

    Raises:
        StoreError: The folder cannot be used, is in use, or holds files that are not ours.
    """

    max_group_bytes: ClassVar[int] = 16 * 1024 * 1024
    """Bytes in one transaction: of half as many each span costs 6 % more. Room is made before it, so
    this is what it may exceed."""

    def __init__(
        self, folder: Folder, clock: Clock, retention: Retention, *, patience_s: float = 0.0
    ) -> None:
        folder.hold(patience_s)
        self._folder = folder
        try:
            self.files = DayFiles(folder, clock, retention)
        except sqlite3.Error as error:
            folder.close()
            raise StoreError(
                f"The store in {folder.path} cannot be opened.",
                f"SQLite says: {error}.",
                "Check the folder's disk and permissions, or give another folder.",
            ) from error
        except BaseException:
            folder.close()
            raise
        super().__init__()

    @property
    def holdings(self) -> Holdings:
        """What is on disk."""
        files = self.files
        return Holdings(files.days, files.deleted_bytes, files.ballast.size, self.duplicates)

    def on_deleted(self, tell: Callable[[], None]) -> None:
        """Have *tell* called when files were deleted, for whoever has them open."""
        self.files.on_deleted = tell

    def mark_lost(self, producer: str) -> Future[list[SpanRow]]:
        """Give the open spans of *producer* the verdict "lost"."""
        return self.call(lambda: self.files.mark_lost(producer))

    def mark_open(self, spans: Sequence[tuple[bytes, bytes]]) -> Future[list[SpanRow]]:
        """Take the verdict back."""
        return self.call(lambda: self.files.mark_open(spans))

    def expire(self) -> Future[Expired]:
        """Delete what is more than is to be kept."""
        return self.call(self.files.expire)

    def close(self) -> None:
        """Store what is waiting and give the folder back; may be called twice."""
        super().close()
        self._folder.close()

    def _write(self, batches: list[Batch]) -> int:
        return self.files.store(batches)

    def _end(self) -> None:
        self.files.close()

    def _says_busy(self) -> StoreFull:
        return busy(self.waiting)

    def _says_closed(self) -> StoreError:
        return closed()

    def _error_of(self, error: Exception) -> StoreError:
        if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL:
            return StoreFull(
                "The store has no room left.",
                "The disk, or the quota on it, is full.",
                "Free some space, or delete the store's oldest days.",
            )
        return StoreError(
            "The store could not be written.",
            f"{type(error).__name__}: {error}.",
            "Look at the store's folder: its disk, owner and permissions.",
        )


def busy(waiting: int) -> StoreFull:
    """Return what is said while so many records wait."""
    return StoreFull(
        f"The store has {waiting:,} records waiting for the disk.",
        "They came faster than they can be written.",
        "Send the batch again in a second.",
    )


def closed() -> StoreError:
    """Return what is said to who comes after the end."""
    return StoreError("The store is closed.", "The hub is stopping.", "Send again to the next one.")
