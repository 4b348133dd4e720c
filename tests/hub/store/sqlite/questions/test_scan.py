"""A scan looks at a file step by step, and passes over what does not fit its checksum."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from otbridge.hub.store.sqlite.packs import pack_writer
from otbridge.hub.store.sqlite.questions import scan
from otbridge.hub.store.vocabulary import ScanFilter, ScanPosition
from tests.hub.store.builders import SECOND, T0, log, span, store_now
from tests.hub.store.sqlite.inside import writer_of

if TYPE_CHECKING:
    import pytest

    from otbridge.hub.store.sqlite import SqliteStore


def everything(store: SqliteStore, wanted: ScanFilter, limit: int) -> list[Any]:
    found: list[Any] = []
    after: ScanPosition | None = None
    while True:
        page = store.scan(wanted, limit, after)
        found += page.rows
        after = page.next_position
        if after is None:
            return found


def test_a_filter_that_passes_over_much_ends_its_pages_early_and_goes_on(
    store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scan, "_PACKS", 10)
    monkeypatch.setattr(scan, "_STEPS", 3)
    monkeypatch.setattr(
        pack_writer, "_WAITING", 9_999
    )  # so that each commit's packs stay as they are
    for number in range(40):
        store_now(store, log("before"), log("after", at=9), span(number + 1, start=number))
    store_now(store, log("between", at=5))
    between = ScanFilter("logs", T0 + 5 * SECOND, T0 + 6 * SECOND)
    first = store.scan(between, 10)
    assert first.rows == []
    assert first.next_position is not None
    assert [row.body_text for row in everything(store, between, 10)] == ["between"]


def test_a_flipped_bit_costs_its_own_pack_only(store: SqliteStore) -> None:
    for number in range(4):
        store_now(store, log(str(number)), span(number + 1))
    database = writer_of(store).files.writer("2026-01-01").db
    database.execute("UPDATE otel_log_packs SET Crc = Crc + 1 WHERE Id = 2")
    database.execute("UPDATE otel_span_packs SET Crc = Crc + 1 WHERE Id = 2")
    for limit in (1, 2, 9):
        found = everything(store, ScanFilter("logs"), limit)
        assert [row.body_text for row in found] == ["0", "2", "3"]
        spans = everything(store, ScanFilter("traces"), limit)
        assert [row.span_id[-1] for row in spans] == [1, 3, 4]
