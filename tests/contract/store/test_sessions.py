"""Sessions: what visitors did, and conversations with agents, over all traces that name them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from otbridge.hub.store.vocabulary import (
    SESSION_KEYS,
    LogFilter,
    SessionFilter,
    SessionSummary,
    TraceFilter,
)
from tests.hub.store.builders import SECOND, T0, log, span, store_now, trace_id

if TYPE_CHECKING:
    from otbridge.hub.store import Store
    from otbridge.testing.clock import FakeClock

VISIT, TALK = SESSION_KEYS
DAY = 86_400


def visit(name: str, **more: Any) -> dict[str, Any]:
    return {VISIT: name, **more}


def ids(store: Store, limit: int = 100, **wanted: Any) -> list[str]:
    return [one.summary.id for one in store.sessions(SessionFilter(**wanted), limit)]


@pytest.fixture
def visited(store: Store) -> Store:
    """Ada's two traces and a log line outside of them; Bob's error; a talk with an agent."""
    store_now(
        store,
        span(1, trace=1, service="web", start=10, duration=5, attributes=visit("ada")),
        span(2, trace=1, parent=1, service="shop", start=11, duration=20, error=True),
        log("in a trace", trace=1, service="shop", at=12),
        span(1, trace=2, service="web", start=40, is_open=True, attributes=visit("ada")),
        log("outside", service="web", at=5, attributes=visit("ada")),
        log("broken", service="web", at=60, severity=17, attributes=visit("bob")),
        span(1, trace=3, service="agent", start=70, attributes={TALK: "talk", "size": 7}),
        log("by a log", trace=4, service="web", at=20, attributes=visit("cyd")),
        span(1, trace=4, service="shop", start=21),
        span(1, trace=5, service="web", start=90, attributes={VISIT: 7}),
    )
    return store


def test_a_session_has_all_of_its_traces(visited: Store) -> None:
    assert visited.session("ada") == [
        SessionSummary(
            key=VISIT,
            id="ada",
            start_ns=T0 + 5 * SECOND,
            end_ns=T0 + 40 * SECOND,
            trace_count=2,
            span_count=3,
            log_count=2,
            error_count=1,
            services={"web": 2, "shop": 1},
        )
    ]
    (bob,) = visited.session("bob")
    assert (bob.trace_count, bob.log_count, bob.error_count, bob.services) == (0, 1, 1, {})
    assert visited.session("nobody") == []


def test_sessions_come_newest_first_and_pages_show_each_once(visited: Store) -> None:
    assert ids(visited) == ["talk", "bob", "cyd", "ada"]
    seen: list[str] = []
    after = None
    while page := visited.sessions(SessionFilter(), 1, after):
        seen += [one.summary.id for one in page]
        after = page[-1].position
    assert seen == ["talk", "bob", "cyd", "ada"]


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ({"key": TALK}, ["talk"]),
        ({"from_ns": T0 + 20 * SECOND}, ["talk", "bob", "cyd"]),
        ({"to_ns": T0 + 20 * SECOND}, ["ada"]),
        ({"traces": TraceFilter(service="shop")}, ["cyd", "ada"]),
        ({"traces": TraceFilter(error=True)}, ["ada"]),
        ({"traces": TraceFilter()}, ["talk", "bob", "cyd", "ada"]),
    ],
)
def test_filters_find_sessions(visited: Store, wanted: dict[str, Any], expected: list[str]) -> None:
    assert ids(visited, **wanted) == expected


def test_traces_and_logs_of_a_session_are_found(visited: Store) -> None:
    traces = visited.traces(TraceFilter(session="ada"), 10)
    assert [found.trace_id for found in traces] == [trace_id(2), trace_id(1)]
    logs = visited.logs(LogFilter(session="ada"), 10)
    assert [found.row.body_text for found in logs] == ["in a trace", "outside"]
    assert visited.traces(TraceFilter(session="7"), 10) == []


def test_a_session_of_two_days_is_one(store: Store, clock: FakeClock) -> None:
    store_now(store, span(1, trace=1, start=1, attributes=visit("late")))
    store_now(store, log(at=2, attributes=visit("early")))
    clock.advance(DAY)
    store_now(store, span(1, trace=2, start=DAY, error=True, attributes=visit("late")))
    store_now(store, log(at=DAY, attributes=visit("next")))
    assert ids(store) == ["next", "early", "late"]
    (late,) = store.session("late")
    assert (late.trace_count, late.start_ns - T0) == (2, SECOND)
    assert late.end_ns - T0 == (DAY + 1) * SECOND
    assert ids(store, traces=TraceFilter(error=True)) == ["late"]


def test_what_comes_again_is_counted_once(visited: Store) -> None:
    before = visited.session("ada"), ids(visited)
    store_now(
        visited, span(1, trace=2, service="web", start=40, duration=1, attributes=visit("ada"))
    )
    store_now(
        visited, span(1, trace=2, service="web", start=40, duration=1, attributes=visit("ada"))
    )
    (ada,) = visited.session("ada")
    assert (ada.trace_count, ada.span_count, ada.log_count) == (2, 3, 2)
    assert ids(visited) == before[1]


def test_an_empty_store_has_no_sessions(store: Store) -> None:
    assert store.sessions(SessionFilter(), 10) == []
