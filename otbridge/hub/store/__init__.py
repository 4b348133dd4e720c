"""Keeps what the hub acknowledged, and answers questions about it.

A store takes batches of rows (`otbridge.wire.rows`) and is asked in the words of `vocabulary`.
Which kind of store it is, is decided by the address it is opened with; nobody else has to know.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from otbridge.errors import QueryError, StoreError

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from concurrent.futures import Future

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
        Retention,
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
        StoreTotals,
        TraceFilter,
        TracePosition,
        TraceSummary,
    )
    from otbridge.wire.rows import Batch, MetricsRow, SpanRow

__all__ = ["QueryTooSlow", "Store", "StoreFull", "open_store"]


class StoreFull(StoreError):  # noqa: N818 - says what the store is
    """The store takes nothing at the moment; the sender should keep the batch and come back."""


class QueryTooSlow(QueryError):  # noqa: N818 - says what the question is
    """The question needed more time than one question is given."""


class Store(Protocol):
    """A place that keeps batches and is asked about them.

    Batches may be submitted from any thread. Questions block and belong in a worker thread; each
    has a time budget, and none ever delays the writing. A list that has to be looked for record by
    record is a `ShortPage` where its time was up before there was enough.

    Raises:
        QueryTooSlow: From any question that took longer than its budget.
        StoreError: From any question, where the store cannot be read.
    """

    def submit(self, batch: Batch) -> Future[None]:
        """Have *batch* stored; never blocks and never raises.

        The future is resolved when the batch is on disk, and not before. It fails with `StoreFull`
        where too much is waiting already or there is no room, and with another `StoreError` where
        the batch cannot be stored at all. A batch whose `key` is known is not stored again. A span
        is stored once; an ended one takes the place of the open one, whichever comes first.
        """
        ...

    def mark_lost(self, producer: str) -> Future[list[SpanRow]]:
        """Give the spans that *producer* left open the verdict "lost"; the future has them."""
        ...

    def mark_open(self, spans: Sequence[tuple[bytes, bytes]]) -> Future[list[SpanRow]]:
        """Take the verdict "lost" back from the spans with these (trace id, span id).

        The future has those that had it and have not ended.
        """
        ...

    def expire(self) -> Future[Expired]:
        """Delete what is more than the store's `Retention` allows.

        The store keeps to its size by itself, too, while it is written to; age is only looked at
        here. The future has all that was deleted since this was called last.
        """
        ...

    def close(self) -> None:
        """Commit what is waiting and give everything back; may be called twice."""
        ...

    def traces(
        self, wanted: TraceFilter, limit: int, after: TracePosition | None = None
    ) -> list[TraceSummary]:
        """Return at most *limit* traces with spans, newest first, beginning after *after*."""
        ...

    def summary(self, trace_id: bytes) -> TraceSummary | None:
        """Return one trace in one line, or None where the store has nothing of it."""
        ...

    def trace(self, trace_id: bytes, limit: int) -> StoredTrace | None:
        """Return a trace with at most *limit* spans and *limit* logs, or None."""
        ...

    def logs(
        self, wanted: LogFilter, limit: int, after: LogPosition | None = None
    ) -> list[StoredLog]:
        """Return at most *limit* log records, newest first, beginning after *after*."""
        ...

    def spans(self, trace_ids: Collection[bytes], limit: int) -> list[SpanRow]:
        """Return at most *limit* spans of these traces, in start order."""
        ...

    def related(self, trace_id: bytes) -> set[bytes]:
        """Return the traces that a link, a run id or a conversation id joins with this one."""
        ...

    def traces_of_run(self, run: str) -> set[bytes]:
        """Return the traces with an agent's span that names *run* as its run."""
        ...

    def open_producers(self) -> list[str]:
        """Return the producers of spans that are open and not lost."""
        ...

    def scan(self, wanted: ScanFilter, limit: int, after: ScanPosition | None = None) -> ScanPage:
        """Return at most *limit* records in the order in which they were stored.

        Of metrics, what one resource sent at once counts as one.
        """
        ...

    def facets(self, wanted: LogFilter | TraceFilter, field: FacetField | AttributeKey) -> Facets:
        """Return how often each value of *field* occurs among the logs, or traces, that fit.

        Traces have no severity. Only so many are looked at as the time budget allows.
        """
        ...

    def operations(
        self, from_ns: int, to_ns: int, service: str | None = None
    ) -> list[OperationTotals]:
        """Return what the services did between *from_ns* and *to_ns*, by service, name and kind.

        A span counts for the minute in which it began. The time is widened to whole minutes, and
        the rates are those of the widened time.
        """
        ...

    def operation_minutes(
        self, from_ns: int, to_ns: int, limit: int, service: str | None = None
    ) -> list[OperationMinute]:
        """Return the same minute by minute, by service, name, kind and time; *limit* rows at most."""
        ...

    def service_map(self, from_ns: int, to_ns: int) -> ServiceMap:
        """Return which services called which in this time, widened to whole minutes.

        A message that came long before or after what it is linked to may be missing from its edge's
        count, and so may spans whose parents come late by the thousands.
        """
        ...

    def sessions(
        self, wanted: SessionFilter, limit: int, after: SessionPosition | None = None
    ) -> list[StoredSession]:
        """Return at most *limit* sessions, newest first, beginning after *after*."""
        ...

    def session(self, session_id: str) -> list[SessionSummary]:
        """Return the sessions with this id, one for each attribute that names it."""
        ...

    def metrics(self, service: str | None = None) -> list[MetricTotals]:
        """Return the metrics that there are, by name, type and unit."""
        ...

    def metric_rows(self, wanted: MetricFilter, limit: int) -> list[MetricsRow]:
        """Return at most *limit* rows that may have the data points, the latest ones first.

        A row has other metrics, and points of other times, beside them.
        """
        ...

    def services(self) -> list[ServiceTotals]:
        """Return every service that has sent spans or logs, by name."""
        ...

    def totals(self) -> StoreTotals:
        """Return the store in numbers."""
        ...


def open_store(
    address: str | Path,
    *,
    clock: Clock | None = None,
    retention: Retention | None = None,
    apart: bool = False,
) -> Store:
    """Open the store at *address*, and make it where there is none.

    Args:
        address: One of

            - a folder for SQLite files, as a path or as `sqlite:///ABSOLUTE/PATH`; it belongs to
              one process at a time;
            - `clickhouse://[user[:password]@]host[:port][,host…]/database`, which several hubs may
              share (see `otbridge.hub.store.clickhouse.address`);
            - `chdb:///ABSOLUTE/PATH`, the same embedded, of one hub at a time.
        clock: Where the store gets its time from; the machine's by default.
        retention: How much it keeps.
        apart: Whether SQLite files are written by a process of their own, so that taking, writing
            and asking share no interpreter; 30 MB more. ClickHouse is one anyhow.

    Raises:
        StoreError: The address is of no known kind, or the store there cannot be opened.
    """
    # Imported here so that naming the protocol does not load a database.
    if isinstance(address, str) and address.startswith(("clickhouse://", "chdb://")):
        from otbridge.hub.store.clickhouse.opening import open_clickhouse

        return open_clickhouse(address, clock=clock, retention=retention)
    from otbridge.hub.store.sqlite import SqliteStore

    return SqliteStore(_folder(address), clock=clock, retention=retention, apart=apart)


def _folder(address: str | Path) -> Path:
    if isinstance(address, Path):
        return address
    scheme, separator, rest = address.partition("://")
    if not separator:
        if not address:
            raise StoreError("The store's address is empty.", "", "Give a folder.")
        return Path(address)
    if scheme != "sqlite":
        raise StoreError(
            f"The store address {scheme}://… is of no known kind.",
            "It stores in SQLite files or in ClickHouse.",
            "Give a folder, sqlite:///PATH, clickhouse://HOST/DATABASE, or chdb:///PATH.",
        )
    # As in file URLs the path is absolute; with four slashes, as database URLs have it, it is the
    # same one.
    path = "/" + rest.lstrip("/")
    if not rest.startswith("/") or path == "/":
        raise StoreError(
            f"The store address {address} names no folder.",
            "After sqlite:// comes an absolute path.",
            "Write sqlite:///absolute/folder, or give a relative folder without sqlite://.",
        )
    return Path(path)
