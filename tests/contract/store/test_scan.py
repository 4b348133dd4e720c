"""A scan gives everything once, in the order in which it was stored."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opentelemetry.proto.metrics.v1.metrics_pb2 import ResourceMetrics

from otbridge.hub.store.vocabulary import ScanFilter, ScanPosition
from otbridge.wire.rows import Batch, MetricsRow
from tests.hub.store.builders import SECOND, T0, log, span, store_now

if TYPE_CHECKING:
    from otbridge.hub.store import Store
    from otbridge.testing.clock import FakeClock

DAY = 86_400


def everything(store: Store, wanted: ScanFilter, limit: int = 1000) -> list[Any]:
    found: list[Any] = []
    after: ScanPosition | None = None
    while True:
        page = store.scan(wanted, limit, after)
        assert len(page.rows) <= limit
        found += page.rows
        after = page.next_position
        if after is None:
            return found


def test_pages_go_on_over_the_days(store: Store, clock: FakeClock) -> None:
    for day in range(3):
        store_now(store, *(log(f"{day}.{number}") for number in range(5)))
        clock.advance(DAY)
    expected = [f"{day}.{number}" for day in range(3) for number in range(5)]
    for limit in (1, 2, 5, 7, 15, 100):
        found = everything(store, ScanFilter("logs"), limit)
        assert [row.body_text for row in found] == expected


def test_only_what_has_ended_is_given(store: Store) -> None:
    store_now(store, span(1), span(2, is_open=True), span(3), span(4, is_open=True))
    store_now(store, span(4))
    found = everything(store, ScanFilter("traces"))
    assert sorted(row.span_id[-1] for row in found) == [1, 3, 4]


def test_times_narrow_it(store: Store) -> None:
    store_now(store, *(span(number + 1, start=number) for number in range(9)))
    store_now(store, *(log(str(number), at=number) for number in range(9)))
    between = (T0 + 3 * SECOND, T0 + 6 * SECOND)
    spans = everything(store, ScanFilter("traces", *between), 2)
    assert [row.span_id[-1] for row in spans] == [4, 5, 6]
    logs = everything(store, ScanFilter("logs", *between), 2)
    assert [row.body_text for row in logs] == ["3", "4", "5"]


def test_metrics_are_given_as_they_came(store: Store) -> None:
    message = ResourceMetrics()
    message.scope_metrics.add().metrics.add(name="n").gauge.data_points.add(as_int=1)
    data = message.SerializeToString()
    for number in range(3):
        row = MetricsRow("shop", T0 + number, 1, data)
        store.submit(Batch(metrics=[row])).result(timeout=20)
    found = everything(store, ScanFilter("metrics", T0 + 1), 1)
    assert [(row.received_ns - T0, row.data) for row in found] == [(1, data), (2, data)]


def test_an_empty_store_has_nothing(store: Store) -> None:
    assert everything(store, ScanFilter("traces")) == []
