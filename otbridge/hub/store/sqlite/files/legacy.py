"""Files of version 1, which had a row with its own bytes for each span and log record.

Their rows stay where they are and are read from there; what is new goes into packs beside them.
Only spans that are still open move, because they will change.
"""

# ruff: noqa: S608 - the SQL is put together from our own names

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from zlib import crc32

from otbridge.hub.store.sqlite.files.tables import PACKED, VERSION
from otbridge.hub.store.sqlite.writing.metric_writer import MetricWriter
from otbridge.wire.otlp_rows import Origin, log_row, span_row

if TYPE_CHECKING:
    import sqlite3

    from otbridge.wire.rows import LogRow, SpanRow

__all__ = [
    "HAS_ROWS",
    "PAIR_BYTES",
    "SELECT_LOG",
    "SELECT_SPAN",
    "SPANS_WITH_WORDS",
    "WITH_WORDS",
    "convert",
    "has_rows",
    "read_log",
    "read_span",
]

_SHARED: Final = (
    "SELECT o.Id, o.Crc, r.Crc, c.Crc, o.ServiceName, o.Producer, r.Raw, r.SchemaUrl, c.Raw,"
    " c.SchemaUrl, o.Raw, o.Timestamp"
)
_JOINS: Final = (
    "JOIN otel_resources r ON r.Id = o.ResourceId JOIN otel_scopes c ON c.Id = o.ScopeId"
)

SELECT_SPAN: Final = f"{_SHARED}, o.Timestamp + o.Duration FROM otel_traces o {_JOINS}"
"""Begins with the row's number."""
SELECT_LOG: Final = f"{_SHARED}, o.ObservedTimestamp FROM otel_logs o {_JOINS}"

SPANS_WITH_WORDS: Final = "SELECT rowid >> 20 FROM otel_traces_text WHERE otel_traces_text MATCH ?"
WITH_WORDS: Final = (
    f"{SPANS_WITH_WORDS} UNION SELECT TraceKey FROM otel_logs WHERE Id IN"
    " (SELECT rowid FROM otel_logs_text WHERE otel_logs_text MATCH ?)"
)
"""The keys of the traces with a span or a log record that has the words."""

PAIR_BYTES: Final = 8
"""Of the hash that stood for `key=value`."""

HAS_ROWS: Final = "SELECT 1 FROM sqlite_schema WHERE name = 'otel_traces'"
"""Gives a row where the file has tables of version 1."""

_MOVE: Final = """
INSERT INTO otel_sources (ResourceId, ScopeId, ServiceName, Producer)
  SELECT DISTINCT ResourceId, ScopeId, ServiceName, Producer FROM otel_traces
  WHERE Duration IS NULL;
INSERT INTO otel_open_spans
  SELECT NULL, o.TraceKey, o.SpanId, o.Timestamp, s.Id, o.Producer, o.Lost,
    o.GenAiKind IS NOT NULL, o.Raw, o.Crc
  FROM otel_traces o JOIN otel_sources s USING (ResourceId, ScopeId, ServiceName, Producer)
  WHERE o.Duration IS NULL ORDER BY o.Id;
INSERT INTO otel_agents
  SELECT DISTINCT TraceKey, coalesce(GenAiConversation, ''), coalesce(GenAiRun, '')
  FROM otel_traces WHERE GenAiKind IS NOT NULL;
DELETE FROM otel_traces WHERE Duration IS NULL;
INSERT INTO otel_sessions
  SELECT NULL, 'gen_ai.conversation.id', a.GenAiConversation, min(s.Start), max(s.End), 0, 0
  FROM otel_agents a JOIN otel_trace_summary s USING (TraceKey)
  WHERE a.GenAiConversation <> '' GROUP BY a.GenAiConversation;
INSERT OR IGNORE INTO otel_session_traces
  SELECT o.Id, a.TraceKey FROM otel_agents a JOIN otel_sessions o ON o.SessionId = a.GenAiConversation;
"""


def convert(db: sqlite3.Connection) -> None:
    """Give a file of version 1 the tables that it lacks."""
    db.executescript(f"BEGIN IMMEDIATE; {PACKED} {_MOVE} PRAGMA user_version = {VERSION};")
    MetricWriter(db).index_all()
    db.execute("COMMIT")


def has_rows(db: sqlite3.Connection) -> bool:
    """Whether the file has tables of version 1."""
    return db.execute(HAS_ROWS).fetchone() is not None


def read_span(columns: tuple[Any, ...]) -> SpanRow | None:
    """Return the row of `SELECT_SPAN`'s columns, or None where a checksum does not fit."""
    return span_row(*sound) if (sound := _read(columns)) else None


def read_log(columns: tuple[Any, ...]) -> LogRow | None:
    """Return the row of `SELECT_LOG`'s columns, or None where a checksum does not fit."""
    return log_row(*sound) if (sound := _read(columns)) else None


def _read(columns: tuple[Any, ...]) -> tuple[bytes, Origin, tuple[int, int]] | None:
    _, crc, resource_crc, scope_crc, *origin, data, begin, end = columns
    source = Origin(*origin)
    sound = (
        crc32(data) == crc
        and crc32(source.resource) == resource_crc
        and crc32(source.scope) == scope_crc
    )
    return (data, source, (begin, end)) if sound else None
