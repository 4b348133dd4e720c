"""The inserting thread: groups, rests, and keeps one sender's trouble from the others."""

from __future__ import annotations

import threading
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from otbridge.errors import StoreError
from otbridge.hub.store import StoreFull, writer
from otbridge.hub.store.clickhouse.writer import InsertingWriter
from tests.hub.store.builders import batch, log

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from otbridge.wire.rows import Batch


class Place:
    """Where batches are stored in these tests: a list, behind a gate."""

    def __init__(self) -> None:
        self.groups: list[list[str]] = []
        self.open = threading.Event()
        self.entered = threading.Event()
        self.full = 0

    def store(self, batches: Sequence[Batch]) -> int:
        self.entered.set()
        assert self.open.wait(20)
        bodies = [row.body_text for one in batches for row in one.logs]
        self.groups.append(bodies)
        if self.full:
            self.full -= 1
            raise StoreFull("Full.")
        if "poison" in bodies:
            raise ValueError("poison")
        return 0


@pytest.fixture
def place() -> Place:
    return Place()


@pytest.fixture
def working(place: Place) -> Iterator[InsertingWriter]:
    with closing(InsertingWriter(place.store)) as opened:
        yield opened
        place.open.set()


def test_what_comes_during_an_insert_goes_with_the_next_one(
    place: Place, working: InsertingWriter
) -> None:
    first = working.submit(batch([log("0")]))
    assert place.entered.wait(20)
    others = [working.submit(batch([log(str(number))])) for number in range(1, 6)]
    assert working.waiting == 6
    place.open.set()
    for future in (first, *others):
        future.result(timeout=20)
    assert place.groups == [["0"], ["1", "2", "3", "4", "5"]]
    assert working.waiting == 0


def test_a_batch_that_cannot_be_stored_does_not_harm_its_neighbours(
    place: Place, working: InsertingWriter
) -> None:
    held = working.submit(batch([log("held")]))
    assert place.entered.wait(20)
    futures = [working.submit(batch([log(body)])) for body in ("before", "poison", "after")]
    place.open.set()
    held.result(timeout=20)
    futures[0].result(timeout=20)
    futures[2].result(timeout=20)
    with pytest.raises(StoreError, match="could not be written"):
        futures[1].result(timeout=20)


def test_a_full_server_is_not_asked_again_batch_by_batch(
    place: Place, working: InsertingWriter
) -> None:
    held = working.submit(batch([log("held")]))
    assert place.entered.wait(20)
    place.full = 2
    futures = [working.submit(batch([log(body)])) for body in "abc"]
    place.open.set()
    for future in (held, *futures):
        with pytest.raises(StoreFull):
            future.result(timeout=20)
    assert place.groups == [["held"], ["a", "b", "c"]]


def test_a_flood_is_told_to_come_back(
    place: Place, working: InsertingWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "MAX_WAITING_BYTES", 10_000)
    futures = [working.submit(batch([log("x" * 1_000)])) for _ in range(50)]
    refused = [future for future in futures if future.done()]
    assert 0 < len(refused) < 50
    with pytest.raises(StoreFull, match="waiting for ClickHouse"):
        refused[0].result()
    place.open.set()
    for future in futures:
        if future not in refused:
            future.result(timeout=20)


def test_jobs_run_after_what_was_submitted_before(place: Place, working: InsertingWriter) -> None:
    place.open.set()
    working.submit(batch([log("0")]))
    assert working.call(lambda: len(place.groups)).result(timeout=20) == 1
    with pytest.raises(StoreError, match="could not be written"):
        working.call(lambda: 1 // 0).result(timeout=20)


def test_closing_stores_what_is_waiting_and_takes_nothing_more(place: Place) -> None:
    working = InsertingWriter(place.store)
    futures = [working.submit(batch([log(str(number))])) for number in range(9)]
    place.open.set()
    working.close()
    working.close()
    assert all(future.done() and future.exception() is None for future in futures)
    for late in (working.submit(batch([log()])), working.call(lambda: None)):
        with pytest.raises(StoreError, match="closed"):
            late.result(timeout=20)
