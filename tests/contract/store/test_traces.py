"""Questions about traces."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from otbridge.hub.store.vocabulary import Term, TraceFilter, TracePosition
from tests.hub.store.builders import SECOND, T0, log, span, store_now, trace_id

if TYPE_CHECKING:
    from otbridge.hub.store import Store


def numbers(store: Store, limit: int = 100, **wanted: Any) -> list[int]:
    """Return the traces that fit *wanted*, by their numbers, in the order given."""
    found = store.traces(TraceFilter(**wanted), limit)
    return [int.from_bytes(summary.trace_id) for summary in found]


def test_traces_come_newest_first(store: Store) -> None:
    store_now(store, span(trace=1, start=2), span(trace=2, start=3), span(trace=3, start=1))

    assert numbers(store) == [2, 1, 3]
    assert numbers(store, limit=2) == [2, 1]


def test_pages_show_every_trace_once_also_where_they_begin_together(store: Store) -> None:
    store_now(store, *(span(trace=number, start=number // 4) for number in range(1, 24)))

    seen: list[int] = []
    after = None
    while page := store.traces(TraceFilter(), 5, after):
        seen += [int.from_bytes(summary.trace_id) for summary in page]
        after = TracePosition(page[-1].start_ns, page[-1].trace_id)
    assert sorted(seen) == list(range(1, 24))
    assert seen == numbers(store)


@pytest.fixture
def shop(store: Store) -> Store:
    """Three traces: 1 is slow, 2 failed, 3 is an agent's."""
    store_now(
        store,
        span(1, trace=1, name="GET /offer", service="web", start=10, duration=8),
        span(2, trace=1, parent=1, name="SELECT offers", service="db", start=11),
        span(
            1,
            trace=2,
            name="POST /order_100%",
            service="web",
            start=20,
            error=True,
            event={"exception.type": "TimeoutError", "exception.message": "bank is asleep"},
        ),
        log("payment refused by the bank", trace=2, span=1, at=20, attributes={"bank": "ACME"}),
        span(
            1,
            trace=3,
            name="invoke_agent planner",
            service="worker",
            start=30,
            attributes={
                "gen_ai.operation.name": "invoke_agent",
                "gen_ai.agent.name": "planner",
                "user.name": "Ada Lovelace",
                "retries": 3,
                "cached": True,
                "tags": ["blue", "green"],
            },
        ),
    )
    return store


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ({"service": "web"}, [2, 1]),
        ({"service": "db"}, [1]),
        ({"service": "d"}, []),
        ({"service": 'web"'}, []),
        ({"name": "offer"}, [1]),
        ({"name": "ORDER_100%"}, [2]),
        ({"name": "%"}, [2]),
        ({"name": "r_1"}, [2]),
        ({"name": "\\"}, []),
        ({"min_duration_ns": 8 * SECOND}, [1]),
        ({"min_duration_ns": 8 * SECOND + 1}, []),
        ({"error": True}, [2]),
        ({"error": False}, [3, 1]),
        ({"from_ns": T0 + 20 * SECOND}, [3, 2]),
        ({"to_ns": T0 + 20 * SECOND}, [1]),
        ({"from_ns": T0 + 20 * SECOND, "to_ns": T0 + 30 * SECOND}, [2]),
        ({"agents": True}, [3]),
        ({"service": "web", "error": True, "name": "post"}, [2]),
    ],
)
def test_filters_find_what_they_ask_for(
    shop: Store, wanted: dict[str, Any], expected: list[int]
) -> None:
    assert numbers(shop, **wanted) == expected


@pytest.mark.parametrize(
    ("terms", "expected"),
    [
        ([Term("select")], [1]),
        ([Term("OFFER")], [1]),
        ([Term("sel")], [1]),
        ([Term("elect")], []),
        ([Term("offer"), Term("select")], [1]),
        ([Term("offer"), Term("planner")], []),
        ([Term("GET/offer")], [1]),
        ([Term("refused")], [2]),
        ([Term("refused"), Term("post")], [2]),
        ([Term("broke")], [2]),
        ([Term("asleep"), Term("TimeoutError", "exception.type")], [2]),
        ([Term("ACME", "bank")], [2]),
        ([Term("acme", "bank")], []),
        ([Term("Ada Lovelace", "user.name")], [3]),
        ([Term("Ada", "user.name")], []),
        ([Term("love")], [3]),
        ([Term("3", "retries")], [3]),
        ([Term("true", "cached")], [3]),
        ([Term("green", "tags")], [3]),
        ([Term("user")], []),
        ([Term(trace_id(2).hex())], [2]),
        ([Term(trace_id(2).hex()), Term("planner")], []),
        ([Term("-")], [3, 2, 1]),
        ([Term('" OR Text : *')], []),
    ],
)
def test_text_search_finds_traces_by_spans_and_logs(
    shop: Store, terms: list[Term], expected: list[int]
) -> None:
    assert numbers(shop, terms=tuple(terms)) == expected


def test_a_trace_has_its_earliest_spans_name_until_the_root_comes(store: Store) -> None:
    store_now(store, span(2, parent=1, name="later", start=3))
    store_now(store, span(3, parent=1, name="earlier", start=2))
    summary = store.summary(trace_id(1))
    assert summary is not None
    assert (summary.name, summary.root_span_id) == ("earlier", None)

    store_now(store, span(1, name="root", start=4, service="web", kind=2))
    summary = store.summary(trace_id(1))
    assert summary is not None
    assert (summary.name, summary.root_service, summary.root_kind) == ("root", "web", 2)


def test_a_trace_of_logs_alone_is_not_listed_and_can_be_looked_at(store: Store) -> None:
    store_now(store, log(trace=4, at=7), log(trace=4, at=9))

    assert numbers(store) == []
    found = store.trace(trace_id(4), limit=10)
    assert found is not None
    assert (found.summary.name, found.summary.log_count, len(found.logs)) == ("", 2, 2)
    assert (found.summary.start_ns, found.summary.duration_ns) == (T0 + 7 * SECOND, 2 * SECOND)


def test_spans_decide_the_time_of_a_trace_that_began_with_a_log(store: Store) -> None:
    store_now(store, log(trace=1, at=1))
    store_now(store, span(start=5, duration=2))

    summary = store.summary(trace_id(1))
    assert summary is not None
    assert (summary.start_ns, summary.duration_ns) == (T0 + 5 * SECOND, 2 * SECOND)


def test_a_traces_spans_come_in_start_order_and_its_logs_in_time_order(store: Store) -> None:
    store_now(
        store,
        *(span(number, start=at) for number, at in ((1, 3), (2, 1), (3, 2))),
        *(log(trace=1, at=at) for at in (5, 4, 6)),
    )
    found = store.trace(trace_id(1), limit=10)
    assert found is not None
    assert [row.span_id[-1] for row in found.spans] == [2, 3, 1]
    assert [(row.time_ns - T0) // SECOND for row in found.logs] == [4, 5, 6]
    assert not found.truncated


def test_more_than_was_asked_for_is_cut_and_said_so(store: Store) -> None:
    store_now(store, *(span(number, start=number) for number in range(1, 6)))

    found = store.trace(trace_id(1), limit=3)
    assert found is not None
    assert [row.span_id[-1] for row in found.spans] == [1, 2, 3]
    assert found.truncated


def test_an_unknown_trace_is_none(store: Store) -> None:
    assert store.trace(trace_id(9), limit=1) is None
    assert store.summary(trace_id(9)) is None


def test_agents_are_named_in_order_and_once(store: Store) -> None:
    def agent(number: int, name: str, *, is_open: bool = False) -> Any:
        told = {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": name}
        return span(number, attributes=told, is_open=is_open)

    store_now(store, agent(1, "planner", is_open=True), agent(2, "writer"), agent(3, "planner"))
    before = store.summary(trace_id(1))
    store_now(store, agent(1, "planner"))
    after = store.summary(trace_id(1))
    assert before is not None
    assert after is not None
    assert before.agents == after.agents == ("planner", "writer")
    assert before.agent_span_count == after.agent_span_count == 3
    assert before.agent_version < after.agent_version


def test_traces_are_related_by_links_runs_and_conversations(store: Store) -> None:
    def agent(trace: int, **told: str) -> Any:
        attributes = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "m"}
        names = {"talk": "gen_ai.conversation.id", "run": "otbridge.run.id"}
        attributes |= {names[key]: value for key, value in told.items()}
        return span(trace=trace, kind=3, attributes=attributes)

    store_now(
        store,
        span(trace=1, links=[(2, 1), (1, 5), (99, 1)]),
        agent(2, talk="c"),
        agent(3, talk="c", run="r"),
        agent(4, run="r"),
        agent(5, talk="another"),
    )

    def related(trace: int) -> set[int]:
        return {int.from_bytes(other) for other in store.related(trace_id(trace))}

    assert related(1) == {2}
    assert related(2) == {1, 3}
    assert related(3) == {2, 4}
    assert related(4) == {3}
    assert related(5) == related(77) == set()
    assert store.traces_of_run("r") == {trace_id(3), trace_id(4)}
    assert store.traces_of_run("c") == set()


def test_the_spans_of_several_traces_come_in_start_order(store: Store) -> None:
    store_now(
        store,
        span(1, trace=1, start=3),
        span(1, trace=2, start=1),
        span(2, trace=2, start=5),
        span(1, trace=3),
    )
    wanted = [trace_id(1), trace_id(2), trace_id(9)]

    found = store.spans(wanted, 10)
    assert [(row.trace_id[-1], row.span_id[-1]) for row in found] == [(2, 1), (1, 1), (2, 2)]
    assert len(store.spans(wanted, 2)) == 2
    assert store.spans([], 2) == []
