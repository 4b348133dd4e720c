"""What fills no pack waits for more, and every record stays what and where it is."""

from __future__ import annotations

import random
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

from hypothesis import given
from hypothesis import strategies as st

from otbridge.hub.store.sqlite.files.tables import PACKED
from otbridge.hub.store.sqlite.packs.pack_dictionaries import PackReader
from otbridge.hub.store.sqlite.packs.pack_writer import Kept, PackWriter
from otbridge.hub.store.sqlite.packs.packs import PACK_BYTES
from otbridge.hub.store.vocabulary import LogFilter, ScanFilter
from tests.hub.store.builders import batch, log, span, store_now, trace_id
from tests.hub.store.sqlite.inside import writer_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from otbridge.hub.store.sqlite import SqliteStore

SELECT = "SELECT * FROM otel_log_packs ORDER BY Id"
WORDS = ("books", "shoes", "bread", "a bicycle")
TIMES = st.none() | st.tuples(st.integers(0, 99), st.integers(0, 99))
RECORDS = st.lists(
    st.tuples(st.integers(0, PACK_BYTES), st.integers(1, 9), st.integers(0, 99), TIMES), max_size=9
)


def numbered(records: Sequence[tuple[int, int, int, tuple[int, int] | None]]) -> list[Kept]:
    """Give (size, source, time, times) numbers and bytes of that size."""
    return [
        (number, bytes([number & 0xFF]) * size, source, time, times)
        for number, (size, source, time, times) in enumerate(records, 1)
    ]


@given(st.lists(RECORDS, max_size=40))
def test_every_record_is_found_by_its_number_whether_its_pack_was_full_or_not(
    commits: list[list[tuple[int, int, int, tuple[int, int] | None]]],
) -> None:
    kept = numbered([record for commit in commits for record in commit])
    with closing(sqlite3.connect(":memory:")) as db:
        db.executescript(PACKED)
        writer = PackWriter(db, "otel_log_packs")
        reader = PackReader.of(db)
        done = 0
        for commit in commits:
            writer.save(kept[done : done + len(commit)])
            done += len(commit)
        found: list[Kept] = []
        for first, count, low, high, raw, crc in db.execute(SELECT):
            pack = reader.read(raw, crc)
            assert pack is not None
            assert first == len(found) + 1
            assert count == len(pack.records) == len(pack.sources)
            begins = [one[3] for one in kept[first - 1 : first - 1 + count]]
            assert (low, high) == (min(begins), max(begins))
            for place, data in enumerate(pack.records):
                times = pack.times.get(place)
                begin = kept[first - 1 + place][3]
                found.append((first + place, data, pack.sources[place], begin, times))
        assert found == kept


def test_a_thousand_small_commits_leave_few_packs(store: SqliteStore) -> None:
    database = writer_of(store).files.writer("2026-01-01").db
    writer = PackWriter(database, "otel_log_packs")
    for number in range(1, 1_001):
        writer.save([(number, b"a line that is much like the others %d" % number, 1, number, None)])
    (packs, size) = database.execute(
        "SELECT count(*), sum(length(Raw)) FROM otel_log_packs"
    ).fetchone()
    assert packs <= 64
    assert size < 60 * 1_000


def test_what_was_stored_in_small_commits_is_found_by_every_question(store: SqliteStore) -> None:
    for number in range(100):
        store_now(store, log(str(number), trace=1, at=number), span(number + 1, start=number))
    database = writer_of(store).files.writer("2026-01-01").db
    for table in ("otel_log_packs", "otel_span_packs"):
        assert database.execute(f"SELECT count(*) <= 64 FROM {table}").fetchone() == (1,)

    found = store.trace(trace_id(1), limit=999)
    assert found is not None
    assert [int(row.span_id[-1]) for row in found.spans] == list(range(1, 101))
    assert [row.body_text for row in found.logs] == [str(number) for number in range(100)]
    newest = [found.row.body_text for found in store.logs(LogFilter(), 3)]
    assert newest == ["99", "98", "97"]
    scanned: list[Any] = list(store.scan(ScanFilter("traces"), 999).rows)
    assert [int(row.span_id[-1]) for row in scanned] == list(range(1, 101))


def test_a_resent_record_is_known_whatever_became_of_its_pack(store: SqliteStore) -> None:
    for number in range(20):
        store_now(store, log(str(number), at=number))
    again = batch(log(str(number), at=number) for number in range(15, 25))
    again.resent = True
    store.submit(again).result()
    assert again.known_logs == frozenset(range(5))
    assert store.totals().logs == 25


def test_packs_fill_the_pages_of_the_file(store: SqliteStore) -> None:
    """SQLite would leave a seventh of them empty with packs of any size."""
    chance = random.Random(1)
    rows = [
        log(f"order {chance.getrandbits(64):x} of {chance.choice(WORDS)}", at=number)
        for number in range(3_000)
    ]
    for begin in range(0, len(rows), 500):
        store_now(store, *rows[begin : begin + 500])
    database = writer_of(store).files.writer("2026-01-01").db
    unused, size = database.execute(
        "SELECT sum(unused), sum(pgsize) FROM dbstat WHERE name = 'otel_log_packs'"
    ).fetchone()
    assert size > 20 * 4_096
    assert unused < 0.12 * size


def test_a_rotten_pack_is_written_again_while_its_records_wait(store: SqliteStore) -> None:
    """Until a pack is full the writer has its records, and nothing is read back for it."""
    store_now(store, log("rotten", at=0))
    database = writer_of(store).files.writer("2026-01-01").db
    database.execute("UPDATE otel_log_packs SET Crc = Crc + 1")
    assert store.logs(LogFilter(), 9) == []
    store_now(store, log("x" * 2 * PACK_BYTES, at=1))
    found = [found.row.body_text[:6] for found in store.logs(LogFilter(), 9)]
    assert found == ["xxxxxx", "rotten"]


def test_a_commit_that_fails_leaves_the_packs_as_they_were(store: SqliteStore) -> None:
    for number in range(7):
        store_now(store, log(str(number), at=number))
    writer = writer_of(store).files.writer("2026-01-01")
    writer.begin()
    writer.add_logs([log("7", at=7)])
    writer._logs.save()
    writer.rollback()
    assert writer.db.execute("SELECT count(*) FROM otel_log_packs").fetchone() == (7,)
    for number in range(7, 20):
        store_now(store, log(str(number), at=number))
    found = [found.row.body_text for found in store.logs(LogFilter(), 99)]
    assert found == [str(number) for number in range(19, -1, -1)]
