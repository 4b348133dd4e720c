"""The tables of one day's file.

Tables and columns are named after those that the OpenTelemetry collector's ClickHouse exporter
writes, so that a query written for one can be read for the other. What differs:

- Records are kept as the bytes that came, in compressed packs with a CRC-32 beside each: SQLite
  does not notice a flipped bit. A record is read from its bytes; a row or a column of its own
  exists only where a list or a filter needs one.
- A trace has a number of its own (`TraceKey`), counted up in order of arrival. Indexes that begin
  with it grow at their end, where random ids would touch a page per row.
- Resources, scopes and what they are the source of are stored once and referred to.
- Times are unix nanoseconds.
"""

from __future__ import annotations

from typing import Final

__all__ = ["COUNTED", "PACKED", "SHARED", "VERSION"]

VERSION: Final = 3
"""Of the tables below; kept in the file's `user_version`. Files of version 1 had the records in
tables with a row for each (see `legacy`), those of version 2 four indexes on the log records (see
`version_2`)."""

SHARED: Final = """
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
"""
"""What files of every version have."""

COUNTED: Final = """
-- What each operation, and each service of another, did in a minute, and in longer stretches:
-- they begin at Begin (unix time / 60), and their blobs add up (see stretches.py, durations.py).
CREATE TABLE otel_operation_counts (
  Id INTEGER PRIMARY KEY,
  Minutes INTEGER NOT NULL,
  Begin INTEGER NOT NULL,
  Durations BLOB NOT NULL
);
CREATE INDEX otel_operation_counts_begin ON otel_operation_counts (Minutes, Begin);
CREATE TABLE otel_edges (
  Id INTEGER PRIMARY KEY,
  Client TEXT NOT NULL,
  Server TEXT NOT NULL,
  Link INTEGER NOT NULL,
  UNIQUE (Client, Server, Link)
);
CREATE TABLE otel_edge_counts (
  Id INTEGER PRIMARY KEY,
  Minutes INTEGER NOT NULL,
  Begin INTEGER NOT NULL,
  Durations BLOB NOT NULL
);
CREATE INDEX otel_edge_counts_begin ON otel_edge_counts (Minutes, Begin);
"""
"""Part of `PACKED`: what is counted while spans come in."""

PACKED: Final = f"""{COUNTED}
-- Where records come from; a number that the packs refer to.
CREATE TABLE otel_sources (
  Id INTEGER PRIMARY KEY,
  ResourceId INTEGER NOT NULL,
  ScopeId INTEGER NOT NULL,
  ServiceName TEXT NOT NULL,
  Producer TEXT NOT NULL,
  UNIQUE (ResourceId, ScopeId, ServiceName, Producer)
);
CREATE TABLE otel_service_names (
  Id INTEGER PRIMARY KEY,
  ServiceName TEXT NOT NULL UNIQUE
);

-- Ended spans, in packs (see packs.py) in the order of arrival; those of a trace that came together
-- lie together. A pack's number is that of its first span.
CREATE TABLE otel_span_packs (
  Id INTEGER PRIMARY KEY,
  SpanCount INTEGER NOT NULL,
  MinTimestamp INTEGER NOT NULL,
  MaxTimestamp INTEGER NOT NULL,
  Raw BLOB NOT NULL,
  Crc INTEGER NOT NULL
);
-- Which spans are a trace's: from number First on, as many as there are ids of 8 bytes.
CREATE TABLE otel_trace_parts (
  TraceKey INTEGER NOT NULL,
  First INTEGER NOT NULL,
  SpanIds BLOB NOT NULL,
  PRIMARY KEY (TraceKey, First)
) WITHOUT ROWID;

-- Spans that have begun and not ended.
CREATE TABLE otel_open_spans (
  Id INTEGER PRIMARY KEY,
  TraceKey INTEGER NOT NULL,
  SpanId BLOB NOT NULL,
  Timestamp INTEGER NOT NULL,
  SourceId INTEGER NOT NULL,
  Producer TEXT NOT NULL,
  Lost INTEGER NOT NULL,
  IsAgent INTEGER NOT NULL,
  Raw BLOB NOT NULL,
  Crc INTEGER NOT NULL,
  UNIQUE (TraceKey, SpanId)
);
CREATE INDEX otel_open_spans_running ON otel_open_spans (Producer) WHERE Lost = 0;

-- Which conversations and runs the agents' spans of a trace name; empty where they name none.
CREATE TABLE otel_agents (
  TraceKey INTEGER NOT NULL,
  GenAiConversation TEXT NOT NULL,
  GenAiRun TEXT NOT NULL,
  PRIMARY KEY (TraceKey, GenAiConversation, GenAiRun)
) WITHOUT ROWID;
CREATE INDEX otel_agents_conversations ON otel_agents (GenAiConversation)
  WHERE GenAiConversation <> '';
CREATE INDEX otel_agents_runs ON otel_agents (GenAiRun) WHERE GenAiRun <> '';

-- What filters of log records need; the records are in packs. Those of a trace that came together
-- have numbers that follow each other. There is no index on the rows: see log_stretches.py.
CREATE TABLE otel_log_rows (
  Id INTEGER PRIMARY KEY,
  TraceKey INTEGER,
  Timestamp INTEGER NOT NULL,
  SeverityNumber INTEGER NOT NULL,
  ServiceId INTEGER NOT NULL,
  SpanMark INTEGER, -- the span's id cut to 16 bits; the whole of it is in the record
  EventName TEXT
);
-- Consecutive records: of all services (ServiceId 0), and those of each service among them.
CREATE TABLE otel_log_stretches (
  ServiceId INTEGER NOT NULL,
  MaxTimestamp INTEGER NOT NULL,
  Id INTEGER NOT NULL,
  LogCount INTEGER NOT NULL,
  MinTimestamp INTEGER NOT NULL,
  MaxSeverity INTEGER NOT NULL,
  PRIMARY KEY (ServiceId, MaxTimestamp, Id)
) WITHOUT ROWID;
-- Which records are a trace's, from number First on; TraceKey 0 for such without a trace, of which
-- parts with a single record are left out.
CREATE TABLE otel_log_parts (
  TraceKey INTEGER NOT NULL,
  First INTEGER NOT NULL,
  LogCount INTEGER NOT NULL,
  PRIMARY KEY (TraceKey, First)
) WITHOUT ROWID;
-- What packs of a table have in common (see pack_dictionaries.py), each twice; its number is its
-- Adler-32.
CREATE TABLE otel_pack_dictionaries (
  Id INTEGER NOT NULL,
  Copy INTEGER NOT NULL,
  PackTable TEXT NOT NULL,
  Raw BLOB NOT NULL,
  Crc INTEGER NOT NULL,
  PRIMARY KEY (Id, Copy)
);
-- A pack's number is that of its first record.
CREATE TABLE otel_log_packs (
  Id INTEGER PRIMARY KEY,
  LogCount INTEGER NOT NULL,
  MinTimestamp INTEGER NOT NULL,
  MaxTimestamp INTEGER NOT NULL,
  Raw BLOB NOT NULL,
  Crc INTEGER NOT NULL
);

-- Full text. One document per part of a trace's log records: its row number is the first one's Id.
-- That a part has a word says little of each record in it: they are looked at. With a document for
-- each record the index takes twice as much.
CREATE VIRTUAL TABLE otel_log_words USING fts5 (
  Words, content = '', detail = none, columnsize = 0, tokenize = 'unicode61'
);
-- One document per trace and commit, counted up: small steps between them make small lists.
CREATE VIRTUAL TABLE otel_trace_words USING fts5 (
  Words, content = '', detail = none, columnsize = 0, tokenize = 'unicode61'
);
-- Merged in large steps: measured, a commit takes a third less than with the four of the default.
INSERT INTO otel_log_words (otel_log_words, rank) VALUES ('automerge', 16);
INSERT INTO otel_log_words (otel_log_words, rank) VALUES ('crisismerge', 64);
INSERT INTO otel_trace_words (otel_trace_words, rank) VALUES ('automerge', 16);
INSERT INTO otel_trace_words (otel_trace_words, rank) VALUES ('crisismerge', 64);
CREATE TABLE otel_trace_texts (
  Id INTEGER PRIMARY KEY,
  TraceKey INTEGER NOT NULL
);

-- What services do: what their spans of one name and kind are counted by (see COUNTED).
CREATE TABLE otel_operations (
  Id INTEGER PRIMARY KEY,
  ServiceName TEXT NOT NULL,
  SpanName TEXT NOT NULL,
  SpanKind INTEGER NOT NULL,
  UNIQUE (ServiceName, SpanName, SpanKind)
);

-- Metrics by name, and the rows of otel_metrics that have data points of each.
CREATE TABLE otel_metric_names (
  Id INTEGER PRIMARY KEY,
  MetricName TEXT NOT NULL,
  MetricType TEXT NOT NULL,
  MetricUnit TEXT NOT NULL,
  ServiceName TEXT NOT NULL,
  AggregationTemporality TEXT NOT NULL,
  IsMonotonic INTEGER NOT NULL,
  MetricDescription TEXT NOT NULL,
  Attributes TEXT NOT NULL,
  DataPoints INTEGER NOT NULL,
  LastTime INTEGER NOT NULL,
  UNIQUE (MetricName, MetricType, MetricUnit, ServiceName, AggregationTemporality, IsMonotonic)
);
CREATE TABLE otel_metric_rows (
  NameId INTEGER NOT NULL,
  LastTime INTEGER NOT NULL,
  RowId INTEGER NOT NULL,
  FirstTime INTEGER NOT NULL,
  PRIMARY KEY (NameId, LastTime, RowId)
) WITHOUT ROWID;

-- What records name as their session, and the traces of these; what is outside of traces is
-- counted here.
CREATE TABLE otel_sessions (
  Id INTEGER PRIMARY KEY,
  SessionKey TEXT NOT NULL,
  SessionId TEXT NOT NULL,
  Start INTEGER NOT NULL,
  End INTEGER NOT NULL,
  LooseLogs INTEGER NOT NULL,
  LooseErrors INTEGER NOT NULL,
  UNIQUE (SessionId, SessionKey)
);
CREATE INDEX otel_sessions_start ON otel_sessions (Start, SessionKey, SessionId);
CREATE TABLE otel_session_traces (
  SessionNumber INTEGER NOT NULL,
  TraceKey INTEGER NOT NULL,
  PRIMARY KEY (SessionNumber, TraceKey)
) WITHOUT ROWID;
CREATE INDEX otel_session_traces_back ON otel_session_traces (TraceKey);
"""  # noqa: S608 - our own text
"""What they have since version 2; the tables about log records, since version 3."""
