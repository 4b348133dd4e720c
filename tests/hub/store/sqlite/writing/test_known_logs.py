"""How log records that may have come before are looked up in SQLite's packs, and what that costs."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from otbridge.hub.store import open_store
from otbridge.hub.store.vocabulary import LogFilter
from otbridge.testing.clock import FakeClock
from tests.hub.store.builders import batch, log, store_now

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from otbridge.hub.store import Store
    from otbridge.wire.rows import Batch, LogRow


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def store(tmp_path: Path, clock: FakeClock) -> Iterator[Store]:
    opened = open_store(tmp_path / "store", clock=clock)
    yield opened
    opened.close()


def resend(store: Store, *rows: LogRow) -> Batch:
    again = replace(batch(rows, key=("receive-log/1", 9)), resent=True)
    store.submit(again).result(timeout=20)
    return again


def test_a_record_whose_pack_is_damaged_is_stored_again(store: Store, tmp_path: Path) -> None:
    """It cannot be shown from there: twice on the disk is better than not at all."""
    store_now(store, log("a"))
    store_now(store, log("b", at=1))
    (file,) = (tmp_path / "store").glob("*.db")
    with sqlite3.connect(file) as db:
        db.execute("UPDATE otel_log_packs SET Crc = Crc + 1 WHERE Id = 1")
    db.close()

    assert resend(store, log("a"), log("b", at=1)).known_logs == {1}
    assert sorted(found.row.body_text for found in store.logs(LogFilter(), 10)) == ["a", "b"]


def test_one_request_opens_so_many_packs_and_no_more(store: Store) -> None:
    """Whoever sends records that lie far apart holds the writing up for a moment, not for long."""
    rows = [log("x" * 66_000, at=number) for number in range(520)]
    store_now(store, *rows)

    assert resend(store, *rows).known_logs == set(range(512))


def test_asking_an_earlier_days_file_writes_nothing_down(
    store: Store, tmp_path: Path, clock: FakeClock
) -> None:
    """Not even a source that it does not know; the record goes into today's."""
    store_now(store, log("a"))
    clock.advance(86_400)
    store_now(store, log("today", at=86_400))
    resend(store, log("a"), log("b", service="another"))

    sources = []
    for file in sorted((tmp_path / "store").glob("*.db")):
        with sqlite3.connect(file) as db:
            sources += db.execute("SELECT count(*) FROM otel_sources").fetchone()
        db.close()
    assert sources == [1, 2]
