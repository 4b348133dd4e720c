"""The inside of a store: who writes its files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otbridge.hub.store.sqlite import SqliteStore
from otbridge.hub.store.sqlite.writing.writer import DayFilesWriter
from otbridge.hub.store.sqlite.writing.writer_apart import WriterApart

if TYPE_CHECKING:
    from otbridge.hub.store import Store


def writer_of(store: Store) -> DayFilesWriter:
    """Return who writes the files of *store*."""
    assert isinstance(store, SqliteStore)
    assert isinstance(store._writer, DayFilesWriter)
    return store._writer


def process_of(store: Store) -> int:
    """Return the number of the process that writes the files of *store*."""
    assert isinstance(store, SqliteStore)
    assert isinstance(store._writer, WriterApart)
    return store._writer._child._process.pid
