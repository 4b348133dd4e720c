"""Agent runs, from however many traces."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from otbridge.hub.query.runs import find_run, list_runs, usage_of
from tests.hub.store.builders import span, store_now, trace_id

if TYPE_CHECKING:
    import pytest

    from otbridge.hub.store import Store
    from otbridge.wire.rows import SpanRow


def agent(trace: int, name: str, *, number: int = 1, start: int = 0, **options: Any) -> SpanRow:
    told = {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": name}
    if talk := options.pop("talk", None):
        told["gen_ai.conversation.id"] = talk
    if run := options.pop("run", None):
        told["otbridge.run.id"] = run
    return span(number, trace=trace, name=name, start=start, attributes=told, **options)


def llm(trace: int, number: int, parent: int, tokens: int, **options: Any) -> SpanRow:
    told = {
        "gen_ai.operation.name": "chat",
        "gen_ai.request.model": "m",
        "gen_ai.usage.input_tokens": tokens,
        "gen_ai.usage.output_tokens": 1,
    }
    return span(number, trace=trace, parent=parent, kind=3, attributes=told, **options)


def listed(store: Store, limit: int = 50) -> list[list[int]]:
    """Return the traces of each run, page by page."""
    runs: list[list[int]] = []
    position = None
    while True:
        page = list_runs(store, limit, position)
        assert len(page.runs) <= limit
        runs += ([int.from_bytes(one) for one in run.trace_ids] for run in page.runs)
        position = page.next_position
        if position is None:
            return runs


def test_traces_joined_by_links_runs_and_conversations_are_one_run(store: Store) -> None:
    store_now(
        store,
        agent(1, "planner", start=1, talk="c"),
        agent(2, "writer", start=2, talk="c", links=[(3, 1)]),
        agent(3, "critic", start=3, run="r"),
        agent(4, "editor", start=4, run="r"),
        agent(5, "stranger", start=5),
        span(trace=6, start=6, name="no agent here"),
    )
    assert listed(store) == [[5], [1, 2, 3, 4]]

    found = find_run(store, trace_id(2).hex())
    assert found is not None
    assert [one.name for one in found.run.agents] == ["planner", "writer", "critic", "editor"]
    assert [row.name for row in found.steps] == ["planner", "writer", "critic", "editor"]


def test_a_run_is_found_by_its_own_id_and_by_any_of_its_traces(store: Store) -> None:
    store_now(store, agent(1, "planner", run="my-run"), agent(2, "writer", run="my-run", start=1))

    for name in ("my-run", trace_id(1).hex(), trace_id(2).hex()):
        found = find_run(store, name)
        assert found is not None
        assert found.run.run_id == "my-run"


def test_there_is_no_run_without_an_agent(store: Store) -> None:
    store_now(store, span())

    assert find_run(store, trace_id(1).hex()) is None
    assert find_run(store, trace_id(9).hex()) is None
    assert find_run(store, "nobody's") is None
    assert find_run(store, "z" * 32) is None


def test_pages_show_every_run_once(store: Store) -> None:
    rows = [agent(n + 1, f"a{n}", start=n, talk=f"talk {n % 40}") for n in range(130)]
    store_now(store, *rows)

    everything = listed(store)
    assert len(everything) == 40
    assert sorted(trace for run in everything for trace in run) == list(range(1, 131))
    assert listed(store, limit=7) == everything
    assert listed(store, limit=1) == everything


def test_a_question_without_time_goes_on_trace_by_trace_and_still_shows_every_run_once(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [agent(n + 1, f"a{n}", start=n, talk=f"talk {n % 3}") for n in range(12)]
    store_now(store, *rows)
    everything = listed(store)
    monkeypatch.setattr("otbridge.hub.query.runs._BUDGET_S", -1.0)
    assert list_runs(store, 50).next_position is not None
    assert listed(store) == everything


def test_the_traces_of_a_run_are_joined_once_for_a_page(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    store_now(store, *(agent(n + 1, f"a{n}", start=n, talk="talk") for n in range(100)))
    asked: list[bytes] = []
    related = store.related

    def counted(trace: bytes) -> Any:
        asked.append(trace)
        return related(trace)

    monkeypatch.setattr(store, "related", counted)
    assert len(list_runs(store, 50).runs) == 1
    assert len(asked) <= 2 * 100  # once to join them, and once to see that none of them is later


def test_tokens_of_a_trace_are_counted_once(store: Store) -> None:
    total = {"gen_ai.usage.input_tokens": 30, "gen_ai.usage.output_tokens": 2}
    named = {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "planner"}
    store_now(
        store,
        span(1, attributes=named | total),
        llm(1, 2, 1, 10),
        span(3, parent=1, name="HTTP call between"),
        llm(1, 4, 3, 20),
        span(trace=2),
    )
    summary = store.summary(trace_id(1))
    assert summary is not None
    usage = usage_of(store, summary)
    assert usage is not None
    assert (usage.input_tokens, usage.output_tokens) == (30, 2)

    other = store.summary(trace_id(2))
    assert other is not None
    assert usage_of(store, other) is None


def test_tokens_that_arrive_later_are_counted_too(store: Store) -> None:
    def tokens() -> int | None:
        summary = store.summary(trace_id(1))
        assert summary is not None
        usage = usage_of(store, summary)
        return usage.input_tokens if usage else None

    store_now(store, agent(1, "planner"), llm(1, 2, 1, 10))
    assert tokens() == 10
    store_now(store, llm(1, 3, 1, 5, is_open=True))
    assert tokens() == 15
    store_now(store, llm(1, 3, 1, 7))
    assert tokens() == 17
