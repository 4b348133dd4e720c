"""Runs: who took part, what it cost, who handed over to whom."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from otbridge.hub.analysis.runs import Run, summarise
from tests.hub.analysis.builders import Trace

if TYPE_CHECKING:
    from otbridge.hub.analysis.agent_graph import Edge


def summary(*traces: Trace) -> Run:
    found = summarise([span for trace in traces for span in trace.spans])
    assert found is not None
    return found


def arrows(run: Run, *, tools: bool = False) -> set[tuple[str, str, str, int]]:
    return {
        (edge.source, edge.target, edge.type, edge.count)
        for edge in run.edges
        if tools or edge.type != "tool"
    }


def edge(run: Run, source: str, target: str) -> Edge:
    return next(edge for edge in run.edges if (edge.source, edge.target) == (source, target))


def planner_and_writer() -> Trace:
    trace = Trace()
    said = {"gen_ai.operation.name": "invoke_workflow", "gen_ai.workflow.name": "gift"}
    run = trace.add("invoke_workflow gift", attributes=said | {"otbridge.run.id": "r1"})
    planner = trace.agent("planner", run, attributes={"gen_ai.conversation.id": "c1"})
    trace.llm(planner, model="planner-1")
    trace.tool("search", planner, status=2)
    trace.tool("search", planner)
    transfer = trace.handoff("writer", planner)
    request = trace.add("POST /write", transfer, kind=3, service="svc")
    writer = trace.agent("writer", request, service="writer-svc")
    trace.llm(writer, model="scribe-2", service="writer-svc")
    return trace


def test_a_run_tells_who_did_what() -> None:
    """Agents with their calls, tools, models, errors and tokens; one edge for the handoff."""
    run = summary(planner_and_writer())

    assert run.as_json() == {
        "run_id": "r1",
        "name": "gift",
        "state": "complete",
        "start_time_unix_nano": "1001",
        "duration_nano": 108,
        "trace_ids": ["01" * 16],
        "conversation": "c1",
        "agents": ["planner", "writer"],
        "llm_calls": 2,
        "tool_calls": 2,
        "handoffs": 1,
        "error_count": 1,
        "usage": {
            "input_tokens": 20,
            "output_tokens": 6,
            "cache_read_tokens": 0,
            "cache_write_tokens": 0,
            "reasoning_tokens": 0,
        },
    }
    details = run.details_as_json()
    assert details["agent_details"][0] == {
        "name": "planner",
        "service": "svc",
        "invocations": 1,
        "llm_calls": 1,
        "tool_calls": 2,
        "models": ["planner-1"],
        "tools": [{"name": "search", "calls": 2, "error_count": 1}],
        "error_count": 1,
        "usage": {
            "input_tokens": 10,
            "output_tokens": 3,
            "cache_read_tokens": 0,
            "cache_write_tokens": 0,
            "reasoning_tokens": 0,
        },
    }
    assert details["agent_details"][1]["service"] == "writer-svc"
    assert details["edges"] == [
        {
            "source": "planner",
            "target": "search",
            "type": "tool",
            "count": 2,
            "span_ids": ["0000000000000004", "0000000000000005"],
            "evidence": ["tool call"],
        },
        {
            "source": "planner",
            "target": "writer",
            "type": "handoff",
            "count": 1,
            "span_ids": ["0000000000000006"],
            "evidence": ["handoff span"],
        },
    ]
    assert [span.name for span in run.steps] == [
        "invoke_workflow gift",
        "invoke_agent planner",
        "chat planner-1",
        "execute_tool search",
        "execute_tool search",
        "execute_tool handoff",
        "invoke_agent writer",
        "chat scribe-2",
    ]


def test_a_handoff_goes_to_whoever_took_over() -> None:
    """The agent seen below the handoff is believed before the name in it."""
    trace = Trace()
    transfer = trace.handoff("billing", trace.agent("triage"))
    trace.agent("Billing Agent", transfer)
    assert arrows(summary(trace)) == {("triage", "Billing Agent", "handoff", 1)}


def test_a_handoff_whose_target_never_came_is_still_one() -> None:
    """Where the target left no span, its name stands for it."""
    trace = Trace()
    trace.handoff("billing", trace.agent("triage"))
    run = summary(trace)
    assert arrows(run) == {("triage", "billing", "handoff", 1)}
    assert [agent.name for agent in run.agents] == ["triage"]


def test_an_agent_used_as_a_tool_is_called() -> None:
    """Nested below a tool call: an edge of type call, with the tool as evidence."""
    trace = Trace()
    tool = trace.tool("ask_expert", trace.agent("planner"))
    trace.agent("expert", trace.add("POST /", tool))
    run = summary(trace)
    assert arrows(run) == {("planner", "expert", "call", 1)}
    assert edge(run, "planner", "expert").evidence == ["inside tool ask_expert"]


def test_an_agents_span_in_its_own_span_calls_nobody() -> None:
    """Two libraries tracing the same agent do not make it call itself, nor work twice."""
    trace = Trace()
    trace.agent("planner", trace.agent("planner"))
    run = summary(trace)
    assert arrows(run) == set()
    assert run.agents[0].invocations == 1


def test_an_agent_that_calls_itself_by_a_tool_works_twice() -> None:
    """Recursion by way of a tool is real."""
    trace = Trace()
    trace.agent("planner", trace.tool("ask", trace.agent("planner")))
    assert summary(trace).agents[0].invocations == 2


def test_links_are_messages_and_several_are_a_fan_in() -> None:
    """Who uses others' output is fed by them."""
    first, second, third = Trace(1), Trace(2), Trace(3)
    one, two = first.agent("a"), second.agent("b")
    merger = third.agent("merger", links=(first.key(one), second.key(two)))
    third.agent("reader", links=(third.key(merger),))

    assert arrows(summary(first, second, third)) == {
        ("a", "merger", "fan_in", 1),
        ("b", "merger", "fan_in", 1),
        ("merger", "reader", "message", 1),
    }


def test_a_link_to_the_handoff_that_named_it_is_not_a_second_edge() -> None:
    """A handoff through a queue, with a link instead of a parent, is one edge."""
    first, second = Trace(1), Trace(2)
    transfer = first.handoff("billing", first.agent("triage"))
    second.agent("billing", links=(first.key(transfer),))
    assert arrows(summary(first, second)) == {("triage", "billing", "handoff", 1)}


def test_a_framework_that_wrote_its_edge_down_is_believed() -> None:
    """OpenInference's graph nodes, AutoGen's senders, agent-framework's messages, LangGraph's gotos."""
    trace = Trace()
    openinference = {
        "openinference.span.kind": "AGENT",
        "graph.node.id": "billing",
        "graph.node.parent_id": "triage",
    }
    trace.add("billing", attributes=openinference)
    autogen = {
        "messaging.operation": "publish",
        "sender_agent_type": "alice",
        "recipient_agent_type": "bob",
    }
    trace.add("autogen send bob", attributes=autogen)
    framework = {"edge_group.type": "SingleEdgeGroup", "message.source_id": "x"}
    trace.add("edge_group.process", attributes=framework | {"message.target_id": "y"})
    langgraph = {
        "traceloop.span.kind": "task",
        "langgraph.command.source_node": "supervisor",
        "langgraph.command.goto_node": "worker",
    }
    trace.add("supervisor", attributes=langgraph)

    run = summary(trace)
    assert arrows(run) == {
        ("triage", "billing", "handoff", 1),
        ("alice", "bob", "message", 1),
        ("x", "y", "message", 1),
        ("supervisor", "worker", "handoff", 1),
    }
    assert edge(run, "triage", "billing").evidence == ["graph.node.parent_id"]


def test_what_was_written_down_and_happened_is_one_edge() -> None:
    """A declared edge that was also seen confirms it and is not counted again."""
    trace = Trace()
    triage = trace.add("triage", attributes={"openinference.span.kind": "AGENT"})
    trace.add("handoff to billing", triage, attributes={"openinference.span.kind": "TOOL"})
    said = {"openinference.span.kind": "AGENT", "graph.node.id": "billing"}
    trace.add("billing", attributes=said | {"graph.node.parent_id": "triage"})

    run = summary(trace)
    assert arrows(run) == {("triage", "billing", "handoff", 1)}
    assert edge(run, "triage", "billing").evidence == ["handoff span", "graph.node.parent_id"]


def test_langgraphs_triggers_are_edges_once_per_step() -> None:
    """The metadata that is copied to everything in a step tells of one edge."""
    metadata: dict[str, Any] = {
        "openinference.span.kind": "CHAIN",
        "metadata": '{"langgraph_node":"worker","langgraph_triggers":["branch:boss:route:worker"]}',
    }
    trace = Trace()
    step = trace.add("worker", attributes=metadata)
    trace.add("ChatModel", step, attributes=metadata | {"openinference.span.kind": "LLM"})
    trace.add("worker", attributes=metadata)
    assert arrows(summary(trace)) == {("boss", "worker", "message", 2)}


def test_a_path_stands_in_for_spans_that_are_missing() -> None:
    """An agent whose callers' spans have not arrived is placed by the path in its baggage."""
    trace = Trace()
    trace.agent("writer", b"\x99" * 8, attributes={"otbridge.agent.path": "planner/writer"})
    run = summary(trace)
    assert arrows(run) == {("planner", "writer", "call", 1)}
    assert edge(run, "planner", "writer").evidence == ["otbridge.agent.path"]


def test_a_tool_traced_twice_is_called_once() -> None:
    """Framework, MCP client and MCP server each make a span of one call."""
    trace = Trace()
    agent = trace.agent("planner")
    outer = trace.tool("add", agent)
    client = trace.tool("add", outer, kind=3, attributes={"mcp.method.name": "tools/call"})
    trace.tool("add", client, kind=2, attributes={"mcp.method.name": "tools/call"})
    trace.tool("add", agent)

    run = summary(trace)
    assert run.tool_calls == 2
    assert arrows(run, tools=True) == {("planner", "add", "tool", 2)}


def test_a_tool_that_uses_another_tool_has_made_two_calls() -> None:
    """Nesting alone is no repetition."""
    trace = Trace()
    trace.tool("fetch", trace.tool("search", trace.agent("planner")))
    assert summary(trace).tool_calls == 2


def test_machinery_is_no_step() -> None:
    """A framework's own spans carry the tree and are not shown as work."""
    trace = Trace()
    machinery = {"messaging.operation": "process"}
    process = trace.add("autogen process planner", attributes=machinery)
    trace.agent("planner", process)
    assert [span.name for span in summary(trace).steps] == ["invoke_agent planner"]


def test_the_state_of_a_run() -> None:
    """Open while a span is, lost when its sender is gone, complete otherwise."""
    complete, running, gone = Trace(), Trace(), Trace()
    complete.agent("a")
    running.agent("a", ended=False)
    gone.agent("a", ended=False, lost=True)
    assert [summary(trace).state for trace in (complete, running, gone)] == [
        "complete",
        "open",
        "lost",
    ]
    assert summary(running).end_ns == running.spans[0].start_ns


def test_a_run_without_an_agent_is_none() -> None:
    """Plain requests are not runs."""
    trace = Trace()
    trace.add("GET /")
    assert summarise(trace.spans) is None


def test_a_run_without_a_name_of_its_own_has_its_first_agents() -> None:
    """Name and id come from what there is."""
    trace = Trace()
    trace.add("GET /", kind=2)
    trace.llm()
    trace.agent("planner")
    run = summary(trace)
    assert (run.name, run.run_id) == ("planner", "01" * 16)


def test_a_chain_of_thousands_is_summarised_in_a_moment() -> None:
    """Agents nested without end cost no more than agents side by side."""
    trace = Trace()
    parent = b""
    for number in range(3000):
        parent = trace.agent(f"a{number % 7}", parent)
        trace.llm(parent)
        trace.tool("t", parent)
    began = time.process_time()
    run = summary(trace)
    # A walk up from every span would take half a minute.
    assert time.process_time() - began < 3
    assert (run.llm_calls, run.tool_calls, run.usage.input_tokens) == (3000, 3000, 30000)
