"""Records that are left to the hub are all found, however they are put together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from otbridge.hub.store.clickhouse.beyond_sql import (
    is_log_beyond,
    is_span_beyond,
    may_hold_beyond,
)
from tests.hub.store.builders import log, span

if TYPE_CHECKING:
    from collections.abc import Mapping

SCALARS = st.one_of(
    st.text(max_size=300),
    st.sampled_from(("*", "2", "\x12\x02*\x00", "\x12\x042\x02")),  # what lists look like in bytes
    st.integers(-(2**63), 2**63 - 1),
    st.floats(),
    st.booleans(),
    st.binary(max_size=200),
)
LISTS = st.one_of(
    st.lists(SCALARS, max_size=40),
    st.dictionaries(st.text(max_size=9), SCALARS, max_size=3),
    st.lists(st.lists(SCALARS, max_size=2), min_size=1, max_size=2),
)
KEYS = st.text(max_size=200).filter(lambda key: "." not in key)
ATTRIBUTES = st.dictionaries(KEYS, st.one_of(SCALARS, SCALARS, LISTS), max_size=6)


def _has_lists(values: Mapping[str, Any]) -> bool:
    return any(isinstance(value, list | dict) for value in values.values())


@settings(max_examples=300, deadline=None)
@given(ATTRIBUTES, ATTRIBUTES)
def test_spans_with_lists_are_found_and_no_others(
    attributes: dict[str, Any], of_event: dict[str, Any]
) -> None:
    row = span(attributes=attributes, event=of_event)
    beyond = _has_lists(attributes) or _has_lists(of_event)
    assert is_span_beyond(row) == beyond
    if beyond:
        assert may_hold_beyond(span(2).data + row.data + span(3).data, spans=True)


@settings(max_examples=300, deadline=None)
@given(st.one_of(SCALARS, LISTS), ATTRIBUTES)
def test_logs_with_lists_are_found_and_no_others(body: Any, attributes: dict[str, Any]) -> None:
    row = log(body, attributes=attributes)
    # A body of bytes is written in quotes, as JSON has it, which attributes are not.
    beyond = isinstance(body, list | dict | bytes) or _has_lists(attributes)
    assert is_log_beyond(row) == beyond
    if beyond:
        assert may_hold_beyond(log().data + row.data, spans=False)


@pytest.mark.parametrize(
    ("attributes", "beyond"),
    [
        ({"gen_ai.operation.name": "chat"}, True),
        ({"sender_agent_type": "planner", "message_type": "x"}, False),
        ({"messaging.system": "kafka"}, False),
        ({"session.id": "s", "gen_ai.conversation.id": "c"}, False),
        ({"http.route": "/gen_ai.operation.name"}, False),
        ({"llm.model_name": "m", "openinference.span.kind": "LLM"}, True),
    ],
)
def test_spans_of_agents_are_found_and_those_that_only_look_so_are_not(
    attributes: dict[str, Any], *, beyond: bool
) -> None:
    assert is_span_beyond(span(attributes=attributes)) == beyond
