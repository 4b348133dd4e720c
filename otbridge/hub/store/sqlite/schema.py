"""The tables of one day's file, and how a file is opened.

Tables and columns are named after those that the OpenTelemetry collector's ClickHouse exporter
writes, so that a query written for one can be read for the other. What differs:

- Ids, resources, scopes and the record itself are kept as the bytes that came (`Raw`, a protobuf
  message), with a CRC-32 beside them: SQLite does not notice a flipped bit. Attributes are read
  from `Raw`; a column exists where a list or a filter needs one.
- A trace has a number of its own (`TraceKey`), counted up in order of arrival. Indexes that begin
  with it grow at their end, where random ids would touch a page per row.
- Resources and scopes are stored once and referred to.
- Times are unix nanoseconds. `Duration` is NULL while a span is open.
"""

from __future__ import annotations

import os
import sqlite3
from typing import TYPE_CHECKING

from otbridge.errors import StoreError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["RETIRED_CACHE_KIB", "VERSION", "open_reader", "open_writer"]

VERSION = 1
"""Of the tables below; kept in the file's `user_version`."""

_APPLICATION_ID = 0x6F746272
"""`otbr`, in the file's header: tells our files from other people's databases."""

_CACHE_KIB = 32 * 1024
"""Page cache of the writing connection: holds the ends of all indexes of a busy day."""

RETIRED_CACHE_KIB = 1024
"""The same for a file that only late records of its traces still go to."""

_WAL_BYTES = 16 * 1024 * 1024
"""What the write-ahead log may keep between floods; checkpoints come every 4 MB."""

_TABLES = """
CREATE TABLE otel_resources (
  Id INTEGER PRIMARY KEY,
  Hash BLOB NOT NULL UNIQUE,
  SchemaUrl TEXT NOT NULL,
  Raw BLOB NOT NULL,
  Crc INTEGER NOT NULL
);
CREATE TABLE otel_scopes (
  Id INTEGER PRIMARY KEY,
  Hash BLOB NOT NULL UNIQUE,
  SchemaUrl TEXT NOT NULL,
  Raw BLOB NOT NULL,
  Crc INTEGER NOT NULL
);

CREATE TABLE otel_traces (
  Id INTEGER PRIMARY KEY,
  TraceKey INTEGER NOT NULL,
  SpanId BLOB NOT NULL,
  ParentSpanId BLOB NOT NULL,
  SpanName TEXT NOT NULL,
  SpanKind INTEGER NOT NULL,
  ServiceName TEXT NOT NULL,
  Timestamp INTEGER NOT NULL,
  Duration INTEGER,
  StatusCode INTEGER NOT NULL,
  Lost INTEGER NOT NULL DEFAULT 0,
  ResourceId INTEGER NOT NULL,
  ScopeId INTEGER NOT NULL,
  Producer TEXT NOT NULL,
  GenAiKind TEXT,
  GenAiConversation TEXT,
  GenAiRun TEXT,
  Raw BLOB NOT NULL,
  Crc INTEGER NOT NULL
);
CREATE UNIQUE INDEX otel_traces_span ON otel_traces (TraceKey, SpanId);
CREATE INDEX otel_traces_open ON otel_traces (Producer) WHERE Duration IS NULL AND Lost = 0;
CREATE INDEX otel_traces_agents ON otel_traces (TraceKey, GenAiConversation, GenAiRun)
  WHERE GenAiKind IS NOT NULL;
CREATE INDEX otel_traces_conversations ON otel_traces (GenAiConversation, TraceKey)
  WHERE GenAiConversation IS NOT NULL;
CREATE INDEX otel_traces_runs ON otel_traces (GenAiRun, TraceKey) WHERE GenAiRun IS NOT NULL;

CREATE TABLE otel_links (
  TraceKey INTEGER NOT NULL,
  LinkedTraceId BLOB NOT NULL,
  PRIMARY KEY (TraceKey, LinkedTraceId)
) WITHOUT ROWID;
CREATE INDEX otel_links_back ON otel_links (LinkedTraceId);

CREATE TABLE otel_trace_summary (
  TraceKey INTEGER PRIMARY KEY,
  TraceId BLOB NOT NULL UNIQUE,
  Name TEXT NOT NULL,
  NameStart INTEGER NOT NULL,
  Start INTEGER NOT NULL,
  End INTEGER NOT NULL,
  RootSpanId BLOB,
  RootService TEXT NOT NULL,
  RootKind INTEGER NOT NULL,
  SpanCount INTEGER NOT NULL,
  OpenCount INTEGER NOT NULL,
  LostCount INTEGER NOT NULL,
  ErrorCount INTEGER NOT NULL,
  LogCount INTEGER NOT NULL,
  Services TEXT NOT NULL,
  Agents TEXT NOT NULL,
  AgentSpanCount INTEGER NOT NULL,
  AgentVersion INTEGER NOT NULL,
  TextCount INTEGER NOT NULL
);
CREATE INDEX otel_trace_summary_start ON otel_trace_summary (Start, TraceId) WHERE SpanCount > 0;
CREATE INDEX otel_trace_summary_agents ON otel_trace_summary (Start, TraceId)
  WHERE AgentSpanCount > 0;

CREATE TABLE otel_logs (
  Id INTEGER PRIMARY KEY,
  TraceKey INTEGER,
  SpanId BLOB NOT NULL,
  Timestamp INTEGER NOT NULL,
  ObservedTimestamp INTEGER NOT NULL,
  SeverityNumber INTEGER NOT NULL,
  SeverityText TEXT NOT NULL,
  ServiceName TEXT NOT NULL,
  Body TEXT NOT NULL,
  EventName TEXT NOT NULL,
  ResourceId INTEGER NOT NULL,
  ScopeId INTEGER NOT NULL,
  Producer TEXT NOT NULL,
  Raw BLOB NOT NULL,
  Crc INTEGER NOT NULL
);
CREATE INDEX otel_logs_trace ON otel_logs (TraceKey) WHERE TraceKey IS NOT NULL;
CREATE INDEX otel_logs_time ON otel_logs (Timestamp);
CREATE INDEX otel_logs_service ON otel_logs (ServiceName, Timestamp);
CREATE INDEX otel_logs_warnings ON otel_logs (Timestamp) WHERE SeverityNumber >= 13;

CREATE TABLE otel_metrics (
  Id INTEGER PRIMARY KEY,
  ServiceName TEXT NOT NULL,
  ReceivedTimestamp INTEGER NOT NULL,
  DataPoints INTEGER NOT NULL,
  Raw BLOB NOT NULL,
  Crc INTEGER NOT NULL
);

CREATE TABLE otel_services (
  ServiceName TEXT PRIMARY KEY,
  SpanCount INTEGER NOT NULL,
  LogCount INTEGER NOT NULL,
  DataPoints INTEGER NOT NULL,
  LastSeen INTEGER NOT NULL
) WITHOUT ROWID;

-- Batches that are stored here, wholly or (where their traces live in several days) in part.
CREATE TABLE batches (
  Stream TEXT NOT NULL,
  Sequence INTEGER NOT NULL,
  Whole INTEGER NOT NULL,
  PRIMARY KEY (Stream, Sequence)
) WITHOUT ROWID;

-- One document per log record: its row number is the record's Id.
CREATE VIRTUAL TABLE otel_logs_text USING fts5 (
  Text, content = '', detail = none, tokenize = 'unicode61'
);
-- One document per trace and commit: its row number is TraceKey * 2^20 + TextCount.
CREATE VIRTUAL TABLE otel_traces_text USING fts5 (
  Text, content = '', detail = none, tokenize = 'unicode61'
);
"""


def open_writer(path: Path) -> sqlite3.Connection:
    """Open the file at *path* for the one connection that writes and checkpoints it.

    A new file gets its tables. SQLite before 3.51.3 can corrupt a file that two connections write
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
        if connection.execute("PRAGMA user_version").fetchone() == (0,):
            connection.executescript(
                f"BEGIN IMMEDIATE; {_TABLES}"
                f"PRAGMA application_id = {_APPLICATION_ID}; PRAGMA user_version = {VERSION};"
                "COMMIT;"
            )
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
