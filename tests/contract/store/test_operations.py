"""Operations and the service map: what services did in some minutes, and whom they called."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.hub.store.builders import SECOND, T0, log, span, store_now

if TYPE_CHECKING:
    from otbridge.hub.store import Store
    from otbridge.testing.clock import FakeClock

MINUTE = 60 * SECOND
SERVER, CLIENT, CONSUMER = 2, 3, 5


@pytest.fixture
def shop(store: Store) -> Store:
    """A shop that calls a bank, and a depot that hears of orders; all in the first minute."""
    for trace in range(1, 11):
        store_now(
            store,
            span(1, trace=trace, service="shop", name="order", kind=SERVER, duration=trace),
            span(2, trace=trace, parent=1, service="shop", name="pay", kind=CLIENT, start=1),
            span(
                3,
                trace=trace,
                parent=2,
                service="bank",
                name="pay",
                kind=SERVER,
                start=2,
                duration=4,
                error=trace > 8,
            ),
        )
    store_now(
        store,
        span(1, trace=50, service="depot", name="ship", kind=CONSUMER, start=5, links=[(1, 2)]),
        span(2, trace=50, service="depot", name="later", start=61),
        span(3, trace=50, service="depot", name="not yet", is_open=True),
        log(service="chatter"),
    )
    return store


def test_operations_are_counted_by_service_name_and_kind(shop: Store) -> None:
    found = shop.operations(T0, T0 + MINUTE)
    assert [(one.service, one.name, one.kind, one.count, one.error_count) for one in found] == [
        ("bank", "pay", SERVER, 10, 2),
        ("depot", "ship", CONSUMER, 1, 0),
        ("shop", "order", SERVER, 10, 0),
        ("shop", "pay", CLIENT, 10, 0),
    ]
    bank, _, order, _ = found
    assert bank.rate == pytest.approx(10 / 60)
    assert bank.error_rate == pytest.approx(0.2)
    assert bank.p50_ns == pytest.approx(4 * SECOND, rel=0.07)
    assert order.p50_ns == pytest.approx(5.5 * SECOND, rel=0.2)  # between two of ten values
    assert order.p99_ns == pytest.approx(10 * SECOND, rel=0.11)


def test_the_time_is_widened_to_whole_minutes(shop: Store) -> None:
    assert shop.operations(T0 + 30 * SECOND, T0 + 31 * SECOND) == shop.operations(T0, T0 + MINUTE)
    two = shop.operations(T0, T0 + MINUTE + 1, "depot")
    assert [(one.name, one.count) for one in two] == [("later", 1), ("ship", 1)]
    assert two[0].rate == pytest.approx(1 / 120)
    assert shop.operations(T0 - MINUTE, T0) == []


def test_one_service_may_be_asked_for(shop: Store) -> None:
    assert {one.service for one in shop.operations(T0, T0 + MINUTE, "bank")} == {"bank"}
    assert shop.operations(T0, T0 + MINUTE, "nobody") == []


def test_the_map_joins_services_by_parents_and_by_links(shop: Store) -> None:
    found = shop.service_map(T0, T0 + MINUTE)
    assert [(node.name, node.count, node.error_count) for node in found.nodes] == [
        ("bank", 10, 2),
        ("depot", 1, 0),
        ("shop", 10, 0),
    ]
    assert found.nodes[0].p95_ns == pytest.approx(4 * SECOND, rel=0.07)
    told = [(edge.client, edge.server, edge.link, edge.count) for edge in found.edges]
    assert told == [("shop", "bank", False, 10), ("shop", "depot", True, 1)]
    bank = found.edges[0]
    assert bank.error_count == 2
    assert bank.p95_ns == pytest.approx(4 * SECOND, rel=0.07)


def test_spans_that_come_again_are_counted_once(shop: Store, clock: FakeClock) -> None:
    before = shop.operations(T0, T0 + MINUTE), shop.service_map(T0, T0 + MINUTE)
    pay: dict[str, Any] = {
        "service": "bank",
        "name": "pay",
        "kind": SERVER,
        "start": 2,
        "duration": 4,
    }
    again = span(3, trace=1, parent=2, **pay)
    store_now(shop, again)
    clock.advance(86_400)
    store_now(shop, again)
    assert (shop.operations(T0, T0 + MINUTE), shop.service_map(T0, T0 + MINUTE)) == before


def test_an_empty_store_has_neither(store: Store) -> None:
    assert store.operations(T0, T0 + MINUTE) == []
    found = store.service_map(T0, T0 + MINUTE)
    assert (found.nodes, found.edges) == ([], [])


def test_minutes_are_told_one_by_one(shop: Store) -> None:
    found = shop.operation_minutes(T0, T0 + 2 * MINUTE, 100, "depot")
    told = [(one.name, one.kind, one.minute_ns - T0, one.count, one.error_count) for one in found]
    assert told == [("later", 1, MINUTE, 1, 0), ("ship", CONSUMER, 0, 1, 0)]
    everything = shop.operation_minutes(T0, T0 + 2 * MINUTE, 100)
    assert shop.operation_minutes(T0, T0 + 2 * MINUTE, 2) == everything[:2]
    bank = everything[0]
    assert (bank.service, bank.count, bank.error_count) == ("bank", 10, 2)
    assert bank.p95_ns == pytest.approx(4 * SECOND, rel=0.07)
