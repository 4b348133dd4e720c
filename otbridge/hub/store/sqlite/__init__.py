"""The default store: SQLite files, one or a few per day, nothing to install.

One thread writes (`writing`), in a process of its own where there is much to do; a few connections
that cannot write answer questions (`questions`). SQLite's write-ahead log lets them go on side by
side. Both know how records lie together (`packs`), how often and how long things took (`counts`),
and what is in the folder (`files`).
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from otbridge._clock import SystemClock
from otbridge.hub.store.sqlite.files.days import Folder, date_of
from otbridge.hub.store.sqlite.questions import (
    facets,
    logs,
    metrics,
    operations,
    runs,
    scan,
    sessions,
    totals,
    traces,
)
from otbridge.hub.store.sqlite.questions.operation_minutes import operation_minutes
from otbridge.hub.store.sqlite.questions.reader import Readers
from otbridge.hub.store.sqlite.writing.writer import DayFilesWriter
from otbridge.hub.store.sqlite.writing.writer_apart import WriterApart
from otbridge.hub.store.vocabulary import Retention, StoreTotals

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from concurrent.futures import Future
    from pathlib import Path

    from otbridge._clock import Clock
    from otbridge.hub.store.vocabulary import (
        AttributeKey,
        Expired,
        FacetField,
        Facets,
        LogFilter,
        LogPosition,
        MetricFilter,
        MetricTotals,
        OperationMinute,
        OperationTotals,
        ScanFilter,
        ScanPage,
        ScanPosition,
        ServiceMap,
        ServiceTotals,
        SessionFilter,
        SessionPosition,
        SessionSummary,
        StoredLog,
        StoredSession,
        StoredTrace,
        TraceFilter,
        TracePosition,
        TraceSummary,
    )
    from otbridge.wire.rows import Batch, MetricsRow, SpanRow

__all__ = ["SqliteStore"]


class SqliteStore:
    """A `Store` in a folder of SQLite files; see there for what the methods promise."""

    def __init__(
        self,
        path: Path,
        *,
        clock: Clock | None = None,
        retention: Retention | None = None,
        apart: bool = False,
    ) -> None:
        """Open the folder at *path*, and make it where there is none; *apart* as in `open_store`.

        Raises:
            StoreError: The folder cannot be used, is in use, or holds files that are not ours.
        """
        self._folder = Folder(path)
        self._retention = retention or Retention()
        kind = WriterApart if apart else DayFilesWriter
        self._writer = kind(self._folder, clock or SystemClock(), self._retention)
        self._readers = Readers(self._folder, lambda: self._writer.holdings.days)
        self._writer.on_deleted(self._readers.let_go)
        self._closing = threading.Lock()

    def submit(self, batch: Batch) -> Future[None]:
        """Have *batch* stored."""
        return self._writer.submit(batch)

    def mark_lost(self, producer: str) -> Future[list[SpanRow]]:
        """Give the spans that *producer* left open the verdict "lost"."""
        return self._writer.mark_lost(producer)

    def mark_open(self, spans: Sequence[tuple[bytes, bytes]]) -> Future[list[SpanRow]]:
        """Take the verdict "lost" back from *spans*."""
        return self._writer.mark_open(spans)

    def expire(self) -> Future[Expired]:
        """Delete what is more than the store is to keep."""
        return self._writer.expire()

    def close(self) -> None:
        """Commit what is waiting and give everything back."""
        with self._closing:
            # Readers first: the last connection to close takes the write-ahead log with it, and
            # that has to be the writing one.
            self._readers.close()
            self._writer.close()

    def traces(
        self, wanted: TraceFilter, limit: int, after: TracePosition | None = None
    ) -> list[TraceSummary]:
        """Return a page of traces, newest first."""
        with self._readers.lend() as reader:
            return traces.page(reader, wanted, limit, after)

    def summary(self, trace_id: bytes) -> TraceSummary | None:
        """Return one trace in one line."""
        with self._readers.lend() as reader:
            return traces.summary(reader, trace_id)

    def trace(self, trace_id: bytes, limit: int) -> StoredTrace | None:
        """Return one trace with its spans and logs."""
        with self._readers.lend() as reader:
            return traces.whole(reader, trace_id, limit)

    def logs(
        self, wanted: LogFilter, limit: int, after: LogPosition | None = None
    ) -> list[StoredLog]:
        """Return a page of log records, newest first."""
        with self._readers.lend() as reader:
            return logs.page(reader, wanted, limit, after)

    def spans(self, trace_ids: Collection[bytes], limit: int) -> list[SpanRow]:
        """Return the spans of several traces."""
        with self._readers.lend() as reader:
            return runs.spans(reader, trace_ids, limit)

    def related(self, trace_id: bytes) -> set[bytes]:
        """Return the traces joined with this one."""
        with self._readers.lend() as reader:
            return runs.related(reader, trace_id)

    def traces_of_run(self, run: str) -> set[bytes]:
        """Return the traces that name *run* as their run."""
        with self._readers.lend() as reader:
            return runs.traces_of_run(reader, run)

    def open_producers(self) -> list[str]:
        """Return the producers of spans that are open and not lost."""
        with self._readers.lend() as reader:
            return traces.open_producers(reader)

    def scan(self, wanted: ScanFilter, limit: int, after: ScanPosition | None = None) -> ScanPage:
        """Return a page of everything stored, in the order in which it was."""
        with self._readers.lend() as reader:
            return scan.page(reader, wanted, limit, after)

    def facets(self, wanted: LogFilter | TraceFilter, field: FacetField | AttributeKey) -> Facets:
        """Return how often each value of *field* occurs."""
        with self._readers.lend() as reader:
            return facets.count(reader, wanted, field)

    def operations(
        self, from_ns: int, to_ns: int, service: str | None = None
    ) -> list[OperationTotals]:
        """Return what the services did in this time."""
        with self._readers.lend() as reader:
            return operations.operations(reader, from_ns, to_ns, service)

    def operation_minutes(
        self, from_ns: int, to_ns: int, limit: int, service: str | None = None
    ) -> list[OperationMinute]:
        """Return what the services did in each minute."""
        with self._readers.lend() as reader:
            return operation_minutes(reader, from_ns, to_ns, limit, service)

    def service_map(self, from_ns: int, to_ns: int) -> ServiceMap:
        """Return which services called which in this time."""
        with self._readers.lend() as reader:
            return operations.service_map(reader, from_ns, to_ns)

    def sessions(
        self, wanted: SessionFilter, limit: int, after: SessionPosition | None = None
    ) -> list[StoredSession]:
        """Return a page of sessions, newest first."""
        with self._readers.lend() as reader:
            return sessions.page(reader, wanted, limit, after)

    def session(self, session_id: str) -> list[SessionSummary]:
        """Return the sessions with this id."""
        with self._readers.lend() as reader:
            return sessions.by_id(reader, session_id)

    def metrics(self, service: str | None = None) -> list[MetricTotals]:
        """Return the metrics that there are."""
        with self._readers.lend() as reader:
            return metrics.names(reader, service)

    def metric_rows(self, wanted: MetricFilter, limit: int) -> list[MetricsRow]:
        """Return rows with the data points of a metric."""
        with self._readers.lend() as reader:
            return metrics.rows(reader, wanted, limit)

    def services(self) -> list[ServiceTotals]:
        """Return every service that has sent spans or logs."""
        with self._readers.lend() as reader:
            return totals.services(reader)

    def totals(self) -> StoreTotals:
        """Return the store in numbers."""
        with self._readers.lend() as reader:
            span_count, log_count, points = totals.counts(reader)
            days = sorted({date_of(name) for name in reader.days})
        holdings = self._writer.holdings
        return StoreTotals(
            bytes=self._folder.size(),
            spans=span_count,
            logs=log_count,
            data_points=points,
            duplicates=holdings.duplicates,
            waiting=self._writer.waiting,
            corrupt=self._readers.corrupt,
            days=tuple(days),
            retention=self._retention,
            deleted_bytes=holdings.deleted_bytes,
            ballast_bytes=holdings.ballast_bytes,
        )
