"""Attributes encoded by their shape are the bytes of attributes encoded one by one."""

from __future__ import annotations

from operator import call
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otbridge.processors.redact import Redactor
from otbridge.telemetry import shapes
from otbridge.telemetry.shapes import ODD, NotPlainError, Shapes
from otbridge.wire.attributes import Names, append_attributes

TAG = b"\x4a"
VALUES = st.one_of(
    st.text(max_size=200),
    st.sampled_from([0, 1, 0.0, -0.0, 1.0, True, False, None, 127, 4096, 1 << 19, -1, 1 << 70]),
    st.integers(),
    st.floats(),
)
_kept = Shapes(Names(TAG), None)


def by_shape(known: Shapes, attributes: dict[str, Any]) -> bytes:
    return b"".join(map(call, known.learn(attributes), attributes.values()))


@given(st.dictionaries(st.text(max_size=3), VALUES, max_size=4))
def test_values_that_are_equal_but_of_different_types_keep_their_bytes(
    attributes: dict[str, Any],
) -> None:
    parts: list[bytes] = []
    append_attributes(parts, attributes, Names(TAG))
    for _ in range(2):  # the second time from memory
        assert by_shape(_kept, attributes) == b"".join(parts)


def test_a_secret_in_a_text_is_refused_every_time() -> None:
    known = Shapes(Names(TAG), Redactor())
    for _ in range(2):
        with pytest.raises(NotPlainError):
            by_shape(known, {"note": "Bearer abcdefghijkl"})


def test_a_secret_name_and_a_list_have_no_plan() -> None:
    known = Shapes(Names(TAG), Redactor())
    assert known.learn({"password": "x"}) is ODD
    assert known.learn({"items": [1, 2]}) is ODD
    assert known.learn({}) is not ODD


def test_values_and_shapes_without_end_are_forgotten_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shapes, "_MOST_VALUES", 10)
    monkeypatch.setattr(shapes, "_MOST_SHAPES", 10)
    known = Shapes(Names(TAG), None)
    for number in range(100):
        by_shape(known, {f"key{number % 30}": f"text {number}", "n": number})
        assert len(known.plans) <= 10
