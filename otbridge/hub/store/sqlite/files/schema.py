"""How one day's file is opened."""

from __future__ import annotations

import os
import sqlite3
from typing import TYPE_CHECKING

from otbridge.errors import StoreError
from otbridge.hub.store.sqlite.files import legacy, version_2
from otbridge.hub.store.sqlite.files.tables import PACKED, SHARED, VERSION

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["RETIRED_CACHE_KIB", "open_reader", "open_writer"]

_APPLICATION_ID = 0x6F746272
"""`otbr`, in the file's header: tells our files from other people's databases."""

_CACHE_KIB = 32 * 1024
"""Page cache of the writing connection: holds the ends of all indexes of a busy day."""

RETIRED_CACHE_KIB = 1024
"""The same for a file that only late records of its traces still go to."""

_WAL_BYTES = 16 * 1024 * 1024
"""What the write-ahead log may keep between floods; checkpoints come every 4 MB."""


def open_writer(path: Path) -> sqlite3.Connection:
    """Open the file at *path* for the one connection that writes and checkpoints it.

    A new file gets its tables, and one of an older version what it lacks. SQLite before 3.51.3 can corrupt a file that two connections write
    or checkpoint at the same time (sqlite.org/wal.html#walresetbug): there must never be two.

    Raises:
        StoreError: It is no database, not ours, or of a newer version.
        sqlite3.Error: The file cannot be opened or written.
    """
    # Made here, because SQLite would give it the umask's permissions.
    os.close(os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600))
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    try:
        _check(connection, path)
        _use_write_ahead_log(connection, path)
        # FULL: a commit is on the disk, not in the system's cache, when it is acknowledged.
        connection.execute("PRAGMA synchronous = full")
        connection.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
        # After a flood the write-ahead log is cut back; a flipped bit in it hides all after it.
        connection.execute(f"PRAGMA journal_size_limit = {_WAL_BYTES}")
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if version == 0:
            connection.executescript(
                f"BEGIN IMMEDIATE; {SHARED} {PACKED}"
                f"PRAGMA application_id = {_APPLICATION_ID}; PRAGMA user_version = {VERSION};"
                "COMMIT;"
            )
        elif version == 1:
            legacy.convert(connection)
        elif version == 2:
            version_2.convert(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def open_reader(path: Path) -> sqlite3.Connection:
    """Open the file at *path* for questions; the connection cannot write or checkpoint."""
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode=ro",
        uri=True,
        isolation_level=None,
        check_same_thread=False,
    )
    for words in ("otel_log_words", "otel_trace_words"):
        # Which words there are; in no file, only in this connection.
        connection.execute(
            f"CREATE VIRTUAL TABLE temp.{words}_terms USING fts5vocab(main, {words}, instance)"
        )
    connection.execute("PRAGMA query_only = on")
    return connection


def _use_write_ahead_log(connection: sqlite3.Connection, path: Path) -> None:
    (mode,) = connection.execute("PRAGMA journal_mode = wal").fetchone()
    if mode != "wal":
        raise StoreError(
            f"{path} cannot have a write-ahead log (SQLite keeps to {mode!r}).",
            "Readers and the writer go on side by side with its help; network file systems lack"
            " the shared memory for it.",
            "Give a folder on a local disk.",
        )


def _check(connection: sqlite3.Connection, path: Path) -> None:
    try:
        (application,) = connection.execute("PRAGMA application_id").fetchone()
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        (tables,) = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    except sqlite3.DatabaseError as error:
        if error.sqlite_errorcode != sqlite3.SQLITE_NOTADB:
            raise
        raise StoreError(
            f"{path} is no database.",
            "The file does not begin as SQLite files do.",
            "Move it away, or open another folder.",
        ) from None
    if version > VERSION and application == _APPLICATION_ID:
        raise StoreError(
            f"{path} was written by a newer otbridge (schema {version}; this one knows {VERSION}).",
            "Its tables may mean something else.",
            "Upgrade otbridge, or open another folder.",
        )
    if tables and application != _APPLICATION_ID:
        raise StoreError(
            f"{path} is somebody else's database.",
            "It does not carry otbridge's application id.",
            "Move it away, or open another folder.",
        )
