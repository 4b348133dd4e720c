"""The words of attributes come out the same, however their bytes are read."""

from __future__ import annotations

from typing import Any

import pytest
from google.protobuf.message import DecodeError
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue

from otbridge.hub.store import words
from otbridge.hub.store.attributes import decode_attributes
from otbridge.hub.store.text import attribute_words
from otbridge.hub.store.words import AttributeWords
from tests.hub.store.builders import any_value

VALUES = st.one_of(
    st.text(max_size=300),
    st.text(max_size=20),
    st.integers(-(2**63), 2**63 - 1),
    st.integers(0, 2**30),
    st.booleans(),
    st.floats(),
    st.binary(max_size=9),
    st.lists(st.text(max_size=5), max_size=3),
)


def attribute(key: str, value: Any) -> bytes:
    return KeyValue(key=key, value=any_value(value)).SerializeToString()


def expected(data: bytes) -> str:
    """Return what the protobuf library's own reading gives."""
    return " ".join(attribute_words(decode_attributes([KeyValue.FromString(data)])))


@given(st.text(max_size=130), VALUES)
def test_short_attributes_are_read_as_the_library_reads_them(key: str, value: Any) -> None:
    data = attribute(key, value)
    known = AttributeWords()
    assert known.of([data, data]) == [expected(data)] * 2
    assert known.of([data]) == [expected(data)]


@given(st.binary(max_size=40))
def test_bytes_that_are_no_attribute_are_refused_as_the_library_refuses_them(data: bytes) -> None:
    try:
        wanted = expected(data)
    except DecodeError:
        with pytest.raises((DecodeError, UnicodeDecodeError)):
            AttributeWords().of([data])
    else:
        assert AttributeWords().of([data]) == [wanted]


def test_an_empty_value_has_no_words() -> None:
    data = KeyValue(key="k", value=AnyValue()).SerializeToString()
    assert AttributeWords().of([data]) == [""]


def test_agents_are_told_also_after_much_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(words, "_KEPT", 8)
    known = AttributeWords()
    agent = attribute("gen_ai.agent.name", "planner")
    for number in range(100):
        other = attribute("number", number)
        known.of([other, agent])
        assert known.tell_of_agents([other, agent])
        assert not known.tell_of_agents([other])
        assert len(known._texts) <= 8 + 2
