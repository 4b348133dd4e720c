"""One record from every convention: the tables of otbridge.hub.analysis.conventions."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otbridge.hub.analysis.conventions import FIELDS, KINDS, PREFIXES
from otbridge.hub.analysis.genai import GenAI, describe

INTERNAL, SERVER, CLIENT = 1, 2, 3


def described(
    attributes: dict[str, Any], name: str = "span", kind: int = INTERNAL, scope: str = ""
) -> GenAI:
    found = describe(name, kind, attributes, scope)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("operation", "kind"),
    [
        ("chat", "llm"),
        ("generate_content", "llm"),
        ("text_completion", "llm"),
        ("embeddings", "embedding"),
        ("retrieval", "retrieval"),
        ("invoke_agent", "agent"),
        ("invoke_workflow", "run"),
        ("plan", "plan"),
        ("execute_tool", "tool"),
        ("search_memory", "memory"),
        ("create_agent", "infra"),
        ("agent_step", "step"),
    ],
)
def test_an_operation_of_the_genai_conventions_decides(operation: str, kind: str) -> None:
    """`gen_ai.operation.name` is believed before any dialect beside it."""
    found = described(
        {"gen_ai.operation.name": operation, "openinference.span.kind": "CHAIN"}, name="x"
    )
    assert (found.kind, found.source) == (kind, "gen_ai")


@pytest.mark.parametrize(
    ("attributes", "name", "scope", "kind", "source"),
    [
        ({"openinference.span.kind": "LLM"}, "x", "", "llm", "openinference"),
        ({"openinference.span.kind": "AGENT"}, "x", "", "agent", "openinference"),
        ({"openinference.span.kind": "CHAIN"}, "x", "", "step", "openinference"),
        ({"openinference.span.kind": "GUARDRAIL"}, "x", "", "guardrail", "openinference"),
        ({"traceloop.span.kind": "workflow"}, "x", "", "run", "traceloop"),
        ({"traceloop.span.kind": "task"}, "x", "", "step", "traceloop"),
        ({"llm.request.type": "chat"}, "x", "", "llm", "traceloop"),
        ({"langfuse.observation.type": "generation"}, "x", "", "llm", "langfuse"),
        ({"langsmith.span.kind": "retriever"}, "x", "", "retrieval", "langsmith"),
        ({"mlflow.spanType": '"CHAT_MODEL"'}, "x", "", "llm", "mlflow"),
        ({"lmnr.span.type": "TOOL"}, "x", "", "tool", "laminar"),
        ({"ai.operationId": "ai.streamText"}, "x", "ai", "agent", "vercel_ai"),
        ({"ai.operationId": "ai.streamText.doStream"}, "x", "ai", "llm", "vercel_ai"),
        ({"span.type": "llm_request"}, "claude_code.llm_request", "", "llm", "claude_code"),
        ({"span.type": "tool", "x": 1}, "claude_code.tool", "", "tool", "voltagent"),
        ({"gcp.vertex.agent.session_id": "s"}, "invocation", "gcp.vertex.agent", "run", "name"),
        ({"messaging.operation": "publish"}, "autogen publish topic", "", "message", "name"),
        ({"messaging.operation": "process"}, "autogen process x", "", "infra", "name"),
        ({"executor.id": "a"}, "executor.process a", "agent_framework", "step", "name"),
        ({"mcp.method.name": "tools/call"}, "tools/call add", "mcp", "tool", "mcp"),
        ({"mcp.method.name": "tools/list"}, "tools/list", "mcp", "infra", "mcp"),
        (
            {"logfire.span_type": "pending_span", "gen_ai.operation.name": "chat"},
            "x",
            "",
            "infra",
            "logfire",
        ),
    ],
)
def test_each_dialect_is_read(
    attributes: dict[str, Any], name: str, scope: str, kind: str, source: str
) -> None:
    """What a span says of itself in any dialect becomes one vocabulary."""
    found = described(attributes, name=name, scope=scope)
    assert (found.kind, found.source) == (kind, source)


@pytest.mark.parametrize(
    ("attributes", "name", "kind"),
    [
        ({}, "GET /", SERVER),
        ({"http.request.method": "GET", "url.full": "http://x/"}, "GET", CLIENT),
        ({"gen_ai.conversation.id": "c", "otbridge.run.id": "r", "session.id": "s"}, "GET", CLIENT),
        ({"otbridge.agent.path": "planner/writer"}, "SELECT", CLIENT),
        ({"span.type": "web", "span.kind": "server"}, "invocation", SERVER),
        ({"messaging.system": "kafka"}, "orders process", 5),
        ({"http.route": "/x", "message.type": "SENT"}, "workflow.run", INTERNAL),
    ],
)
def test_other_spans_are_none_of_ours(attributes: dict[str, Any], name: str, kind: int) -> None:
    """A span that only runs below an agent, or looks a little like one, is left alone."""
    assert describe(name, kind, attributes, "any.scope") is None


def test_a_model_call_of_ours() -> None:
    """The GenAI conventions themselves, with everything."""
    found = described(
        {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": "openai",
            "gen_ai.request.model": "gpt-5",
            "gen_ai.response.model": "gpt-5-2026-10",
            "gen_ai.response.id": "r1",
            "gen_ai.conversation.id": "c1",
            "gen_ai.usage.input_tokens": 10,
            "gen_ai.usage.output_tokens": 3,
            "gen_ai.usage.cache_read.input_tokens": 4,
            "otbridge.agent.path": "planner/writer",
            "gen_ai.system_instructions": '[{"type":"text","content":"Be kind."}]',
            "gen_ai.input.messages": '[{"role":"user","parts":[{"type":"text","content":"hi"}]}]',
            "gen_ai.output.messages": '[{"role":"assistant","parts":[{"type":"text","content":"yo"}]}]',
        },
        name="chat gpt-5",
        kind=CLIENT,
    )

    assert found.as_json() == {
        "kind": "llm",
        "agent": "writer",
        "model": "gpt-5-2026-10",
        "provider": "openai",
        "tool": None,
        "target": None,
        "conversation": "c1",
        "usage": {
            "input_tokens": 10,
            "output_tokens": 3,
            "cache_read_tokens": 4,
            "cache_write_tokens": 0,
            "reasoning_tokens": 0,
        },
        "messages": {
            "system": [{"type": "text", "content": "Be kind."}],
            "input": [{"role": "user", "parts": [{"type": "text", "content": "hi"}]}],
            "output": [{"role": "assistant", "parts": [{"type": "text", "content": "yo"}]}],
        },
        "source": "gen_ai",
        "lossy": [],
    }


@pytest.mark.parametrize(
    ("name", "attributes"),
    [
        (
            "execute_tool handoff billing",
            {
                "gen_ai.operation.name": "execute_tool",
                "gen_ai.tool.name": "handoff",
                "gen_ai.transfer.target.name": "billing",
            },
        ),
        ("handoff to billing", {"openinference.span.kind": "TOOL"}),
        ("Handoff to billing", {"openinference.span.kind": "TOOL"}),
        (
            "execute_tool transfer_to_billing",
            {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "transfer_to_billing"},
        ),
        ("goto billing", {"traceloop.span.kind": "task"}),
        (
            "worker",
            {"traceloop.span.kind": "task", "langgraph.command.goto_node": "billing"},
        ),
    ],
)
def test_a_handoff_is_found_in_any_encoding(name: str, attributes: dict[str, Any]) -> None:
    """Every framework's way of handing over becomes one kind with one target."""
    found = described(attributes, name=name)
    assert (found.kind, found.target) == ("handoff", "billing")


def test_a_framework_is_not_a_provider() -> None:
    """A framework's name where the provider belongs is left out, and said."""
    found = described({"gen_ai.operation.name": "invoke_agent", "gen_ai.system": "autogen"})
    assert found.provider is None
    assert found.lossy == ("gen_ai.system=autogen names a framework, not who serves the model",)


@pytest.mark.parametrize(
    ("attributes", "provider"),
    [
        ({"llm.provider": "azure", "llm.system": "openai"}, "azure.ai.openai"),
        ({"llm.provider": "aws", "llm.system": "anthropic"}, "aws.bedrock"),
        ({"llm.provider": "google", "llm.system": "vertexai"}, "gcp.vertex_ai"),
        ({"llm.provider": "google"}, "gcp.gen_ai"),
        ({"llm.system": "anthropic"}, "anthropic"),
        ({"gen_ai.system": "az.ai.openai"}, "azure.ai.openai"),
        ({"gen_ai.provider.name": "openai", "gen_ai.system": "other"}, "openai"),
        ({"gen_ai.provider.name": "langchain", "gen_ai.system": "openai"}, "openai"),
    ],
)
def test_providers_have_one_name(attributes: dict[str, Any], provider: str) -> None:
    """Dialects' pairs of provider and system become the GenAI conventions' one name."""
    assert described({"openinference.span.kind": "LLM", **attributes}).provider == provider


def test_an_unknown_word_is_said_and_the_next_dialect_asked() -> None:
    """A value without counterpart is named in `lossy`; the span is still understood."""
    found = described({"gen_ai.operation.name": "dream", "openinference.span.kind": "TOOL"})
    assert found.kind == "tool"
    assert found.lossy == ("gen_ai.operation.name=dream has no counterpart here",)


def test_a_browsers_session_is_no_conversation() -> None:
    """`session.id` is the conversation in OpenInference's words only."""
    assert described({"gen_ai.operation.name": "chat", "session.id": "s"}).conversation is None
    assert described({"openinference.span.kind": "LLM", "session.id": "s"}).conversation == "s"


@pytest.mark.parametrize(
    ("name", "attributes", "agent"),
    [
        ("invoke_agent planner", {"gen_ai.operation.name": "invoke_agent"}, "planner"),
        ("CodeAgent.run", {"openinference.span.kind": "AGENT"}, "CodeAgent"),
        ("x", {"traceloop.span.kind": "agent", "traceloop.entity.name": "planner"}, "planner"),
        ("x", {"openinference.span.kind": "AGENT", "agent.name": "planner"}, "planner"),
        ("x", {"gen_ai.operation.name": "chat", "otbridge.agent.path": "a/b"}, "b"),
        ("x", {"gen_ai.operation.name": "chat"}, None),
    ],
)
def test_the_agent_is_named_by_whoever_knows_it(
    name: str, attributes: dict[str, Any], agent: str | None
) -> None:
    """Attribute, entity, span name, path: in this order."""
    assert described(attributes, name=name).agent == agent


def test_a_call_without_an_operation_is_known_by_its_tokens() -> None:
    """Old instrumentations say a model and tokens, and nothing else."""
    attributes = {"gen_ai.system": "openai", "gen_ai.usage.prompt_tokens": 3}
    assert described(attributes, kind=CLIENT).kind == "llm"
    assert described(attributes, kind=INTERNAL).kind == "step"


_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.binary(max_size=8)
    | st.sampled_from(
        ['{"role":"user"}', "[[]]", '"x"', '[{"type":"text"}]', '{"messages":[1]}', "LLM", "tool"]
    ),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=6,
)
_keys = st.sampled_from(
    sorted(
        {convention.key for convention in KINDS}
        | {key for keys in FIELDS.values() for key in keys}
        | {f"{prefix}.x" for prefix in PREFIXES}
        | {
            "gen_ai.input.messages",
            "gen_ai.output.messages",
            "gen_ai.system_instructions",
            "gen_ai.tool.call.arguments",
            "gen_ai.usage.input_tokens",
            "langfuse.observation.usage_details",
            "llm.input_messages.0.message.role",
            "llm.input_messages.0.message",
            "llm.input_messages.1.message.contents.0.message_content",
            "llm.input_messages.999999.message.tool_calls.0.tool_call.function",
            "gen_ai.prompt.0.content",
            "gen_ai.completion.0.tool_calls.0.arguments",
            "ai.response.text",
            "ai.response.toolCalls",
            "metadata",
            "langgraph_node",
            "langgraph_triggers",
        }
    )
)
_operations = st.sampled_from(
    [{"gen_ai.operation.name": value} for value in ("chat", "execute_tool", "invoke_agent")]
    + [{"openinference.span.kind": "LLM"}, {}]
)


@given(
    _operations,
    st.dictionaries(_keys, _values, max_size=8),
    st.sampled_from(["x", "handoff to y", "goto z", "autogen send a", "claude_code.tool"]),
    st.integers(0, 5),
)
def test_no_attributes_whatever_make_it_fail(
    operation: dict[str, Any], attributes: dict[str, Any], name: str, kind: int
) -> None:
    """Every span gives a record that JSON can hold, or None."""
    found = describe(name, kind, {**attributes, **operation}, "scope")
    if found is not None:
        json.dumps(found.as_json(), default=repr)


@pytest.mark.parametrize("depth", [100, 900, 50_000])
def test_messages_nested_without_end_are_shown_as_text(depth: int) -> None:
    """A bomb of nested JSON reaches nobody who would have to follow it down."""
    bomb = '{"messages":[' * depth + '"x"' + "]}" * depth
    found = described({"gen_ai.operation.name": "chat", "gen_ai.input.messages": bomb})

    messages = found.as_json()["messages"]
    assert messages["input"] == [{"role": "user", "parts": [{"type": "text", "content": bomb}]}]


def test_attributes_nested_without_end_are_not_followed() -> None:
    """The same for structured values."""
    deep: Any = "x"
    for _ in range(5000):
        deep = {"messages": [{"role": "user", "content": deep}]}
    found = described({"gen_ai.operation.name": "chat", "gen_ai.input.messages": deep})

    assert found.as_json()["messages"]["input"][0]["parts"] == [
        {"type": "text", "content": "[nested too deep to be shown]"}
    ]
