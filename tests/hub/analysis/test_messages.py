"""What was said, from every dialect, in the GenAI conventions' words."""

from __future__ import annotations

import json
from typing import Any

import pytest

from otbridge.hub.analysis.messages import read_messages

HI = [{"role": "user", "parts": [{"type": "text", "content": "hi"}]}]
YO = [{"role": "assistant", "parts": [{"type": "text", "content": "yo"}]}]


@pytest.mark.parametrize(
    "attributes",
    [
        {"gen_ai.input.messages": json.dumps(HI), "gen_ai.output.messages": json.dumps(YO)},
        {"gen_ai.input.messages": HI, "gen_ai.output.messages": YO},
        {
            "llm.input_messages.0.message.role": "user",
            "llm.input_messages.0.message.content": "hi",
            "llm.output_messages.0.message.role": "assistant",
            "llm.output_messages.0.message.content": "yo",
        },
        {
            "llm.input_messages.0.message.role": "user",
            "llm.input_messages.0.message.contents.0.message_content.type": "text",
            "llm.input_messages.0.message.contents.0.message_content.text": "hi",
            "llm.output_messages.0.message.role": "assistant",
            "llm.output_messages.0.message.content": "yo",
        },
        {
            "gen_ai.prompt.0.role": "user",
            "gen_ai.prompt.0.content": "hi",
            "gen_ai.completion.0.role": "assistant",
            "gen_ai.completion.0.content": "yo",
        },
        {
            "ai.prompt.messages": json.dumps(
                [{"role": "user", "content": [{"type": "text", "text": "hi"}]}]
            ),
            "ai.response.text": "yo",
        },
        {
            "langfuse.observation.input": json.dumps([{"role": "user", "content": "hi"}]),
            "langfuse.observation.output": json.dumps({"role": "assistant", "content": "yo"}),
        },
        {
            "mlflow.spanInputs": json.dumps({"messages": [{"role": "user", "content": "hi"}]}),
            "mlflow.spanOutputs": json.dumps(
                {"choices": [{"message": {"role": "assistant", "content": "yo"}}]}
            ),
        },
        {"input.value": "hi", "output.value": "yo"},
    ],
)
def test_every_dialect_says_the_same(attributes: dict[str, Any]) -> None:
    """One question and one answer, whoever wrote them down."""
    found = read_messages("llm", None, None, attributes)
    assert found is not None
    assert (found.input, found.output, found.lossy) == (HI, YO, ())


@pytest.mark.parametrize(
    "attributes",
    [
        {
            "llm.output_messages.0.message.role": "assistant",
            "llm.output_messages.0.message.tool_calls.0.tool_call.id": "c1",
            "llm.output_messages.0.message.tool_calls.0.tool_call.function.name": "f",
            "llm.output_messages.0.message.tool_calls.0.tool_call.function.arguments": '{"a":1}',
        },
        {
            "gen_ai.completion.0.role": "assistant",
            "gen_ai.completion.0.tool_calls.0.id": "c1",
            "gen_ai.completion.0.tool_calls.0.name": "f",
            "gen_ai.completion.0.tool_calls.0.arguments": '{"a":1}',
        },
        {
            "gen_ai.output.messages": json.dumps(
                [
                    {
                        "role": "assistant",
                        "content": None,
                        "tool_calls": [
                            {"id": "c1", "function": {"name": "f", "arguments": '{"a":1}'}}
                        ],
                    }
                ]
            )
        },
        {
            "gen_ai.output.messages": json.dumps(
                [
                    {
                        "role": "assistant",
                        "content": [
                            {"type": "tool_use", "id": "c1", "name": "f", "input": {"a": 1}}
                        ],
                    }
                ]
            )
        },
        {
            "ai.response.toolCalls": json.dumps(
                [{"toolCallId": "c1", "toolName": "f", "input": {"a": 1}}]
            )
        },
    ],
)
def test_a_models_wish_for_a_tool_is_a_part(attributes: dict[str, Any]) -> None:
    """Tool calls of OpenAI's, Anthropic's and the AI SDK's form become one."""
    found = read_messages("llm", None, None, attributes)
    assert found is not None
    call = {"type": "tool_call", "id": "c1", "name": "f", "arguments": {"a": 1}}
    assert found.output == [{"role": "assistant", "parts": [call]}]


@pytest.mark.parametrize(
    ("arguments", "result"),
    [
        ("gen_ai.tool.call.arguments", "gen_ai.tool.call.result"),
        ("ai.toolCall.args", "ai.toolCall.result"),
        ("traceloop.entity.input", "traceloop.entity.output"),
        ("input.value", "output.value"),
        ("gcp.vertex.agent.tool_call_args", "gcp.vertex.agent.tool_response"),
    ],
)
def test_a_tools_call_and_result_are_messages_too(arguments: str, result: str) -> None:
    """Arguments are what the assistant said, the result is what the tool said."""
    attributes = {arguments: '{"q":"x"}', result: "found"}
    found = read_messages("tool", "search", "c1", attributes)
    assert found is not None
    assert found.as_json() == {
        "system": [],
        "input": [
            {
                "role": "assistant",
                "parts": [
                    {"type": "tool_call", "id": "c1", "name": "search", "arguments": {"q": "x"}}
                ],
            }
        ],
        "output": [
            {
                "role": "tool",
                "parts": [{"type": "tool_call_response", "id": "c1", "response": "found"}],
            }
        ],
    }


def test_an_answer_to_a_call_is_one() -> None:
    """OpenAI's `tool` message and pydantic-ai's `result` become a `tool_call_response`."""
    said = [
        {"role": "tool", "tool_call_id": "c1", "content": "found"},
        {"role": "user", "parts": [{"type": "tool_call_response", "id": "c2", "result": 7}]},
    ]
    found = read_messages("llm", None, None, {"gen_ai.input.messages": said})
    assert found is not None
    assert [message["parts"][0]["response"] for message in found.input] == ["found", 7]


def test_json_that_was_cut_is_shown_as_text_and_said() -> None:
    """A length limit somewhere cut the messages: shown as they are, with the reason."""
    cut = '[{"role":"user","parts":[{"type":"te'
    found = read_messages("llm", None, None, {"gen_ai.input.messages": cut})
    assert found is not None
    assert found.input == [{"role": "user", "parts": [{"type": "text", "content": cut}]}]
    assert found.lossy == ("gen_ai.input.messages is not valid JSON, shown as text",)


def test_nothing_recorded_is_nothing() -> None:
    """A call whose content was not captured has no messages, which is not an empty conversation."""
    assert read_messages("llm", None, None, {"gen_ai.operation.name": "chat"}) is None
    assert read_messages("tool", "t", None, {"gen_ai.tool.name": "t"}) is None


def test_a_huge_index_costs_nothing() -> None:
    """Indices are order, not places in an array."""
    attributes = {
        "gen_ai.prompt.999999.content": "last",
        "gen_ai.prompt.3.content": "first",
        "gen_ai.prompt.99999999999.content": "no index",
    }
    found = read_messages("llm", None, None, attributes)
    assert found is not None
    assert [message["parts"][0]["content"] for message in found.input] == ["first", "last"]


def test_what_the_api_could_not_pass_on_is_made_fit() -> None:
    """Integers that JavaScript would round are text; NaN is nothing; half a surrogate is replaced."""
    said = '{"big":9007199254740993,"small":7,"nan":NaN,"half":"\\ud800"}'
    found = read_messages("tool", "t", None, {"gen_ai.tool.call.result": said})
    assert found is not None
    assert found.output[0]["parts"][0]["response"] == {
        "big": "9007199254740993",
        "small": 7,
        "nan": None,
        "half": "?",
    }
