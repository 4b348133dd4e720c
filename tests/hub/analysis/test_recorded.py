"""Real runs of real frameworks, driven by scripted models and recorded as their spans.

Each file in `recorded/` holds the spans of one small run (a question, a tool, a second agent) as
the framework's tracer made them, with ids numbered and long texts cut.
"""

from __future__ import annotations

import json
from pathlib import Path

from otbridge.hub.analysis.genai import describe
from otbridge.hub.analysis.runs import Run, summarise
from otbridge.hub.analysis.span_tree import RunSpan

_RECORDED = Path(__file__).parent / "recorded"


def recorded(name: str) -> Run:
    """What the hub makes of a recorded run."""
    spans = []
    for span in json.loads((_RECORDED / f"{name}.json").read_text(encoding="utf-8"))["spans"]:
        genai = describe(span["name"], span["kind"], span["attributes"], span["scope"])
        spans.append(
            RunSpan(
                bytes.fromhex(span["trace_id"]),
                bytes.fromhex(span["span_id"]),
                bytes.fromhex(span["parent_span_id"]),
                span["name"],
                "svc",
                span["start"],
                span["end"],
                span["status"],
                tuple((bytes.fromhex(trace), bytes.fromhex(id_)) for trace, id_ in span["links"]),
                genai,
            )
        )
    found = summarise(spans)
    assert found is not None
    return found


def arrows(run: Run) -> set[tuple[str, str, str, int]]:
    return {(edge.source, edge.target, edge.type, edge.count) for edge in run.edges}


def agents(run: Run) -> list[tuple[str, int, int, int]]:
    """Name, invocations, model calls and tool calls of each agent."""
    return [
        (agent.name, agent.invocations, agent.llm_calls, agent.tool_calls) for agent in run.agents
    ]


def test_openai_agents_handing_off() -> None:
    """A triage agent hands over to one for billing, which uses a tool: OpenInference's tracing."""
    run = recorded("openai_agents.openinference")
    assert run.name == "Agent workflow"
    assert agents(run) == [("triage", 1, 1, 0), ("billing", 1, 2, 1)]
    assert arrows(run) == {
        ("triage", "billing", "handoff", 1),
        ("billing", "refund", "tool", 1),
    }
    assert run.edges[0].evidence == ["handoff span", "graph.node.parent_id"]
    assert run.handoffs == 1


def test_langgraph_with_a_supervisor_and_a_loop_over_a_tool() -> None:
    """Nodes that ask a model are its agents; their order is the graph: OpenInference's tracing."""
    run = recorded("langgraph.openinference")
    assert agents(run) == [("supervisor", 0, 2, 0), ("worker", 0, 2, 0), ("tools", 0, 0, 1)]
    assert arrows(run) == {
        ("supervisor", "worker", "message", 1),
        ("worker", "tools", "message", 1),
        ("tools", "worker", "message", 1),
        ("worker", "supervisor", "message", 1),
        ("tools", "look", "tool", 1),
    }
    assert run.conversation == "t1"
    assert (run.usage.input_tokens, run.usage.output_tokens) == (40, 12)


def test_smolagents_with_a_managed_agent() -> None:
    """Tokens stand on the agents alone, each its own: 40/8, where leaves have 0 and roots 20."""
    run = recorded("smolagents.openinference")
    assert agents(run) == [("manager", 1, 0, 1), ("worker", 1, 0, 2)]
    assert arrows(run) == {
        ("manager", "worker", "call", 1),
        ("manager", "final_answer", "tool", 1),
        ("worker", "look", "tool", 1),
        ("worker", "final_answer", "tool", 1),
    }
    assert (run.usage.input_tokens, run.usage.output_tokens) == (40, 8)


def test_autogens_swarm_over_its_many_traces() -> None:
    """One run of 50 spans in 18 traces: two agents, one handoff, one tool, and no postman."""
    run = recorded("autogen_swarm")
    assert len(run.trace_ids) == 18
    assert agents(run) == [("triage", 1, 0, 0), ("billing", 1, 0, 1)]
    assert arrows(run) == {
        ("triage", "billing", "handoff", 1),
        ("billing", "triage", "message", 1),
        ("billing", "refund", "tool", 1),
    }


def test_agent_framework_side_by_side_and_in_a_row() -> None:
    """Fan-out, fan-in and a sequence: links between executors are the edges."""
    run = recorded("agent_framework")
    assert agents(run) == [("writer", 2, 2, 0), ("critic", 1, 1, 0), ("editor", 1, 1, 0)]
    assert arrows(run) == {
        ("dispatcher", "writer", "message", 1),
        ("dispatcher", "critic", "message", 1),
        ("writer", "aggregator", "fan_in", 1),
        ("critic", "aggregator", "fan_in", 1),
        ("input-conversation", "writer", "message", 1),
        ("writer", "editor", "message", 1),
    }
    assert (run.usage.input_tokens, run.usage.output_tokens) == (40, 12)
