"""Every token once: checked on the shapes that real frameworks write."""

from __future__ import annotations

from otbridge.hub.analysis.billing import bill
from otbridge.hub.analysis.span_tree import SpanTree
from otbridge.hub.analysis.usage import Usage
from tests.hub.analysis.builders import Trace, used


def total(trace: Trace) -> tuple[int, int]:
    counted = bill(SpanTree(trace.spans)).total
    return (counted.input_tokens, counted.output_tokens)


def test_model_calls_add_up() -> None:
    """The plain case."""
    trace = Trace()
    agent = trace.agent("a")
    trace.llm(agent)
    trace.llm(agent)
    assert total(trace) == (20, 6)


def test_an_agent_that_repeats_its_calls_is_ignored_with_a_reason() -> None:
    """Strands and the AI SDK write their calls' sum on the agent: 20/6, not 40/12."""
    trace = Trace()
    agent = trace.agent("a", attributes=used(20, 6))
    trace.llm(agent)
    trace.llm(agent)

    assert total(trace) == (20, 6)
    billed = bill(SpanTree(trace.spans))
    assert billed.ignored == {
        trace.key(agent): (Usage(20, 6), "the model calls of this agent count")
    }


def test_agents_that_alone_know_their_tokens_count_each() -> None:
    """Where model calls have no spans (smolagents), manager and worker both count: 40/8."""
    trace = Trace()
    manager = trace.agent("manager", attributes=used(20, 4))
    call = trace.tool("worker", manager)
    trace.agent("worker", call, attributes=used(20, 4))
    assert total(trace) == (40, 8)


def test_an_agent_is_judged_by_its_own_calls_not_by_those_of_agents_below() -> None:
    """A worker with model calls does not silence a manager without."""
    trace = Trace()
    manager = trace.agent("manager", attributes=used(20, 4))
    worker = trace.agent("worker", manager)
    trace.llm(worker)
    assert total(trace) == (30, 7)


def test_a_loops_total_counts_only_where_nothing_below_does() -> None:
    """The AI SDK's agent spans are totals, also over agents below."""
    trace = Trace()
    outer = trace.agent("outer", attributes=used(30, 9), scope="gen_ai")
    inner = trace.agent("inner", outer, attributes=used(30, 9), scope="gen_ai")
    assert total(trace) == (30, 9)
    trace.llm(inner, tokens=(30, 9))
    assert total(trace) == (30, 9)


def test_a_runs_total_is_never_added_to_what_is_below() -> None:
    """Runs and steps report sums."""
    trace = Trace()
    run = trace.add(
        "invoke_workflow r", attributes={"gen_ai.operation.name": "invoke_workflow", **used(99, 9)}
    )
    assert total(trace) == (99, 9)
    trace.agent("a", run, attributes=used(50, 5))
    assert total(trace) == (50, 5)


def test_declared_aggregates_never_count() -> None:
    """pydantic-ai's `aggregated_usage` is what the calls below report, too."""
    trace = Trace()
    agent = trace.agent(
        "a",
        attributes={
            "gen_ai.aggregated_usage.input_tokens": 20,
            "gen_ai.aggregated_usage.output_tokens": 6,
        },
    )
    trace.llm(agent)
    assert total(trace) == (10, 3)


def test_a_framework_around_a_providers_span_is_one_call() -> None:
    """Framework and provider instrumented both: the inner call counts, once."""
    trace = Trace()
    agent = trace.agent("a")
    outer = trace.llm(agent, model="gpt-5")
    trace.llm(outer, model="gpt-5")

    billed = bill(SpanTree(trace.spans))
    assert billed.total == Usage(10, 3)
    assert billed.wrappers == {trace.key(outer)}
    assert billed.ignored == {trace.key(outer): (Usage(10, 3), "the model call inside it counts")}


def test_the_wrappers_richer_detail_is_kept() -> None:
    """Cache detail that only the outer span has is not lost."""
    trace = Trace()
    detail = {"gen_ai.usage.cache_read.input_tokens": 4, "gen_ai.response.id": "r1"}
    outer = trace.llm(model="gpt-5", attributes=detail)
    trace.llm(outer, model="gpt-5-2026", attributes={"gen_ai.response.id": "r1"})
    assert bill(SpanTree(trace.spans)).total == Usage(10, 3, cache_read_tokens=4)


def test_a_call_inside_another_models_call_is_a_call_of_its_own() -> None:
    """A model that asks another model is no wrapper."""
    trace = Trace()
    outer = trace.llm(model="big")
    trace.llm(outer, model="small", tokens=(5, 1))
    assert total(trace) == (15, 4)


def test_an_agent_inside_a_call_does_not_make_it_a_wrapper() -> None:
    """What an agent below asks is the agent's."""
    trace = Trace()
    outer = trace.llm(model="m")
    agent = trace.agent("sub", outer)
    trace.llm(agent, model="m")
    assert total(trace) == (20, 6)


def test_embeddings_count() -> None:
    """An embedding's input is paid for, too."""
    trace = Trace()
    trace.add("embeddings e", attributes={"gen_ai.operation.name": "embeddings", **used(7, 0)})
    assert total(trace) == (7, 0)


def test_an_open_span_and_its_end_count_once() -> None:
    """A span known twice is one span."""
    trace = Trace()
    trace.llm(ended=False)
    open_span = trace.spans[0]
    again = Trace()
    again.llm()
    assert bill(SpanTree([open_span, again.spans[0], open_span])).total == Usage(10, 3)


def test_parents_in_a_circle_end() -> None:
    """Hostile parents neither hang nor count twice."""
    trace = Trace()
    trace.llm((2).to_bytes(8, "big"))
    trace.llm((1).to_bytes(8, "big"), model="other")
    trace.agent("self", (3).to_bytes(8, "big"), attributes=used(1, 1))
    assert total(trace) == (21, 7)
