"""What each verb writes down, with content kept."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from otbridge import agents

if TYPE_CHECKING:
    from tests.agents.conftest import Spans


def said(spans: Spans, name: str) -> dict[str, Any]:
    """The attributes of a span, those that are JSON decoded."""
    return {
        key: json.loads(value) if isinstance(value, str) and value[:1] in "[{" else value
        for key, value in (spans[name].attributes or {}).items()
        if key not in {"gen_ai.operation.name", "gen_ai.agent.name", "otbridge.agent.path"}
    }


def text(content: str) -> dict[str, str]:
    return {"type": "text", "content": content}


def test_an_agent_says_who_it_is_and_what_was_said(spans: Spans) -> None:
    """Description, version, hosted id, host, instructions, question and answer."""
    with agents.agent(
        "planner",
        description="plans",
        version="3",
        agent_id="asst_1",
        provider="openai",
        remote=True,
        capture_content=True,
    ) as planner:
        planner.system("Be kind.")
        planner.input("hi")
        planner.output("yo")
        assert planner.name == "planner"

    assert said(spans, "invoke_agent planner") == {
        "gen_ai.agent.description": "plans",
        "gen_ai.agent.version": "3",
        "gen_ai.agent.id": "asst_1",
        "gen_ai.provider.name": "openai",
        "gen_ai.system_instructions": [text("Be kind.")],
        "gen_ai.input.messages": [{"role": "user", "parts": [text("hi")]}],
        "gen_ai.output.messages": [{"role": "assistant", "parts": [text("yo")]}],
    }


def test_a_model_call_keeps_what_was_said_and_offered(spans: Spans) -> None:
    """Messages and tool definitions, and one finish reason per choice."""
    offered = [{"type": "function", "name": "search"}]
    with agents.llm("m", capture_content=True) as call:
        call.tools(offered)
        call.output(["a", "b"], finish=["stop", "length"])

    found = said(spans, "chat m")
    assert found["gen_ai.tool.definitions"] == offered
    assert found["gen_ai.response.finish_reasons"] == ("stop", "length")
    assert [message["parts"] for message in found["gen_ai.output.messages"]] == [
        [text("a")],
        [text("b")],
    ]


def test_a_tool_says_how_it_was_called(spans: Spans) -> None:
    """Name, kind, call id, description, arguments and result."""
    with agents.tool(
        "search", call_id="c1", kind="datastore", description="finds", capture_content=True
    ) as tool:
        tool.arguments({"q": "x"})
        tool.result(["y"])
        assert tool.name == "search"

    assert said(spans, "execute_tool search") == {
        "gen_ai.tool.name": "search",
        "gen_ai.tool.type": "datastore",
        "gen_ai.tool.call.id": "c1",
        "gen_ai.tool.description": "finds",
        "gen_ai.tool.call.arguments": {"q": "x"},
        "gen_ai.tool.call.result": ["y"],
    }


@pytest.mark.parametrize("captured", [True, False])
def test_a_retrieval_says_what_was_looked_for_and_found(spans: Spans, captured: bool) -> None:
    """Source and number are always there; query and documents are content."""
    with agents.retrieval("kb", query="x", top_k=3, capture_content=captured) as lookup:
        lookup.documents([{"id": "d1", "score": 0.5}])

    always = {"gen_ai.data_source.id": "kb", "gen_ai.retrieval.top_k": 3}
    content = {
        "gen_ai.retrieval.query.text": "x",
        "gen_ai.retrieval.documents": [{"id": "d1", "score": 0.5}],
    }
    assert said(spans, "retrieval kb") == always | (content if captured else {})


@pytest.mark.parametrize("captured", [True, False])
def test_a_memory_says_what_was_remembered(spans: Spans, captured: bool) -> None:
    """Store, record and how many are always there; query and records are content."""
    with agents.memory("search_memory", store="s", query="x", capture_content=captured) as memory:
        memory.records([{"id": "m1"}, {"id": "m2"}])
    with agents.memory("delete_memory", record="m1"):
        pass

    always = {"gen_ai.memory.store.id": "s", "gen_ai.memory.record.count": 2}
    content = {
        "gen_ai.memory.query.text": "x",
        "gen_ai.memory.records": [{"id": "m1"}, {"id": "m2"}],
    }
    assert said(spans, "search_memory") == always | (content if captured else {})
    assert said(spans, "delete_memory") == {"gen_ai.memory.record.id": "m1"}


def test_a_handoff_keeps_what_was_handed_over(spans: Spans) -> None:
    """The tool's own name, and the content if it is kept."""
    with agents.handoff(
        "billing", tool="transfer_to_billing", arguments={"why": "refund"}, capture_content=True
    ) as transfer:
        assert transfer.target == "billing"

    found = said(spans, "execute_tool transfer_to_billing billing")
    assert found["gen_ai.tool.name"] == "transfer_to_billing"
    assert found["gen_ai.tool.call.arguments"] == {"why": "refund"}


def test_bare_decorators_take_the_functions_name(spans: Spans) -> None:
    """`run`, `agent`, `tool`, `plan` and `step` need no argument."""

    @agents.run
    def case() -> None:
        planner()

    @agents.agent
    def planner() -> None:
        think()

    @agents.plan
    def think() -> None:
        sort()

    @agents.step
    def sort() -> None:
        pass

    case()
    assert spans.names == ["sort", "plan planner", "invoke_agent planner", "invoke_workflow case"]


def test_every_verb_works_as_a_decorator(spans: Spans) -> None:
    """Those that need an argument, too."""

    @agents.llm("m")
    @agents.handoff("b")
    @agents.retrieval("kb")
    @agents.memory("search_memory")
    def work() -> int:
        return 7

    assert work() == 7
    assert spans.names == ["search_memory", "retrieval kb", "execute_tool handoff b", "chat m"]
