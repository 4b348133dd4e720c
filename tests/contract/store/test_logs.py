"""Questions about log records, services and totals."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from otbridge.hub.store.vocabulary import LogFilter, ServiceTotals, Term
from otbridge.wire.rows import Batch, MetricsRow
from tests.hub.store.builders import SECOND, T0, log, span, span_id, store_now, trace_id

if TYPE_CHECKING:
    from otbridge.hub.store import Store
    from otbridge.testing.clock import FakeClock


def bodies(store: Store, limit: int = 100, **wanted: Any) -> list[str]:
    return [found.row.body_text for found in store.logs(LogFilter(**wanted), limit)]


@pytest.fixture
def shop(store: Store) -> Store:
    store_now(
        store,
        log("started", service="web", at=1, severity=9, event="app.start"),
        log("cache miss", service="web", at=2, severity=5, trace=1, span=1),
        log("order placed", service="shop", at=3, trace=1, span=2, attributes={"order_id": 7}),
        log("retrying", service="shop", at=4, severity=13, attributes={"order_id": 71}),
        log("payment refused", service="shop", at=5, severity=17, trace=2, span=1),
        log("no level", service="shop", at=6, severity=0),
    )
    return store


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ({"trace_id": trace_id(1)}, ["order placed", "cache miss"]),
        ({"trace_id": trace_id(1), "span_id": span_id(2)}, ["order placed"]),
        ({"trace_id": trace_id(8)}, []),
        ({"span_id": span_id(1)}, ["payment refused", "cache miss"]),
        ({"service": "web"}, ["cache miss", "started"]),
        ({"service": "we"}, []),
        ({"min_severity": 13}, ["payment refused", "retrying"]),
        ({"min_severity": 9, "service": "web"}, ["started"]),
        ({"min_severity": 17}, ["payment refused"]),
        ({"from_ns": T0 + 5 * SECOND}, ["no level", "payment refused"]),
        ({"to_ns": T0 + 2 * SECOND}, ["started"]),
        ({"terms": (Term("order"),)}, ["order placed"]),
        ({"terms": (Term("pla"), Term("ORDER"))}, ["order placed"]),
        ({"terms": (Term("app.start"),)}, ["started"]),
        ({"terms": (Term("7", "order_id"),)}, ["order placed"]),
        ({"terms": (Term("71"),)}, ["retrying"]),
        ({"terms": (Term("order_id"),)}, []),
        ({"terms": (Term("payment"),), "min_severity": 17, "service": "shop"}, ["payment refused"]),
        ({"terms": (Term("payment"),), "trace_id": trace_id(1)}, []),
    ],
)
def test_filters_find_what_they_ask_for(
    shop: Store, wanted: dict[str, Any], expected: list[str]
) -> None:
    assert bodies(shop, **wanted) == expected


def test_logs_come_newest_first_and_pages_show_each_once(store: Store) -> None:
    for start in range(0, 20, 5):
        store_now(store, *(log(str(number), at=number // 3) for number in range(start, start + 5)))

    seen: list[str] = []
    after = None
    while page := store.logs(LogFilter(), 3, after):
        seen += [found.row.body_text for found in page]
        after = page[-1].position
    assert seen == [str(number) for number in reversed(range(20))]


@pytest.mark.parametrize(
    "body", ["żółw 🐢", "nul \x00 inside", "", '"quoted" * OR -', "x" * 100_000]
)
def test_any_body_comes_back_as_it_was(store: Store, body: str) -> None:
    store_now(store, log(body, attributes={"key": body}))

    assert bodies(store) == [body]


def test_accents_and_case_do_not_matter_for_words(store: Store) -> None:
    store_now(store, log("Das Café öffnet"))

    composed, decomposed = "caf\u00e9", "cafe\u0301"
    for word in ("CAFE", composed, decomposed, composed[:4].upper()):
        assert bodies(store, terms=(Term(word), Term("offnet"))) == ["Das Café öffnet"]


def test_services_are_counted_by_name(store: Store, clock: FakeClock) -> None:
    store_now(store, span(service="web"), span(2, service="web"), log(service="api"))
    clock.advance(60)
    store_now(store, log(service="web"), span(service="web"))  # the span is a duplicate
    metrics = MetricsRow("only metrics", clock.time_ns(), 3, b"raw")
    store.submit(Batch(metrics=[metrics])).result(timeout=20)

    assert store.services() == [
        ServiceTotals("api", 0, 1, T0),
        ServiceTotals("web", 2, 1, T0 + 60 * SECOND),
    ]


def test_totals_count_what_is_stored(store: Store) -> None:
    store_now(store, span(), log(), log())
    store.submit(Batch(metrics=[MetricsRow("web", T0, 3, b"raw")])).result(timeout=20)

    totals = store.totals()
    assert (totals.spans, totals.logs, totals.data_points) == (1, 2, 3)
    assert (totals.duplicates, totals.waiting, totals.corrupt) == (0, 0, 0)
    assert totals.bytes > 0
    assert totals.days == ("2026-01-01",)
