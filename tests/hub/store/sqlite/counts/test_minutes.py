"""What is counted by the minute stays right over batches, restarts and too many names."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from otbridge.errors import StoreError
from otbridge.hub.store import open_store
from otbridge.hub.store.sqlite.counts import minutes
from tests.hub.store.builders import SECOND, T0, batch, span, store_now

if TYPE_CHECKING:
    from pathlib import Path

    from otbridge.hub.store import Store
    from otbridge.testing.clock import FakeClock

MINUTE = 60 * SECOND


def edges(store: Store) -> list[tuple[str, str, bool, int]]:
    found = store.service_map(T0, T0 + MINUTE).edges
    return [(edge.client, edge.server, edge.link, edge.count) for edge in found]


def counts(store: Store) -> list[tuple[str, int]]:
    return [(one.name, one.count) for one in store.operations(T0, T0 + MINUTE)]


@pytest.mark.parametrize("order", [[1, 2, 3], [3, 2, 1], [2, 3, 1]])
def test_an_edge_is_counted_whichever_end_comes_first(store: Store, order: list[int]) -> None:
    services = {1: "web", 2: "shop", 3: "bank"}
    for number in order:
        store_now(store, span(number, parent=number - 1, service=services[number]))
    assert edges(store) == [("shop", "bank", False, 1), ("web", "shop", False, 1)]


def test_a_parent_that_is_still_open_is_known(store: Store) -> None:
    store_now(store, span(1, service="web", is_open=True))
    store_now(store, span(2, parent=1, service="shop"))
    assert edges(store) == [("web", "shop", False, 1)]
    store_now(store, span(1, service="web"))
    assert edges(store) == [("web", "shop", False, 1)]


def test_a_message_is_joined_to_its_sender_in_another_trace(store: Store) -> None:
    store_now(store, span(1, service="shop", kind=4))
    store_now(
        store,
        span(1, trace=2, service="depot", kind=5, links=[(1, 1)]),
        span(2, trace=2, service="depot", kind=1, links=[(1, 1)]),
    )
    assert edges(store) == [("shop", "depot", True, 1)]


def test_counting_goes_on_after_a_restart(tmp_path: Path, clock: FakeClock) -> None:
    for number in range(1, 4):
        store = open_store(tmp_path, clock=clock)
        store_now(store, span(number), span(number + 10, parent=99, service="other"))
        found = counts(store)
        store.close()
    assert found == [("work", 3), ("work", 3)]


def test_a_batch_that_was_not_stored_is_not_counted(store: Store) -> None:
    store_now(store, span(1))
    with pytest.raises(StoreError):
        store.submit(batch([span(2, name="lost")], key=("stream", 2**70))).result(timeout=20)
    store_now(store, span(3))
    assert counts(store) == [("work", 2)]


def test_names_with_ids_in_them_do_not_become_endless_operations(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(minutes, "_MAX_OPERATIONS", 3)
    store_now(store, *(span(number, name=f"GET /{number}") for number in range(1, 9)))
    store_now(store, span(9, name="GET /1"), span(10, name="GET /99"), span(11, service="b"))
    assert counts(store) == [("work", 1), ("", 6), ("GET /1", 2), ("GET /2", 1), ("GET /3", 1)]


@pytest.mark.parametrize(
    ("first", "last"), [(0, 600), (0, 60), (7, 411), (60, 180), (61, 62), (9, 9)]
)
def test_hours_and_minutes_add_up_to_what_was_asked_for(
    store: Store, first: int, last: int
) -> None:
    for minute in range(0, 600, 7):
        parent = span(1, trace=minute + 1, start=60 * minute, service="web")
        store_now(store, parent, span(2, trace=minute + 1, parent=1, start=60 * minute))
    expected = len([minute for minute in range(0, 600, 7) if first <= minute < last])

    between = T0 + first * MINUTE, T0 + last * MINUTE
    told = [one.count for one in store.operations(*between)]
    assert told == ([expected, expected] if expected else [])
    assert [edge.count for edge in store.service_map(*between).edges] == told[:1]
