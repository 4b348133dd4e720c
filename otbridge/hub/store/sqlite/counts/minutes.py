"""What each operation and each pair of services did, counted by the minute while spans come in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from otbridge.hub.store.sqlite.counts.histogram import bucket_of
from otbridge.hub.store.sqlite.counts.late_edges import open_services, stored_spans
from otbridge.hub.store.sqlite.counts.stretches import StretchWriter
from otbridge.hub.store.sqlite.files import older_minutes

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable

    from otbridge.hub.store.sqlite.writing.summary import Summary
    from otbridge.wire.rows import SpanRow

__all__ = ["MINUTE_NS", "Minutes"]

MINUTE_NS: Final = 60_000_000_000

_KEPT: Final = 8_192
"""Numbers of operations, and of edges, kept in memory: some 200 bytes each."""

_MAX_OPERATIONS: Final = 2_000
"""Operations of one service that are told apart in one file. Where a service writes ids into its
spans' names, all later ones count as one without a name."""

_RECALLED: Final = 20
"""Forgotten traces that are read back in one transaction, one of 30 spans in 0.35 ms; others keep their
late edges to themselves."""

_RECALLED_SPANS: Final = 1_000
"""Spans of a trace that is read back: 15 µs each."""

_ERROR: Final = 2
"""OTLP's StatusCode."""


class Heard(NamedTuple):
    """A span that another one caused, as it counts for the edge between their services."""

    minute: int
    service: str
    link: bool
    bucket: int
    error: bool


class Minutes:
    """The counts of one file, within the transaction that its writer has open."""

    def __init__(self, db: sqlite3.Connection) -> None:
        older_minutes.bring_over(db)
        self._db = db
        self._operations = StretchWriter(db, "otel_operation_counts")
        self._edges = StretchWriter(db, "otel_edge_counts")
        self._numbers: dict[tuple[str, str, int], int] = {}
        self._names: dict[str, int] = {}
        self._edge_numbers: dict[tuple[str, str, bool], int] = {}
        self._recalled = 0

    def save(self) -> None:
        """Write down what has changed."""
        self._operations.save()
        self._edges.save()
        self._recalled = 0

    def forget(self) -> None:
        """Forget what may be rolled back."""
        self._operations.forget()
        self._edges.forget()
        self._numbers.clear()
        self._names.clear()
        self._edge_numbers.clear()
        self._recalled = 0

    def add_all(self, rows: Iterable[SpanRow], line: Summary) -> None:
        """Count ended spans of a trace for their operations, and for the edges they are ends of."""
        numbers, here, last = self._numbers, line.here, -1
        for row in rows:
            start_ns, service, parent = row.start_ns, row.service, row.parent_span_id
            number = numbers.get((service, row.name, row.kind))
            if number is None:
                number = self._number(service, row.name, row.kind)
            minute = start_ns // MINUTE_NS
            if minute != last:
                count, last = self._operations.of(minute).append, minute
            duration = row.end_ns - start_ns
            bucket = bucket_of(duration) if duration > 0 else 0
            error = row.status == _ERROR
            count((number, bucket, error))
            if not parent:
                continue
            # Most spans have a parent in their own service; the others may be an edge's end.
            client = here.get(parent) if here else None
            if client is None:
                heard = Heard(minute, service, False, bucket, error)
                line.waiting.setdefault(parent, []).append(heard)
            elif client != service and client:
                edge = self._edge(client, service, False)
                self._edges.of(minute).append((edge, bucket, error))

    def recall(self, row: SpanRow, line: Summary) -> None:
        """Learn what a trace was that has been forgotten, before *row* is added to it."""
        here = line.here
        if here and next(iter(here.values())) == "":
            self._recall(line, row)  # it was looked up in the file, which begins with such

    def _recall(self, line: Summary, row: SpanRow) -> None:
        """Learn of a trace that was forgotten which services its spans are of, and who waits."""
        here = line.here
        if here is None or line.spans > _RECALLED_SPANS or self._recalled == _RECALLED:
            return
        self._recalled += 1
        is_new = here[row.span_id] != ""  # or it was open before, and its children knew it
        for span_id, service in open_services(self._db, line.key).items():
            here[span_id] = here.get(span_id) or service
        spans = list(stored_spans(self._db, line.key))
        for span in spans:
            here[span.span_id] = here.get(span.span_id) or span.service
        here[row.span_id] = row.service
        for span in spans:
            cause = span.parent_span_id
            is_waiting = cause and (cause not in here or (is_new and cause == row.span_id))
            if is_waiting and span.span_id != row.span_id:
                bucket = bucket_of(max(span.end_ns - span.start_ns, 0))
                minute, error = span.start_ns // MINUTE_NS, span.status == _ERROR
                self.join(line, cause, Heard(minute, span.service, False, bucket, error))

    def link(self, row: SpanRow, linked: Summary, span_id: bytes) -> None:
        """Count an edge from a linked span to one that takes messages."""
        bucket = bucket_of(max(row.end_ns - row.start_ns, 0))
        heard = Heard(row.start_ns // MINUTE_NS, row.service, True, bucket, row.status == _ERROR)
        self.join(linked, span_id, heard)

    def join(self, line: Summary, cause: bytes, heard: Heard) -> None:
        """Count an edge from the span *cause* of that trace, now or when it comes."""
        client = line.here.get(cause) if line.here else None
        if client is None:
            line.waiting.setdefault(cause, []).append(heard)
        elif client != heard.service and client:
            self._count(client, heard)

    def meet(self, line: Summary, span_id: bytes, client: str) -> None:
        """Count the edges from a span to those that came before it."""
        for heard in line.waiting.pop(span_id, ()):
            if heard.service != client:
                self._count(client, heard)

    def _count(self, client: str, heard: Heard) -> None:
        edge = self._edge(client, heard.service, heard.link)
        self._edges.of(heard.minute).append((edge, heard.bucket, heard.error))

    def _edge(self, client: str, server: str, link: bool) -> int:
        """Return the number of an edge, which is written down where it is new."""
        edge = client, server, link
        number = self._edge_numbers.get(edge)
        if number is None:
            if len(self._edge_numbers) >= _KEPT:
                self._edge_numbers.clear()
            number = self._edge_numbers[edge] = self._edge_number(*edge)
        return number

    def _edge_number(self, client: str, server: str, link: bool) -> int:
        edge = client, server, int(link)
        self._db.execute(
            "INSERT OR IGNORE INTO otel_edges (Client, Server, Link) VALUES (?, ?, ?)", edge
        )
        sql = "SELECT Id FROM otel_edges WHERE Client = ? AND Server = ? AND Link = ?"
        return int(self._db.execute(sql, edge).fetchone()[0])

    def _number(self, service: str, name: str, kind: int) -> int:
        """Return the number of an operation, which is written down where it is new."""
        found = self._find(service, name, kind)
        if found is None:
            if service not in self._names:
                (self._names[service],) = self._db.execute(
                    "SELECT count(*) FROM otel_operations WHERE ServiceName = ?", (service,)
                ).fetchone()
            if self._names[service] >= _MAX_OPERATIONS:
                name, kind = "", 0
            self._names[service] += 1
            self._db.execute(
                "INSERT OR IGNORE INTO otel_operations (ServiceName, SpanName, SpanKind)"
                " VALUES (?, ?, ?)",
                (service, name, kind),
            )
            found = self._find(service, name, kind)
        if len(self._numbers) >= _KEPT:
            self._numbers.clear()
        number = self._numbers[service, name, kind] = int(found)
        return number

    def _find(self, service: str, name: str, kind: int) -> Any:
        found = self._db.execute(
            "SELECT Id FROM otel_operations WHERE ServiceName = ? AND SpanName = ? AND SpanKind = ?",
            (service, name, kind),
        ).fetchone()
        return found[0] if found else None
