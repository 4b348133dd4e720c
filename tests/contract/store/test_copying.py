"""A store is copied into another of any kind, once, however often the copy is begun."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from otbridge.errors import StoreError
from otbridge.hub.store import open_store
from otbridge.hub.store.copying import Progress, copy_store, missing
from otbridge.hub.store.vocabulary import LogFilter, ScanFilter, ScanPosition
from otbridge.wire.rows import Batch, MetricsRow
from tests.hub.store.builders import T0, log, span, store_now

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from otbridge.hub.store import Store
    from otbridge.typing import Signal

LOGS = 2_500


@pytest.fixture
def source(tmp_path: Path) -> Iterator[Store]:
    with closing(open_store(tmp_path / "source")) as opened:
        store_now(opened, *(log(str(number), at=number // 2) for number in range(LOGS)))
        store_now(opened, span(1), span(2, parent=1, service="bank"), span(3, is_open=True))
        opened.submit(Batch(metrics=[MetricsRow("shop", T0, 3, b"raw")])).result(timeout=20)
        yield opened


def everything(store: Store, signal: Signal) -> list[Any]:
    found: list[Any] = []
    after: ScanPosition | None = None
    while True:
        page = store.scan(ScanFilter(signal), 1_000, after)
        found += page.rows
        after = page.next_position
        if after is None:
            return found


def nobody(_: Progress) -> None:
    """Is told how far it is."""


def test_all_that_has_ended_is_in_the_copy_as_it_was(source: Store, store: Store) -> None:
    progress = Progress()
    copy_store(source, store, progress, nobody)

    assert progress.records == {
        "traces": {"shop": 1, "bank": 1},
        "logs": {"shop": LOGS},
        "metrics": {"shop": 3},
    }
    assert missing(store, progress) == []
    assert everything(store, "logs") == everything(source, "logs")
    assert everything(store, "traces") == everything(source, "traces")
    assert [row.data for row in everything(store, "metrics")] == [b"raw"]


def test_a_copy_that_is_begun_again_adds_what_came_since(source: Store, store: Store) -> None:
    progress = Progress()
    for _ in range(2):
        copy_store(source, store, progress, nobody)
    assert (store.totals().spans, store.totals().logs, store.totals().data_points) == (2, LOGS, 3)

    store_now(source, *(log(f"since {number}", at=LOGS) for number in range(700)), span(9))
    copy_store(source, store, progress, nobody)
    assert (store.totals().spans, store.totals().logs) == (3, LOGS + 700)
    assert everything(store, "logs") == everything(source, "logs")
    assert progress.total("logs") == LOGS + 700


def test_a_page_that_was_stored_and_not_written_down_is_not_stored_twice(
    source: Store, store: Store, tmp_path: Path
) -> None:
    file = tmp_path / "progress.json"
    Progress().write(file)
    for _ in range(2):
        copy_store(source, store, Progress.read(file), nobody)

    totals = store.totals()
    assert (totals.spans, totals.logs, totals.data_points) == (2, LOGS, 3)
    assert len(store.logs(LogFilter(), 2 * LOGS)) == LOGS


def test_a_copy_goes_on_where_it_was_interrupted(
    source: Store, store: Store, tmp_path: Path
) -> None:
    file = tmp_path / "progress.json"

    def interrupt(progress: Progress) -> None:
        progress.write(file)
        if progress.batches.get("logs") == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        copy_store(source, store, Progress.read(file), interrupt)
    again = Progress.read(file)
    assert again.total("logs") == 2_000
    assert file.stat().st_mode & 0o777 == 0o600

    copy_store(source, store, again, nobody)
    assert again.total("logs") == LOGS
    assert missing(store, again) == []
    assert everything(store, "logs") == everything(source, "logs")


def test_what_the_copy_lacks_is_named(source: Store, store: Store) -> None:
    progress = Progress()
    copy_store(source, store, progress, nobody)
    progress.records["traces"]["bank"] = 5
    progress.records["logs"]["depot"] = 1

    assert missing(store, progress) == [
        "bank: 4 of 5 spans are missing",
        "depot: 1 of 1 log records are missing",
    ]


def test_a_target_that_is_closed_ends_the_copy(source: Store, store: Store) -> None:
    store.close()
    with pytest.raises(StoreError, match="closed"):
        copy_store(source, store, Progress(), nobody)
