"""Writes rows into one day's file, within a transaction that the writer opens and commits.

Everything that makes reading fast is kept here while rows come in: the trace's summary line, the
words for the text search, the services' totals, and what the agents' spans are about.
"""

# ruff: noqa: S608 - the SQL is put together from our own names; values only go in as parameters

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING, Any
from zlib import crc32

from opentelemetry.proto.common.v1.common_pb2 import InstrumentationScope
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from otbridge.hub.analysis.genai import describe
from otbridge.hub.store.attributes import decode_attributes
from otbridge.hub.store.sqlite import rows as row_columns
from otbridge.hub.store.sqlite.schema import RETIRED_CACHE_KIB, open_writer
from otbridge.hub.store.sqlite.summary import COLUMNS, Summary
from otbridge.hub.store.text import MAX_WORDS, attribute_words

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from otbridge.wire.rows import LogRow, MetricsRow, SpanRow

__all__ = ["DayWriter"]

_KEPT_SUMMARIES = 4_096
"""Summaries kept in memory between commits, about 1 kB each; most records belong to one of them."""

_KEPT_SHARED = 4_096
"""Resources and scopes whose numbers are kept in memory; each process that sends has one or two."""

_TEXT_BITS = 20
"""A trace has at most 2^20 text documents; what a longer one says later is not searched."""

_SEARCHED_EVENTS = 32
"""Events of one span that are searched, exceptions among them; streams have thousands."""

_SAVE_SUMMARY = (
    f"INSERT OR REPLACE INTO otel_trace_summary ({COLUMNS})"
    f" VALUES ({', '.join('?' * (COLUMNS.count(',') + 1))})"
)
_SAVE_SERVICE = (
    "INSERT INTO otel_services VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET"
    " SpanCount = SpanCount + excluded.SpanCount, LogCount = LogCount + excluded.LogCount,"
    " DataPoints = DataPoints + excluded.DataPoints, LastSeen = excluded.LastSeen"
)


class DayWriter:
    """The one writing connection of a day's file. Used by the writer's thread only."""

    def __init__(self, path: Path) -> None:
        self.db = open_writer(path)
        (self._next_key,) = self._one(
            "SELECT coalesce(max(TraceKey), 0) + 1 FROM otel_trace_summary"
        )
        (self._next_log,) = self._one("SELECT coalesce(max(Id), 0) + 1 FROM otel_logs")
        self._resources: dict[tuple[bytes, str], int] = {}
        self._scopes: dict[tuple[bytes, str], int] = {}
        self._scope_names: dict[bytes, str] = {}
        self._summaries: dict[bytes, Summary] = {}
        self._forget_changes()

    def _forget_changes(self) -> None:
        self._changed: dict[int, Summary] = {}
        self._texts: dict[int, set[str]] = {}
        self._services: dict[str, list[int]] = {}
        self.duplicates = 0
        """Spans of this transaction that were there already."""

    def _one(self, sql: str, *parameters: Any) -> Any:
        return self.db.execute(sql, parameters).fetchone()

    # ---------------------------------------------------------------- transaction

    def begin(self) -> None:
        """Open a transaction, unless one is open."""
        if not self.db.in_transaction:
            self.db.execute("BEGIN IMMEDIATE")

    def commit(self, now_ns: int) -> None:
        """Write down what was gathered, and make the transaction durable."""
        if not self.db.in_transaction:
            return
        self._save_texts()
        self.db.executemany(_SAVE_SUMMARY, [line.columns() for line in self._changed.values()])
        self.db.executemany(
            _SAVE_SERVICE, [(name, *counts, now_ns) for name, counts in self._services.items()]
        )
        self.db.execute("COMMIT")
        self._forget_changes()
        for trace_id in list(self._summaries)[:-_KEPT_SUMMARIES]:
            del self._summaries[trace_id]
        for shared in (self._resources, self._scopes, self._scope_names):
            if len(shared) > _KEPT_SHARED:
                shared.clear()

    def rollback(self) -> None:
        """Undo the transaction, and forget all that may have come from it."""
        self._resources.clear()
        self._scopes.clear()
        self._summaries.clear()
        self._forget_changes()
        if self.db.in_transaction:
            self.db.execute("ROLLBACK")

    def retire(self) -> None:
        """Take little memory and disk from now on: what is new goes into another file."""
        # Where a question is being answered the log stays as it is, and the next commit cuts it.
        self.db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        self.db.execute(f"PRAGMA cache_size = -{RETIRED_CACHE_KIB}")
        self.db.execute("PRAGMA shrink_memory")
        self._summaries.clear()

    def close(self) -> None:
        """Close the file; its write-ahead log goes into it."""
        self.db.close()

    # ---------------------------------------------------------------- what is there

    def summary(self, trace_id: bytes) -> Summary | None:
        """Return the trace's line, where this file has one."""
        line = self._summaries.get(trace_id)
        if line is None:
            columns = self._one(
                f"SELECT {COLUMNS} FROM otel_trace_summary WHERE TraceId = ?", trace_id
            )
            if columns is None:
                return None
            line = self._summaries[trace_id] = Summary.of(columns)
        return line

    def has_batch(self, key: tuple[str, int], *, whole: bool) -> bool:
        """Whether the batch is here: wholly, or as far as it belongs into this file."""
        return (
            self._one(
                "SELECT 1 FROM batches WHERE Stream = ? AND Sequence = ? AND Whole >= ?",
                *key,
                int(whole),
            )
            is not None
        )

    def add_batch(self, key: tuple[str, int], *, whole: bool) -> None:
        """Write down that the batch is here."""
        self.db.execute("INSERT OR REPLACE INTO batches VALUES (?, ?, ?)", (*key, int(whole)))

    # ---------------------------------------------------------------- records

    def add_spans(self, rows: Iterable[SpanRow]) -> None:
        """Store spans, open ones and ended ones in any order."""
        for row in rows:
            self._add_span(row)

    def _add_span(self, row: SpanRow) -> None:
        line = self._line(row.trace_id)
        span = Span.FromString(row.data)
        attributes = decode_attributes(span.attributes)
        genai = describe(row.name, row.kind, attributes, self._scope_name(row.scope))
        columns = row_columns.span_columns(
            row, line.key, self._resource(row), self._scope(row), genai
        )
        new = self.db.execute(row_columns.INSERT_SPAN, columns).rowcount == 1
        if new:
            line.add_span(row)
            self._service(row.service)[0] += 1
            self._add_links(line.key, row)
        else:
            ended, lost, was_agents = self._one(
                "SELECT Duration IS NOT NULL, Lost, GenAiKind IS NOT NULL FROM otel_traces"
                " WHERE TraceKey = ? AND SpanId = ?",
                line.key,
                row.span_id,
            )
            if lost and not row.end_ns:
                self.find_span(row.trace_id, row.span_id)  # its sender still speaks of it
                return
            if ended or not row.end_ns:
                self.duplicates += 1
                return
            self.db.execute(row_columns.UPDATE_SPAN, columns)
            line.end_span(row, was_lost=bool(lost))
            self._add_links(line.key, row)
            new = not was_agents
        if genai is not None:
            line.add_agent(genai.agent, new=new)
        if row.end_ns:
            self._texts.setdefault(line.key, set()).update(_span_words(span, attributes))

    def _add_links(self, key: int, row: SpanRow) -> None:
        """Keep which other traces the span links to, for joining them into one run."""
        for trace_id, _ in row.links:
            if trace_id != row.trace_id:
                self.db.execute("INSERT OR IGNORE INTO otel_links VALUES (?, ?)", (key, trace_id))

    def add_logs(self, rows: Sequence[LogRow]) -> None:
        """Store log records."""
        records, texts = [], []
        for number, row in enumerate(rows, self._next_log):
            key = None
            if row.trace_id:
                line = self._line(row.trace_id)
                line.add_log(row)
                key = line.key
            self._service(row.service)[1] += 1
            records.append(
                row_columns.log_columns(row, number, key, self._resource(row), self._scope(row))
            )
            attributes = decode_attributes(LogRecord.FromString(row.data).attributes)
            words = [row.body_text[:MAX_WORDS], row.event_name, *attribute_words(attributes)]
            texts.append((number, " ".join(words)))
        self.db.executemany(row_columns.INSERT_LOG, records)
        self.db.executemany("INSERT INTO otel_logs_text (rowid, Text) VALUES (?, ?)", texts)
        self._next_log += len(rows)

    def add_metrics(self, rows: Iterable[MetricsRow]) -> None:
        """Store metrics as they came."""
        for row in rows:
            self.db.execute(
                "INSERT INTO otel_metrics (ServiceName, ReceivedTimestamp, DataPoints, Raw, Crc)"
                " VALUES (?, ?, ?, ?, ?)",
                (row.service, row.received_ns, row.data_points, row.data, crc32(row.data)),
            )
            self._service(row.service)[2] += row.data_points

    def lose_spans(self, producer: str) -> list[SpanRow]:
        """Mark the spans that *producer* left open as lost, and return them."""
        found = self.db.execute(
            f"{row_columns.SELECT_SPAN}"
            " WHERE o.Producer = ? AND o.Duration IS NULL AND o.Lost = 0 ORDER BY o.Id",
            (producer,),
        ).fetchall()
        self.db.execute(
            "UPDATE otel_traces SET Lost = 1 WHERE Producer = ? AND Duration IS NULL AND Lost = 0",
            (producer,),
        )
        lost = []
        for columns in found:
            self._line(row_columns.trace_id_of(columns)).lose_span()
            row = row_columns.read_span(columns)
            if row is not None:  # a row that does not fit its checksum is lost too, but not shown
                row.lost = True
                lost.append(row)
        return lost

    def find_span(self, trace_id: bytes, span_id: bytes) -> list[SpanRow]:
        """Mark a span of ours as open again; return it where it was lost and is sound."""
        line = self._line(trace_id)
        changed = self.db.execute(
            "UPDATE otel_traces SET Lost = 0 WHERE TraceKey = ? AND SpanId = ? AND Lost = 1",
            (line.key, span_id),
        )
        if not changed.rowcount:
            return []
        line.find_span()
        columns = self._one(
            f"{row_columns.SELECT_SPAN} WHERE o.TraceKey = ? AND o.SpanId = ?", line.key, span_id
        )
        row = row_columns.read_span(columns)
        return [] if row is None else [row]

    # ---------------------------------------------------------------- what they share

    def _line(self, trace_id: bytes) -> Summary:
        """Return the trace's line, to be changed; a trace that is not here begins here."""
        line = self.summary(trace_id)
        if line is None:
            line = self._summaries[trace_id] = Summary(self._next_key, trace_id)
            self._next_key += 1
        self._changed[line.key] = line
        return line

    def _service(self, name: str) -> list[int]:
        return self._services.setdefault(name, [0, 0, 0])

    def _resource(self, row: SpanRow | LogRow) -> int:
        key = (row.resource, row.resource_schema_url)
        number = self._resources.get(key)
        if number is None:
            number = self._resources[key] = self._shared_row("otel_resources", *key)
        return number

    def _scope(self, row: SpanRow | LogRow) -> int:
        key = (row.scope, row.scope_schema_url)
        number = self._scopes.get(key)
        if number is None:
            number = self._scopes[key] = self._shared_row("otel_scopes", *key)
        return number

    def _shared_row(self, table: str, raw: bytes, schema_url: str) -> int:
        """Return the number of the row that holds *raw*, which is written where it is not there."""
        digest = blake2b(schema_url.encode() + b"\0" + raw, digest_size=16).digest()
        self.db.execute(
            f"INSERT OR IGNORE INTO {table} (Hash, SchemaUrl, Raw, Crc) VALUES (?, ?, ?, ?)",
            (digest, schema_url, raw, crc32(raw)),
        )
        (number,) = self._one(f"SELECT Id FROM {table} WHERE Hash = ?", digest)
        return int(number)

    def _scope_name(self, scope: bytes) -> str:
        name = self._scope_names.get(scope)
        if name is None:
            name = self._scope_names[scope] = InstrumentationScope.FromString(scope).name
        return name

    def _save_texts(self) -> None:
        documents = []
        for key, texts in self._texts.items():
            line = self._changed[key]
            if line.texts < 1 << _TEXT_BITS:
                documents.append(((key << _TEXT_BITS) + line.texts, " ".join(texts)))
                line.texts += 1
        self.db.executemany("INSERT INTO otel_traces_text (rowid, Text) VALUES (?, ?)", documents)


def _span_words(span: Span, attributes: dict[str, Any]) -> list[str]:
    """Return the texts by which a span is found."""
    words = [span.name[:MAX_WORDS], span.status.message[:MAX_WORDS], *attribute_words(attributes)]
    for event in span.events[:_SEARCHED_EVENTS]:
        words.append(event.name[:MAX_WORDS])
        words += attribute_words(decode_attributes(event.attributes))
    return words
