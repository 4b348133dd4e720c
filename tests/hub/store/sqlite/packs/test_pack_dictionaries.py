"""What packs have in common is kept once, found again, and its loss is survived."""

from __future__ import annotations

import random
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING
from zlib import crc32

import pytest

from otbridge.hub.store import open_store
from otbridge.hub.store.sqlite.files.tables import PACKED
from otbridge.hub.store.sqlite.packs import pack_writer
from otbridge.hub.store.sqlite.packs.pack_dictionaries import (
    PackReader,
    add_dictionary,
    last_dictionary,
)
from otbridge.hub.store.sqlite.packs.packs import dictionary_of, pack
from otbridge.hub.store.vocabulary import LogFilter, ScanFilter
from tests.hub.store.builders import log, span, store_now
from tests.hub.store.sqlite.inside import writer_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from otbridge.hub.store import Store
    from otbridge.hub.store.sqlite import SqliteStore
    from otbridge.testing.clock import FakeClock

COUNT = "SELECT count(*) FROM otel_pack_dictionaries WHERE PackTable = ?"


@pytest.fixture
def db() -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(":memory:")) as opened:
        opened.executescript(PACKED)
        yield opened


def lines(seed: int, count: int = 400) -> list[bytes]:
    """Return records that are like each other, and unlike those of another seed."""
    chance = random.Random(seed)
    known = [chance.randbytes(40) for _ in range(20)]
    return [chance.choice(known) + chance.randbytes(6) for _ in range(count)]


def fill(store: Store, begin: int = 0) -> None:
    """Store enough for some full packs of both tables."""
    text = " ".join(f"{number:x}" for number in range(300))
    for number in range(begin, begin + 200):
        row = log(f"{number} {text}", at=number), span(number + 1, start=number, name=text)
        store_now(store, *row)


def test_a_pack_is_smaller_with_a_dictionary_and_read_with_it(db: sqlite3.Connection) -> None:
    records = lines(1)
    dictionary = add_dictionary(db, "otel_log_packs", records)
    assert dictionary is not None
    assert last_dictionary(db, "otel_log_packs") == dictionary
    assert last_dictionary(db, "otel_span_packs") is None
    some, sources = records[:50], [1] * 50
    raw = pack(some, sources, {}, dictionary)
    assert len(raw) < 0.8 * len(pack(some, sources, {}))
    found = PackReader.of(db).read(raw, crc32(raw))
    assert found is not None
    assert found.records == some
    assert dictionary_of(pack(some, sources, {})) is None


def test_either_copy_of_a_dictionary_is_enough(db: sqlite3.Connection) -> None:
    records = lines(1)
    raw = pack(records, [1] * 400, {}, add_dictionary(db, "otel_log_packs", records))
    for copy in range(2):
        db.execute("UPDATE otel_pack_dictionaries SET Crc = Crc + 1 WHERE Copy = ?", (copy,))
        found = PackReader.of(db).read(raw, crc32(raw))
        assert (found is None) is (copy == 1)


def test_a_dictionary_that_would_be_taken_for_another_is_not_used(db: sqlite3.Connection) -> None:
    assert add_dictionary(db, "otel_log_packs", lines(1)) is not None
    assert add_dictionary(db, "otel_log_packs", lines(1)) is None


def test_files_go_on_with_their_dictionary_when_they_are_opened_again(
    store: SqliteStore, tmp_path: Path, clock: FakeClock
) -> None:
    fill(store)
    store.close()
    with closing(open_store(tmp_path / "store", clock=clock)) as again:
        fill(again, 200)
        database = writer_of(again).files.writer("2026-01-01").db
        for table in ("otel_log_packs", "otel_span_packs"):
            assert database.execute(COUNT, (table,)).fetchone() == (2,)
        assert len(again.logs(LogFilter(), 1_000)) == 400
        assert len(again.scan(ScanFilter("traces"), 1_000).rows) == 400


def test_a_dictionary_is_made_anew_after_many_packs(
    store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pack_writer, "_RENEWED", 2)
    fill(store)
    database = writer_of(store).files.writer("2026-01-01").db
    (copies,) = database.execute(COUNT, ("otel_log_packs",)).fetchone()
    assert copies > 2
    assert len(store.logs(LogFilter(), 1_000)) == 200


def test_packs_whose_dictionary_is_lost_are_left_out_and_counted(store: SqliteStore) -> None:
    fill(store)
    database = writer_of(store).files.writer("2026-01-01").db
    database.execute("UPDATE otel_pack_dictionaries SET Crc = Crc + 1")
    found = store.logs(LogFilter(), 1_000)
    assert 0 < len(found) < 200  # those that wait for a full pack need none
    assert store.totals().corrupt == 200 - len(found)


def test_a_commit_that_fails_takes_its_dictionary_with_it(store: SqliteStore) -> None:
    writer = writer_of(store).files.writer("2026-01-01")
    writer.begin()
    writer.add_logs([log("x" * 99_000, at=number) for number in range(3)])
    writer._logs.save()
    writer.rollback()
    fill(store)
    assert len(store.logs(LogFilter(), 1_000)) == 200
    assert store.totals().corrupt == 0
