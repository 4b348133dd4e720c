"""A scan looks at a file step by step, and passes over what does not fit its checksum."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from otbridge.hub.store.sqlite import scan
from otbridge.hub.store.vocabulary import ScanFilter, ScanPosition
from tests.hub.store.builders import SECOND, T0, log, store_now

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
    monkeypatch.setattr(scan, "_STEP", 10)
    monkeypatch.setattr(scan, "_STEPS", 3)
    store_now(store, *(log(str(number), at=number) for number in range(100)))
    late = ScanFilter("logs", T0 + 95 * SECOND)
    first = store.scan(late, 10)
    assert first.rows == []
    assert first.next_position is not None
    assert [row.body_text for row in everything(store, late, 10)] == ["95", "96", "97", "98", "99"]


def test_a_flipped_bit_costs_its_own_row_only(store: SqliteStore) -> None:
    store_now(store, *(log(str(number)) for number in range(4)))
    database = store._writer.files.writer("2026-01-01").db
    database.execute("UPDATE otel_logs SET Crc = Crc + 1 WHERE Body = '1'")
    for limit in (1, 2, 9):
        found = everything(store, ScanFilter("logs"), limit)
        assert [row.body_text for row in found] == ["0", "2", "3"]
