from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otbridge.processors.render import Palette, clean, duration, fields, json_line

PLAIN = Palette(colour=False)
CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
events = st.dictionaries(st.text(), values, max_size=6)


@given(st.text())
def test_no_control_character_of_a_text_reaches_the_terminal(text: Any) -> None:
    assert not CONTROL.search(clean(text))


@given(events)
def test_the_fields_of_any_event_are_one_line_without_control_characters(event: Any) -> None:
    assert not CONTROL.search(fields(event, PLAIN))


@given(events)
def test_any_event_is_one_line_of_valid_json_without_control_characters(event: Any) -> None:
    line = json_line(event, timestamp="t")
    assert not CONTROL.search(line)
    assert json.loads(line)["timestamp"] == "t"


def test_escapes_show_what_was_there() -> None:
    assert clean("a\x1b[31m\r\nb\x00\u202ec\u2028") == "a\\x1b[31m\\r\\nb\\x00\\u202ec\\u2028"


def test_fields_are_quoted_only_where_they_would_be_misread() -> None:
    event = {
        "event": "m",
        "a": "plain",
        "b": "two words",
        "c": 'say "x"',
        "d": 1.5,
        "e": [1, {"f": None}],
    }
    assert fields(event, PLAIN) == (
        'a=plain  b="two words"  c="say \\"x\\""  d=1.5  e=[1, {"f": null}]'
    )


def test_a_value_that_cannot_be_shown_does_not_hide_the_others() -> None:
    class Broken:
        def __str__(self) -> str:
            raise RuntimeError

    cycle: list[object] = []
    cycle.append(cycle)
    shown = fields({"a": Broken(), "b": cycle, "c": 1}, PLAIN)
    assert "__str__ raised RuntimeError" in shown
    assert shown.endswith("c=1")
    assert json.loads(json_line({"a": Broken(), "b": cycle}, timestamp="t"))


def test_a_very_long_value_is_cut_on_the_line() -> None:
    assert len(fields({"a": "x" * 10_000}, PLAIN)) < 400


@pytest.mark.parametrize(
    ("nanoseconds", "shown"),
    [
        (800, "0.8 µs"), (85_100_000, "85.1 ms"), (999_600_000, "1 s"), (1_204_000_000, "1.2 s"),
        (59_940_000_000, "59.9 s"), (185_000_000_000, "3 min 5 s"), (0, "0 µs"),
    ],
)  # fmt: skip
def test_durations_are_in_the_unit_that_people_would_use(nanoseconds: Any, shown: Any) -> None:
    assert duration(nanoseconds) == shown


def test_json_puts_what_matters_first() -> None:
    line = json_line({"z": 1, "event": "m", "level": "info", "trace_id": "t"}, timestamp="now")
    assert list(json.loads(line)) == ["timestamp", "level", "event", "trace_id", "z"]
