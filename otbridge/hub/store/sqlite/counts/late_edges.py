"""What a trace's file says about edges that were not counted because somebody came late.

The spans of a trace are in memory while it is heard of. When it was long forgotten and one more
span ends, the others are read back: one may be its parent, and others may be its children. (Only
where even the beginning of a parent is told after a child has ended and was forgotten, the edge is
missing.)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from opentelemetry.proto.trace.v1.trace_pb2 import Span

from otbridge.hub.store.sqlite.packs.pack_dictionaries import PackReader

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator

    from otbridge.hub.store.sqlite.packs.packs import Times

__all__ = ["StoredSpan", "open_services", "stored_spans"]


class StoredSpan(NamedTuple):
    """An ended span that is in the file."""

    span_id: bytes
    parent_span_id: bytes
    service: str
    start_ns: int
    end_ns: int
    status: int


def stored_spans(db: sqlite3.Connection, key: int) -> Iterator[StoredSpan]:
    """Yield the ended spans of the trace with this *key*, without those in damaged packs."""
    services: dict[int, str] = {}
    parts = "SELECT First, length(SpanIds) / 8 FROM otel_trace_parts WHERE TraceKey = ?"
    for first, count in db.execute(parts, (key,)).fetchall():
        for data, source, times in _records(db, first, first + count):
            if source not in services:
                sql = "SELECT ServiceName FROM otel_sources WHERE Id = ?"
                (services[source],) = db.execute(sql, (source,)).fetchone() or ("",)
            span = Span.FromString(data)
            start_ns, end_ns = times or (span.start_time_unix_nano, span.end_time_unix_nano)
            ids = span.span_id, span.parent_span_id
            yield StoredSpan(*ids, services[source], start_ns, end_ns, span.status.code)


def _records(
    db: sqlite3.Connection, at: int, end: int
) -> Iterator[tuple[bytes, int, Times | None]]:
    """Yield the spans with the numbers from *at* to *end*: bytes, source, and times of their own."""
    find = (
        "SELECT Id, SpanCount, Raw, Crc FROM otel_span_packs WHERE Id <= ? ORDER BY Id DESC LIMIT 1"
    )
    packs = PackReader.of(db)
    while at < end:
        first, count, raw, crc = db.execute(find, (at,)).fetchone() or (0, 0, b"", 0)
        if at >= first + count:
            return
        behind = min(first + count, end)
        pack = packs.read(raw, crc)
        if pack is not None:
            for place in range(at - first, behind - first):
                yield pack.records[place], pack.sources[place], pack.times.get(place)
        at = behind


def open_services(db: sqlite3.Connection, key: int) -> dict[bytes, str]:
    """Return the services of the trace's spans that have not ended, by the spans' ids."""
    sql = (
        "SELECT o.SpanId, s.ServiceName FROM otel_open_spans o"
        " JOIN otel_sources s ON s.Id = o.SourceId WHERE o.TraceKey = ?"
    )
    return dict(db.execute(sql, (key,)))
