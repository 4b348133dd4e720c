"""Counts by the minute as files had them that were written before there were stretches."""

from __future__ import annotations

from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Final

import msgspec

from otbridge.hub.store.sqlite.counts.durations import Durations
from otbridge.hub.store.sqlite.counts.histogram import LANE_BITS
from otbridge.hub.store.sqlite.files.tables import COUNTED

if TYPE_CHECKING:
    import sqlite3

__all__ = ["bring_over"]

_HAS_THEM: Final = "SELECT 1 FROM sqlite_schema WHERE name = 'otel_operation_minutes'"

_OPERATIONS: Final = (
    "SELECT Minute, OperationId, ErrorCount, Durations FROM otel_operation_minutes ORDER BY Minute"
)
_EDGES: Final = (
    "SELECT m.Minute, e.Id, m.ErrorCount, m.Durations FROM otel_edge_minutes m"
    " JOIN otel_edges e USING (Client, Server, Link) ORDER BY m.Minute"
)
_MAKE_EDGES: Final = (
    "INSERT INTO otel_edges (Client, Server, Link)"
    " SELECT DISTINCT Client, Server, Link FROM otel_edge_minutes"
)
_OLD: Final = (
    "otel_operation_minutes",
    "otel_operation_hours",
    "otel_edge_minutes",
    "otel_edge_hours",
)

_buckets_of = msgspec.msgpack.Decoder(dict[int, int]).decode


def bring_over(db: sqlite3.Connection) -> None:
    """Give a file its counts in today's form, where it has older ones."""
    if db.execute(_HAS_THEM).fetchone() is None:
        return
    db.executescript(f"BEGIN IMMEDIATE; {COUNTED}")
    db.execute(_MAKE_EDGES)
    for select, table in ((_OPERATIONS, "otel_operation_counts"), (_EDGES, "otel_edge_counts")):
        for minute, rows in groupby(db.execute(select), key=itemgetter(0)):
            whole = Durations()
            for _, number, errors, buckets in rows:
                counts = _buckets_of(buckets).items()
                whole.taken[number] = sum(count << at * LANE_BITS for at, count in counts)
                if errors:
                    whole.failed[number] = errors
            db.execute(
                f"INSERT INTO {table} (Minutes, Begin, Durations) VALUES (1, ?, ?)",  # noqa: S608 - our own names
                (minute, whole.pack()),
            )
    for name in _OLD:
        db.execute(f"DROP TABLE {name}")
    db.execute("COMMIT")
