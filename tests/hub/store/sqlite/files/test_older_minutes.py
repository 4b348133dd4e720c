"""Files with a row for each operation and minute go on: their counts are brought over."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import msgspec

from otbridge.hub.store import open_store
from otbridge.hub.store.sqlite.counts.histogram import bucket_of
from tests.hub.store.builders import SECOND, T0, span, store_now

if TYPE_CHECKING:
    from pathlib import Path

    from otbridge.testing.clock import FakeClock

MINUTE = 60 * SECOND

OLDER = """
DROP TABLE otel_operation_counts; DROP TABLE otel_edge_counts; DROP TABLE otel_edges;
CREATE TABLE otel_operation_minutes (Minute, OperationId, SpanCount, ErrorCount, Durations);
CREATE TABLE otel_operation_hours (Hour, OperationId, SpanCount, ErrorCount, Durations);
CREATE TABLE otel_edge_minutes (Minute, Client, Server, Link, SpanCount, ErrorCount, Durations);
CREATE TABLE otel_edge_hours (Hour, Client, Server, Link, SpanCount, ErrorCount, Durations);
"""


def test_counts_of_before_and_of_now_add_up(tmp_path: Path, clock: FakeClock) -> None:
    with closing(open_store(tmp_path, clock=clock)) as store:
        store_now(store, span(1, service="shop", duration=2))
    minute, durations = T0 // MINUTE, msgspec.msgpack.encode({bucket_of(2 * SECOND): 5})
    with closing(sqlite3.connect(tmp_path / "2026-01-01.db")) as db:
        db.executescript(OLDER)
        row = (minute, 1, 5, 3, durations)
        db.execute("INSERT INTO otel_operation_minutes VALUES (?, ?, ?, ?, ?)", row)
        edge = (minute, "web", "shop", 0, 5, 0, durations)
        db.execute("INSERT INTO otel_edge_minutes VALUES (?, ?, ?, ?, ?, ?, ?)", edge)
        db.commit()

    for opened in range(1, 3):
        with closing(open_store(tmp_path, clock=clock)) as store:
            parent = span(1, trace=opened + 1, service="web")
            store_now(store, parent, span(2, trace=opened + 1, parent=1, service="shop"))
            shop, web = store.operations(T0, T0 + MINUTE)
            assert (shop.count, shop.error_count, web.count) == (5 + opened, 3, opened)
            (edge_now,) = store.service_map(T0, T0 + MINUTE).edges
            assert (edge_now.client, edge_now.server, edge_now.count) == ("web", "shop", 5 + opened)
