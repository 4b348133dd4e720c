"""One file per day."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from otbridge.errors import StoreError
from otbridge.hub.store import open_store
from otbridge.hub.store.vocabulary import LogFilter
from tests.hub.store.builders import batch, log, store_now

if TYPE_CHECKING:
    from pathlib import Path

    from otbridge.hub.store.sqlite import SqliteStore
    from otbridge.testing.clock import FakeClock

DAY = 86_400


def test_what_arrives_on_another_day_goes_into_another_file(
    store: SqliteStore, clock: FakeClock, tmp_path: Path
) -> None:
    store_now(store, log())
    clock.advance(DAY)
    store_now(store, log())

    names = sorted(path.name for path in (tmp_path / "store").glob("*.db"))
    assert names == ["2026-01-01.db", "2026-01-02.db"]
    assert store.totals().days == ("2026-01-01", "2026-01-02")
    assert store.totals().logs == 2


def test_a_day_that_cannot_be_read_is_named(
    store: SqliteStore, clock: FakeClock, tmp_path: Path
) -> None:
    store_now(store, *(log(str(number)) for number in range(200)))
    store.close()
    path = tmp_path / "store" / "2026-01-01.db"
    with closing(sqlite3.connect(path)) as other:
        (root,) = other.execute(
            "SELECT rootpage FROM sqlite_schema WHERE name = 'otel_log_stretches'"
        ).fetchone()
        (size,) = other.execute("PRAGMA page_size").fetchone()
    with path.open("r+b") as file:
        file.seek((root - 1) * size)
        file.write(b"\xff" * size)

    again = open_store(tmp_path / "store", clock=clock)
    with pytest.raises(StoreError, match="2026-01-01"):
        again.logs(LogFilter(), 10)
    again.close()


def test_a_batch_waits_for_nobody_who_reads(store: SqliteStore, tmp_path: Path) -> None:
    store_now(store, log())
    with closing(sqlite3.connect(tmp_path / "store" / "2026-01-01.db")) as reader:
        reader.execute("PRAGMA query_only = on")
        reader.execute("BEGIN")
        assert reader.execute("SELECT count(*) FROM otel_log_rows").fetchone() == (1,)
        store.submit(batch([log()])).result(timeout=5)
        assert reader.execute("SELECT count(*) FROM otel_log_rows").fetchone() == (1,)
    assert store.totals().logs == 2
