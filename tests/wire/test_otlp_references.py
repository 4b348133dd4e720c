"""References to string tables are found where they are, and nowhere else."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otbridge.testing.conform.server.requests import log_record, logs, metric, metrics, span, traces
from otbridge.wire.otlp_references import refers_to_strings

if TYPE_CHECKING:
    from otbridge.typing import Signal

SIGNALS: list[Signal] = ["logs", "traces", "metrics"]
LOOKS_LIKE_ONE = "\x12\x02\x40\x03"


def request_with(signal: Signal, **value: Any) -> bytes:
    """A request whose only record has one attribute of *value*."""
    record: Any = {"logs": log_record(), "traces": span(), "metrics": metric()}[signal]
    owner = record.gauge.data_points[0] if signal == "metrics" else record
    owner.attributes.add(key="a", value=value)
    make: Any = {"logs": logs, "traces": traces, "metrics": metrics}[signal]
    data: bytes = make(record).SerializeToString()
    return data


@pytest.mark.parametrize("signal", SIGNALS)
@pytest.mark.parametrize("index", [1, 127, 128, 16_383])
def test_a_reference_in_an_attribute_is_found(signal: Signal, index: int) -> None:
    assert refers_to_strings(signal, request_with(signal, string_value_strindex=index))


def test_a_reference_in_an_array_in_a_body_is_found() -> None:
    body = {"array_value": {"values": [{"int_value": 1}, {"string_value_strindex": 5}]}}
    assert refers_to_strings("logs", logs(log_record(body=body)).SerializeToString())


@pytest.mark.parametrize("signal", SIGNALS)
def test_text_that_looks_like_one_is_none(signal: Signal) -> None:
    assert not refers_to_strings(signal, request_with(signal, string_value=LOOKS_LIKE_ONE))


def test_only_so_many_places_are_looked_at() -> None:
    """Otherwise a request of nothing but look-alikes would cost a pass over it for each."""
    many = span(name=LOOKS_LIKE_ONE * 100)
    many.attributes.add(key="a", value={"string_value_strindex": 1})
    assert not refers_to_strings("traces", traces(many).SerializeToString())


@given(st.binary(max_size=200))
def test_in_a_damaged_request_nothing_is_found_and_nothing_fails(junk: bytes) -> None:
    damaged = os.urandom(3) + junk + LOOKS_LIKE_ONE.encode()
    assert not refers_to_strings("traces", b"\x0a\xff" + damaged)
