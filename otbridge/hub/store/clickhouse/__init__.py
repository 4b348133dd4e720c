"""The store for more than one machine: ClickHouse, on servers or embedded.

One thread inserts (`writer`, `inserts`, `columns`); questions are asked from any thread
(`questions`, and `traces`, `logs`, `runs`, `facets`, `scan`, `operations`, `totals`). Several hubs
may share one store: what they insert is put together by ClickHouse (`schema`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from otbridge._clock import SystemClock
from otbridge.hub.store.clickhouse import (
    facets,
    logs,
    metrics,
    open_spans,
    operations,
    retention,
    runs,
    scan,
    sessions,
    totals,
    traces,
)
from otbridge.hub.store.clickhouse.inserts import Inserts
from otbridge.hub.store.clickhouse.questions import Asker
from otbridge.hub.store.clickhouse.schema import Tables, migrate
from otbridge.hub.store.clickhouse.writer import InsertingWriter
from otbridge.hub.store.vocabulary import Retention, StoreTotals

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from concurrent.futures import Future

    from otbridge._clock import Clock
    from otbridge.hub.store.clickhouse.engine import Engine
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

__all__ = ["ClickHouseStore"]


class ClickHouseStore:
    """A `Store` in a ClickHouse database; see there for what the methods promise."""

    def __init__(
        self,
        engine: Engine,
        database: str,
        cluster: str = "",
        *,
        clock: Clock | None = None,
        retention: Retention | None = None,
    ) -> None:
        """Open the store, and make its tables where there are none.

        Args:
            engine: Runs the statements; the store closes it.
            database: Where the tables are; made where there is none.
            cluster: Over whose shards the tables are spread.
            clock: The machine's by default.
            retention: How much it keeps.

        Raises:
            StoreError: ClickHouse cannot be reached, or its tables are not for us.
        """
        self._engine = engine
        self._database = database
        self._clock = clock or SystemClock()
        self._retention = retention or Retention()
        try:
            migrate(engine, database, cluster)
        except BaseException:
            engine.close()
            raise
        tables = Tables.of(database, cluster)
        self._asker = Asker(engine, tables)
        self._inserts = Inserts(engine, tables, self._clock)
        self._writer = InsertingWriter(self._inserts.store)
        self._deleted_bytes = 0

    def submit(self, batch: Batch) -> Future[None]:
        """Have *batch* stored."""
        return self._writer.submit(batch)

    def mark_lost(self, producer: str) -> Future[list[SpanRow]]:
        """Give the spans that *producer* left open the verdict "lost"."""
        return self._writer.call(lambda: self._mark(producer))

    def mark_open(self, spans: Sequence[tuple[bytes, bytes]]) -> Future[list[SpanRow]]:
        """Take the verdict "lost" back from *spans*."""
        return self._writer.call(lambda: self._unmark(spans))

    def expire(self) -> Future[Expired]:
        """Delete what is more than the store is to keep."""
        return self._writer.call(self._expire)

    def close(self) -> None:
        """Store what is waiting and give everything back."""
        self._writer.close()
        self._engine.close()

    def traces(
        self, wanted: TraceFilter, limit: int, after: TracePosition | None = None
    ) -> list[TraceSummary]:
        """Return a page of traces, newest first."""
        return traces.page(self._asker, wanted, limit, after, self._clock.time_ns())

    def summary(self, trace_id: bytes) -> TraceSummary | None:
        """Return one trace in one line."""
        return traces.summary(self._asker, trace_id)

    def trace(self, trace_id: bytes, limit: int) -> StoredTrace | None:
        """Return one trace with its spans and logs."""
        return traces.whole(self._asker, trace_id, limit)

    def logs(
        self, wanted: LogFilter, limit: int, after: LogPosition | None = None
    ) -> list[StoredLog]:
        """Return a page of log records, newest first."""
        return logs.page(self._asker, wanted, limit, after, self._clock.time_ns())

    def spans(self, trace_ids: Collection[bytes], limit: int) -> list[SpanRow]:
        """Return the spans of several traces."""
        return traces.spans_of(self._asker, trace_ids, limit)

    def related(self, trace_id: bytes) -> set[bytes]:
        """Return the traces joined with this one."""
        return runs.related(self._asker, trace_id)

    def traces_of_run(self, run: str) -> set[bytes]:
        """Return the traces that name *run* as their run."""
        return runs.traces_of_run(self._asker, run)

    def open_producers(self) -> list[str]:
        """Return the producers of spans that are open and not lost."""
        return open_spans.open_producers(self._asker)

    def scan(self, wanted: ScanFilter, limit: int, after: ScanPosition | None = None) -> ScanPage:
        """Return a page of everything stored, in the order in which it was."""
        return scan.page(self._asker, wanted, limit, after)

    def facets(self, wanted: LogFilter | TraceFilter, field: FacetField | AttributeKey) -> Facets:
        """Return how often each value of *field* occurs."""
        return facets.count(self._asker, wanted, field)

    def operations(
        self, from_ns: int, to_ns: int, service: str | None = None
    ) -> list[OperationTotals]:
        """Return what the services did in this time."""
        return operations.operations(self._asker, from_ns, to_ns, service)

    def operation_minutes(
        self, from_ns: int, to_ns: int, limit: int, service: str | None = None
    ) -> list[OperationMinute]:
        """Return what the services did in each minute."""
        return operations.operation_minutes(self._asker, from_ns, to_ns, limit, service)

    def service_map(self, from_ns: int, to_ns: int) -> ServiceMap:
        """Return which services called which in this time."""
        return operations.service_map(self._asker, from_ns, to_ns)

    def sessions(
        self, wanted: SessionFilter, limit: int, after: SessionPosition | None = None
    ) -> list[StoredSession]:
        """Return a page of sessions, newest first."""
        return sessions.page(self._asker, wanted, limit, after)

    def session(self, session_id: str) -> list[SessionSummary]:
        """Return the sessions with this id."""
        return sessions.by_id(self._asker, session_id)

    def metrics(self, service: str | None = None) -> list[MetricTotals]:
        """Return the metrics that there are."""
        return metrics.names(self._asker, service)

    def metric_rows(self, wanted: MetricFilter, limit: int) -> list[MetricsRow]:
        """Return rows with the data points of a metric."""
        return metrics.rows(self._asker, wanted, limit)

    def services(self) -> list[ServiceTotals]:
        """Return every service that has sent spans or logs."""
        return totals.services(self._asker)

    def totals(self) -> StoreTotals:
        """Return the store in numbers."""
        span_count, log_count, points = totals.counts(self._asker)
        held = retention.bytes_by_day(self._engine, self._database)
        return StoreTotals(
            bytes=sum(held.values()),
            spans=span_count,
            logs=log_count,
            data_points=points,
            duplicates=self._writer.duplicates,
            waiting=self._writer.waiting,
            corrupt=0,  # ClickHouse checks its own checksums, and refuses to answer from bad parts
            days=tuple(held),
            retention=self._retention,
            deleted_bytes=self._deleted_bytes,
        )

    # ---------------------------------------------------------------- in the inserting thread

    def _mark(self, producer: str) -> list[SpanRow]:
        lost = open_spans.open_of(self._asker, producer)
        for span in lost:
            span.lost = True
        self._inserts.replace(lost)
        return lost

    def _unmark(self, wanted: Sequence[tuple[bytes, bytes]]) -> list[SpanRow]:
        found = open_spans.lost_among(self._asker, wanted)
        for span in found:
            span.lost = False
        self._inserts.replace(found)
        return found

    def _expire(self) -> Expired:
        gone = retention.expire(
            self._engine, self._database, self._retention, self._clock.time_ns()
        )
        self._deleted_bytes += gone.bytes
        return gone
