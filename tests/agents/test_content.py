"""What of prompts and answers is kept, and how it is written."""

from __future__ import annotations

import dataclasses
import enum
import json
from typing import Any

import pydantic
import pytest
from hypothesis import given
from hypothesis import strategies as st

from otbridge.agents.content import PART_LIMIT, message_list, parts, to_json

TEXT = {"type": "text", "content": "hi"}


@dataclasses.dataclass
class Note:
    role: str
    content: str


class Model(pydantic.BaseModel):
    role: str = "user"
    content: str = "hi"


class Colour(enum.StrEnum):
    RED = "red"


@pytest.mark.parametrize(
    "said",
    [
        "hi",
        ["hi"],
        {"role": "user", "content": "hi"},
        [{"role": "user", "content": "hi"}],
        [{"role": "user", "parts": [TEXT]}],
        [{"role": "user", "content": [{"type": "text", "text": "hi"}]}],
        [{"content": ["hi"]}],
        [Note("user", "hi")],
        Model(),
        ({"role": "user", "content": "hi"},),
    ],
)
def test_messages_of_any_form_become_the_conventions(said: Any) -> None:
    """Texts, OpenAI's and Anthropic's messages, models and dataclasses are one form."""
    assert json.loads(message_list(said, "user")) == [{"role": "user", "parts": [TEXT]}]


def test_tool_calls_and_their_answers_are_parts() -> None:
    """OpenAI's tool calls and `tool` messages become parts."""
    said = [
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [{"id": "c1", "function": {"name": "f", "arguments": '{"a":1}'}}],
        },
        {"role": "tool", "tool_call_id": "c1", "content": "found"},
    ]
    assert json.loads(message_list(said, "user")) == [
        {
            "role": "assistant",
            "parts": [{"type": "tool_call", "id": "c1", "name": "f", "arguments": '{"a":1}'}],
        },
        {
            "role": "tool",
            "parts": [{"type": "tool_call_response", "id": "c1", "response": "found"}],
        },
    ]


def test_a_long_part_is_cut_and_the_next_one_is_whole() -> None:
    """Each part has a limit of its own, and says how much is missing."""
    said = json.loads(message_list(["x" * (PART_LIMIT + 5), "hi"], "user"))
    long = said[0]["parts"][0]["content"]
    assert long == "x" * PART_LIMIT + "… [5 more characters]"
    assert said[1]["parts"] == [TEXT]


def test_a_long_conversation_keeps_its_end() -> None:
    """Past the limit of an attribute the oldest messages are left out, and that is said."""
    said = json.loads(message_list([f"{number} " + "x" * 8000 for number in range(40)], "user"))
    assert said[0]["parts"][0]["content"] == "[24 earlier messages left out]"
    assert said[-1]["parts"][0]["content"].startswith("39 ")


def test_what_is_cut_stays_valid_json() -> None:
    """Lists and objects are shortened by whole members."""
    long_list = json.loads(to_json(list(range(10**5)), 100))
    assert long_list[-1] == "[99900 more]"
    long_object = json.loads(to_json({f"key{n}": "v" * 50 for n in range(100)}, 200))
    assert long_object["…"] == "[96 more]"


def test_values_of_all_kinds_have_a_form() -> None:
    """Bytes by their size, infinities and huge integers by name, enumerations by value."""

    class Mute:
        def __str__(self) -> str:
            raise RuntimeError

    said = {
        "bytes": b"abc",
        "nan": float("nan"),
        "huge": 10**10000,
        "enum": Colour.RED,
        "note": Note("user", "x"),
        "set": {1},
        ("a", 1): None,
        "mute": Mute(),
        "type": int,
    }
    assert json.loads(to_json(said)) == {
        "bytes": "[3 bytes]",
        "nan": "nan",
        "huge": "[integer of 33220 bits]",
        "enum": "red",
        "note": {"role": "user", "content": "x"},
        "set": [1],
        "tuple": None,
        "mute": "[Mute]",
        "type": "<class 'int'>",
    }


def test_a_circle_ends() -> None:
    """A value that contains itself is followed for a while."""
    circle: list[Any] = []
    circle.append(circle)
    assert "[nested deeper]" in to_json(circle)


def test_half_a_surrogate_pair_is_replaced() -> None:
    """OTLP text is UTF-8; what is none does not cost the span."""
    to_json("\ud800x").encode()
    message_list("\ud800x", "user").encode()


def test_instructions_are_parts() -> None:
    """A text or a list of them."""
    assert json.loads(parts("hi")) == [TEXT]
    assert json.loads(parts(["hi", TEXT])) == [TEXT, TEXT]


_anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: (
        st.lists(inner)
        | st.dictionaries(
            st.sampled_from(["role", "content", "parts", "tool_calls", "function", "type", "text"])
            | st.text(),
            inner,
        )
    ),
    max_leaves=20,
)


@given(_anything)
def test_whatever_is_said_becomes_json(said: Any) -> None:
    """No value makes it fail, and the result is JSON that UTF-8 can hold."""
    for text in (to_json(said), message_list(said, "user"), parts(said)):
        json.loads(text.encode())
