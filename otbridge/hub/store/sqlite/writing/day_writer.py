"""Writes rows into one day's file, within a transaction that the writer opens and commits.

Everything that makes reading fast is kept here while rows come in: the trace's summary line, the
words for the text search, the services' totals, and what the agents' spans are about.
"""

# ruff: noqa: S608 - the SQL is put together from our own names; values only go in as parameters

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from otbridge.hub.store.sqlite.files import legacy
from otbridge.hub.store.sqlite.files.schema import RETIRED_CACHE_KIB, open_writer
from otbridge.hub.store.sqlite.writing import open_spans
from otbridge.hub.store.sqlite.writing.log_writer import LogWriter
from otbridge.hub.store.sqlite.writing.metric_writer import MetricWriter
from otbridge.hub.store.sqlite.writing.session_writer import SessionWriter
from otbridge.hub.store.sqlite.writing.sources import SourceNumbers
from otbridge.hub.store.sqlite.writing.span_writer import SpanWriter
from otbridge.hub.store.sqlite.writing.summary import COLUMNS, INSERT, UPDATE, Summary
from otbridge.hub.store.words import AttributeWords

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from otbridge.wire.rows import LogRow, MetricsRow, SpanRow

__all__ = ["DayWriter"]

_KEPT_SUMMARIES: Final = 8_192
"""Traces kept in memory between commits, with the ids of their spans some 4 kB each; most records
belong to one of them."""

_METRICS_LOOKED_AT: Final = 4_096
"""Metrics have no index; what is sent again was sent a moment ago, or is not here."""

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
        self._summaries: dict[bytes, Summary] = {}
        self._changed: dict[int, Summary] = {}
        self._services: dict[str, list[int]] = {}
        has_old = legacy.has_rows(self.db)
        words = AttributeWords()
        self._sources = SourceNumbers(self.db)
        self._metrics = MetricWriter(self.db)
        self._sessions = SessionWriter(self.db, words)
        self._logs = LogWriter(
            self.db, self._sources, words, sessions=self._sessions, has_old=has_old
        )
        self._spans = SpanWriter(
            self.db,
            self._sources,
            words,
            self._line,
            self._summaries.get,
            sessions=self._sessions,
            has_old=has_old,
        )

    @property
    def duplicates(self) -> int:
        """Spans of this transaction that were there already."""
        self._settle()
        return self._spans.duplicates

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
        self._settle()
        self._spans.save()
        self._logs.save()
        self._metrics.save()
        self._sessions.save()
        self._save_lines()
        self.db.executemany(
            _SAVE_SERVICE, [(name, *counts, now_ns) for name, counts in self._services.items()]
        )
        self.db.execute("COMMIT")
        self._changed.clear()
        self._services.clear()
        for trace_id in list(self._summaries)[:-_KEPT_SUMMARIES]:
            del self._summaries[trace_id]
        self._sources.trim()

    def _save_lines(self) -> None:
        new = [line for line in self._changed.values() if line.is_new]
        old = [line for line in self._changed.values() if not line.is_new]
        for sql, lines in ((INSERT, new), (UPDATE, old)):
            if lines:  # a statement that writes nothing takes 2 µs, too
                self.db.executemany(sql, [line.columns() for line in lines])
        for line in new:
            line.is_new = False

    def rollback(self) -> None:
        """Undo the transaction, and forget all that may have come from it."""
        self._summaries.clear()
        self._changed.clear()
        self._services.clear()
        self._sources.forget()
        self._spans.forget()
        self._logs.forget()
        self._metrics.forget()
        self._sessions.forget()
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

    def trace_ids(self, after: bytes, limit: int) -> list[bytes]:
        """Return the next *limit* ids of traces, in their order."""
        sql = "SELECT TraceId FROM otel_trace_summary WHERE TraceId > ? ORDER BY TraceId LIMIT ?"
        return [trace_id for (trace_id,) in self.db.execute(sql, (after, limit))]

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

    def forget_batches(self, streams: str, sequence: int) -> None:
        """Forget the batches below *sequence* in the streams whose names begin with *streams*."""
        self.db.execute(
            "DELETE FROM batches WHERE Stream >= ? AND Stream < ? AND Sequence < ?",
            (streams, streams + "\U0010ffff", sequence),
        )

    def known_logs(self, rows: Sequence[LogRow]) -> set[int]:
        """Return the places of those *rows* that this file has."""
        return self._logs.known(rows)

    def has_metrics(self, row: MetricsRow) -> bool:
        """Whether the same metrics are among the last that came here."""
        return (
            self._one(
                "SELECT 1 FROM (SELECT ServiceName, DataPoints, Raw FROM otel_metrics"
                " ORDER BY Id DESC LIMIT ?) WHERE ServiceName = ? AND DataPoints = ? AND Raw = ?",
                _METRICS_LOOKED_AT,
                row.service,
                row.data_points,
                row.data,
            )
            is not None
        )

    # ---------------------------------------------------------------- records

    def add_spans(self, rows: Iterable[SpanRow]) -> None:
        """Store spans, open ones and ended ones in any order."""
        self._spans.add(rows)

    def _settle(self) -> None:
        """Have the spans of this transaction taken in, which wait for others of their traces."""
        for service, count in self._spans.settle().items():
            self._service(service)[0] += count

    def add_logs(self, rows: Sequence[LogRow]) -> None:
        """Store log records."""
        keys: list[int | None] = []
        for row in rows:
            self._service(row.service)[1] += 1
            if row.trace_id:
                line = self._line(row.trace_id)
                line.add_log(row)
                keys.append(line.key)
            else:
                keys.append(None)
        self._logs.add(rows, keys)

    def add_metrics(self, rows: Iterable[MetricsRow]) -> None:
        """Store metrics."""
        for row in rows:
            self._metrics.add(row)
            self._service(row.service)[2] += row.data_points

    def lose_spans(self, producer: str) -> list[SpanRow]:
        """Mark the spans that *producer* left open as lost, and return them."""
        lost = []
        for columns in self.db.execute(
            f"{open_spans.SELECT} WHERE o.Producer = ? AND o.Lost = 0 ORDER BY o.Id", (producer,)
        ).fetchall():
            span = open_spans.read(columns)
            self._spans.lose_span(self._line(span.trace_id), span.span_id)
            if span.row is not None:  # one that does not fit its checksum is lost, but not shown
                span.row.lost = True
                lost.append(span.row)
        return lost

    def find_span(self, trace_id: bytes, span_id: bytes) -> list[SpanRow]:
        """Mark a span of ours as open again; return it where it was lost and is sound."""
        line = self._line(trace_id)
        if not self._spans.find_span(line, span_id):
            return []
        columns = self._one(
            f"{open_spans.SELECT} WHERE o.TraceKey = ? AND o.SpanId = ?", line.key, span_id
        )
        row = open_spans.read(columns).row
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
        counts = self._services.get(name)
        if counts is None:
            counts = self._services[name] = [0, 0, 0]
        return counts
