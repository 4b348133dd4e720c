"""pydantic-ai's agents in our runs, driven by its own scripted models."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING, Any

import pytest
from pydantic_ai import Agent
from pydantic_ai.models.test import TestModel

from otbridge import agents
from otbridge.agents.sources import pydantic_ai
from otbridge.errors import ConfigurationError
from otbridge.hub.analysis.genai import describe

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.agents.conftest import Spans


@pytest.fixture
def writer(spans: Spans) -> Iterator[Agent[None, str]]:
    """An agent with a tool; the settings for all agents are put back afterwards."""
    pydantic_ai.instrument(tracer_provider=spans.provider)
    agent: Agent[None, str] = Agent(TestModel(), name="writer", instructions="Be kind.")

    @agent.tool_plain
    def check(text: str) -> str:
        return f"{text} is fine"

    yield agent
    Agent.instrument_all(instrument=False)


def kinds(spans: Spans) -> dict[str, tuple[str, str | None]]:
    """What the hub makes of the spans: name to kind and agent."""
    found: dict[str, tuple[str, str | None]] = {}
    for span in spans.all:
        scope = span.instrumentation_scope.name if span.instrumentation_scope else ""
        genai = describe(span.name, 1, dict(span.attributes or {}), scope)
        if genai:
            found[span.name] = (genai.kind, genai.agent)
    return found


def test_its_agent_is_the_handoffs_child(spans: Spans, writer: Agent[None, str]) -> None:
    """Its spans hang below ours, and the hub understands both alike."""
    with agents.agent("planner") as planner, planner.handoff("writer"):
        asyncio.run(writer.run("Write."))

    assert spans.parent("invoke_agent writer") == "execute_tool handoff writer"
    assert spans.parent("execute_tool check") == "invoke_agent writer"
    assert kinds(spans) == {
        "chat test": ("llm", "writer"),
        "execute_tool check": ("tool", "writer"),
        "invoke_agent writer": ("agent", "writer"),
        "execute_tool handoff writer": ("handoff", "planner"),
        "invoke_agent planner": ("agent", "planner"),
    }


def test_a_run_stamps_its_spans(spans: Spans, writer: Agent[None, str]) -> None:
    """The run's id is on spans that pydantic-ai makes; its own conversation id is left alone."""
    with agents.run("r", conversation_id="c1") as run:
        asyncio.run(writer.run("Write."))

    said = spans["invoke_agent writer"].attributes or {}
    assert said["otbridge.run.id"] == run.run_id
    assert said["gen_ai.conversation.id"] != "c1"


def test_content_stays_out_unless_asked_for(spans: Spans, writer: Agent[None, str]) -> None:
    """Its default is to keep prompts; ours is not to."""

    def everything_said() -> str:
        spans.exporter.clear()
        asyncio.run(writer.run("The secret prompt."))
        return repr([dict(span.attributes or {}) for span in spans.all])

    kept_out = everything_said()
    assert "secret prompt" not in kept_out
    assert "Be kind" not in kept_out
    assert "is fine" not in kept_out

    pydantic_ai.instrument(tracer_provider=spans.provider, capture_content=True)
    kept = everything_said()
    assert "secret prompt" in kept
    assert "Be kind" in kept


def test_without_the_package_the_message_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A missing framework is a sentence, not a traceback."""
    monkeypatch.setitem(sys.modules, "pydantic_ai", None)
    with pytest.raises(ConfigurationError, match=r"pip install 'otbridge\[pydantic-ai\]'"):
        pydantic_ai.instrument()


def test_settings_that_it_does_not_know_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """A version that refuses our settings gets the same sentence."""

    class Old:
        def __init__(self, **_: Any) -> None:
            raise TypeError("unexpected keyword argument 'version'")

    monkeypatch.setattr("pydantic_ai.InstrumentationSettings", Old)
    with pytest.raises(ConfigurationError, match="pydantic-ai 2"):
        pydantic_ai.instrument()
