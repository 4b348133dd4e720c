"""Full disks, floods, poison, flipped bits and endless questions."""

from __future__ import annotations

import random
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from otbridge.errors import StoreError
from otbridge.hub.store import QueryTooSlow, StoreFull, writer
from otbridge.hub.store.sqlite.writing import day_files
from otbridge.hub.store.vocabulary import LogFilter, TraceFilter
from tests.hub.store.builders import batch, log, span, store_now, trace_id
from tests.hub.store.sqlite.inside import writer_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from otbridge.hub.store.sqlite import SqliteStore
    from otbridge.wire.rows import LogRow, SpanRow


@pytest.fixture
def busy(store: SqliteStore) -> Iterator[threading.Event]:
    """Keeps the writing thread of the store busy until the event is set."""
    release = threading.Event()
    writer_of(store).call(release.wait)
    yield release
    release.set()


def test_a_flood_is_told_to_come_back_and_what_was_taken_is_stored(
    store: SqliteStore, busy: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "MAX_WAITING_BYTES", 50_000)
    futures = [store.submit(batch([log("x" * 1_000)])) for _ in range(100)]
    refused = [future for future in futures if future.done()]
    assert 0 < len(refused) < 100
    assert store.totals().waiting == 100 - len(refused)
    with pytest.raises(StoreFull, match="waiting for the disk"):
        refused[0].result()

    busy.set()
    store_now(store, log())
    assert all(future.done() for future in futures)
    assert store.totals().logs == 100 - len(refused) + 1
    assert store.totals().waiting == 0


def test_a_single_batch_larger_than_the_waiting_room_is_taken_when_it_is_empty(
    store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "MAX_WAITING_BYTES", 100)
    store_now(store, log("x" * 10_000))

    assert store.totals().logs == 1


def test_a_batch_that_cannot_be_stored_does_not_harm_its_neighbours(
    store: SqliteStore, busy: threading.Event
) -> None:
    before = store.submit(batch([log("before"), span(1)]))
    poison = store.submit(batch([log("poison"), span(2)], key=("stream", 2**70)))
    after = store.submit(batch([log("after"), span(3)]))
    busy.set()

    before.result(timeout=20)
    after.result(timeout=20)
    with pytest.raises(StoreError, match="could not be written"):
        poison.result(timeout=20)
    assert {found.row.body_text for found in store.logs(LogFilter(), 9)} == {"before", "after"}
    found = store.trace(trace_id(1), limit=9)
    assert found is not None
    assert found.summary.span_count == len(found.spans) == 2


def noise(seed: int) -> str:
    """Return 5,000 characters that do not compress to less than half."""
    return random.Random(seed).randbytes(2_500).hex()


def test_a_full_file_refuses_keeps_answering_and_takes_again_when_there_is_room(
    store: SqliteStore,
) -> None:
    store_now(store, span(), log(trace=1))
    database = writer_of(store).files.writer("2026-01-01").db
    (pages,) = database.execute("PRAGMA page_count").fetchone()
    database.execute(f"PRAGMA max_page_count = {pages}")

    big: list[SpanRow | LogRow] = [span(2), *(log(noise(each), trace=1) for each in range(50))]
    for _ in range(2):
        with pytest.raises(StoreFull, match="no room left"):
            store_now(store, *big)
    summary = store.summary(trace_id(1))
    assert summary is not None
    assert (summary.span_count, summary.log_count) == (1, 1)

    database.execute("PRAGMA max_page_count = 1000000")
    store_now(store, *big)
    summary = store.summary(trace_id(1))
    assert summary is not None
    assert (summary.span_count, summary.log_count) == (2, 51)


def test_the_last_of_the_disk_is_left_free(
    store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(day_files, "_DISK_RESERVE", 2**62)
    monkeypatch.setattr(day_files, "_DISK_SHARE", 1)  # asks for the whole disk
    with pytest.raises(StoreFull, match="MiB left") as caught:
        store_now(store, log())
    assert caught.value.do


def test_a_flipped_bit_costs_its_own_pack_only_and_each_record_is_counted(
    store: SqliteStore,
) -> None:
    store_now(store, span(1), span(2), log("sound", trace=1))
    store_now(store, span(3), log("rotten", trace=1), log("rotten too", trace=1))
    database = writer_of(store).files.writer("2026-01-01").db
    for table, number in (("otel_span_packs", 1), ("otel_log_packs", 2)):
        (raw,) = database.execute(f"SELECT Raw FROM {table} WHERE Id = ?", (number,)).fetchone()
        flipped = raw[:9] + bytes([raw[9] ^ 4]) + raw[10:]
        database.execute(f"UPDATE {table} SET Raw = ? WHERE Id = ?", (flipped, number))

    found = store.trace(trace_id(1), limit=9)
    assert found is not None
    assert [row.span_id[-1] for row in found.spans] == [3]
    assert [row.body_text for row in found.logs] == ["sound"]
    assert store.totals().corrupt == 4
    assert [log.row.body_text for log in store.logs(LogFilter(), 9)] == ["sound"]
    assert store.totals().corrupt == 6


def test_a_flipped_bit_in_a_resource_costs_its_records_only(store: SqliteStore) -> None:
    store_now(store, log("x", trace=1, service="a"), log("y", trace=1, service="b"))
    store_now(store, log("x", trace=1, service="a"))
    database = writer_of(store).files.writer("2026-01-01").db
    database.execute("UPDATE otel_resources SET Crc = Crc + 1 WHERE Id = 1")

    found = store.trace(trace_id(1), limit=9)
    assert found is not None
    assert [row.body_text for row in found.logs] == ["y"]
    assert store.totals().corrupt == 2


def test_a_page_is_not_the_last_because_of_a_rotten_pack(store: SqliteStore) -> None:
    for number in range(6):
        store_now(store, log(str(number), at=number))
    database = writer_of(store).files.writer("2026-01-01").db
    database.execute("UPDATE otel_log_packs SET Crc = Crc + 1 WHERE Id > 4")

    page = store.logs(LogFilter(), 2)
    assert [log.row.body_text for log in page] == ["3", "2"]


def test_a_question_that_takes_too_long_is_ended(store: SqliteStore) -> None:
    for start in range(0, 4_000, 1_000):
        store_now(store, *(span(trace=start + number + 1) for number in range(1_000)))
    store._readers.budget_s = 0.0

    with pytest.raises(QueryTooSlow, match="more than 2 s") as caught:
        store.traces(TraceFilter(name="nothing like it"), 10)
    assert "Narrow" in caught.value.do
    store._readers.budget_s = 2.0
    assert store.traces(TraceFilter(name="nothing like it"), 10) == []


def test_closing_ends_a_question_that_runs(store: SqliteStore) -> None:
    store_now(store, *(span(trace=number + 1) for number in range(1_000)))
    asked = threading.Event()

    def ask() -> None:
        with store._readers.lend() as reader:
            asked.set()
            endless = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)"
            reader.rows(reader.days[0], f"{endless} SELECT max(i) FROM n")

    store._readers.budget_s = 60.0
    with ThreadPoolExecutor() as threads:
        question = threads.submit(ask)
        assert asked.wait(20)
        store.close()
        with pytest.raises(StoreError, match="closed"):
            question.result(timeout=20)
