"""Commits what is waiting at once, into the files of a `DayFiles`."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING, ClassVar

from otbridge.errors import StoreError
from otbridge.hub.store import StoreFull
from otbridge.hub.store.writer import Writer

if TYPE_CHECKING:
    from otbridge.hub.store.sqlite.day_files import DayFiles
    from otbridge.wire.rows import Batch

__all__ = ["DayFilesWriter"]


class DayFilesWriter(Writer):
    """Writes into *files*, which nobody else touches."""

    max_group_bytes: ClassVar[int] = 8 * 1024 * 1024
    """Bytes in one transaction. Room is made before it, so this is what it may exceed."""

    def __init__(self, files: DayFiles) -> None:
        self.files = files
        super().__init__()

    def _write(self, batches: list[Batch]) -> int:
        return self.files.store(batches)

    def _end(self) -> None:
        self.files.close()

    def _says_busy(self) -> StoreFull:
        return StoreFull(
            f"The store has {self.waiting:,} records waiting for the disk.",
            "They came faster than they can be written.",
            "Send the batch again in a second.",
        )

    def _says_closed(self) -> StoreError:
        return StoreError(
            "The store is closed.", "The hub is stopping.", "Send again to the next one."
        )

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
