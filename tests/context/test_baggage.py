"""Baggage from strangers: what fits is read, the rest passed over, and nothing of it logged."""

from __future__ import annotations

import time
import tracemalloc
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry import baggage
from opentelemetry.context import Context
from opentelemetry.instrumentation.asgi import ASGIGetter

from otbridge.context.baggage import MOST_BYTES, MOST_MEMBERS, CappedBaggage
from otbridge.context.propagation import make_propagator

if TYPE_CHECKING:
    from collections.abc import Iterable


def read(lines: Iterable[str]) -> dict[str, Any]:
    """The baggage that header lines bring."""
    carrier: dict[str, Any] = {"baggage": list(lines)}
    return dict(baggage.get_all(CappedBaggage().extract(carrier, Context())))


def test_members_of_all_lines_are_read() -> None:
    assert read(["a=1, b = 2 ;p=q", "c=%C3%A9,d=x=y"]) == {
        "a": "1",
        "b": "2 ;p=q",
        "c": "é",
        "d": "x=y",
    }


def test_the_bytes_of_all_lines_together_are_limited() -> None:
    line = ",".join(f"k{number:04}={'v' * 93}" for number in range(50))
    other = line.replace("k", "j")
    found = read([line, other, "late=1"])
    assert 80 <= len(found) <= MOST_BYTES // 100 + 1
    assert "late" not in found


def test_a_member_is_never_cut_in_two() -> None:
    assert read(["a=1," + "b=" + "x" * MOST_BYTES]) == {"a": "1"}
    assert read(["b=" + "x" * MOST_BYTES]) == {}


def test_the_members_of_all_lines_together_are_limited() -> None:
    assert len(read(f"k{number}=1" for number in range(500))) == MOST_MEMBERS


@pytest.mark.parametrize("member", ["", "=", "a", "=1", "a b=1", 'a="1"', "a=é", "é=1", "a=\x01"])
def test_what_is_no_member_is_passed_over_without_a_word(
    member: str, caplog: pytest.LogCaptureFixture
) -> None:
    assert read([f"a1=1,{member},b1=2"]) == {"a1": "1", "b1": "2"}
    assert not caplog.records


@given(st.lists(st.text()))
def test_no_text_raises(lines: list[str]) -> None:
    read(lines)


def test_five_hundred_lines_of_eight_kilobytes_cost_nothing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Through the getter of OpenTelemetry's ASGI instrumentation, as a server reads them."""
    propagator = make_propagator(["tracecontext", "baggage"])
    line = b"baggage", b",".join(b"k%03d=%b" % (number, b"v" * 75) for number in range(100))
    scope = {"headers": [line] * 500}
    taken = []
    for _ in range(5):
        began = time.process_time()
        found = propagator.extract(scope, Context(), ASGIGetter())
        taken.append(time.process_time() - began)
    assert min(taken) < 0.005
    tracemalloc.start()
    found = propagator.extract(scope, Context(), ASGIGetter())
    kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert kept < 100_000
    assert len(baggage.get_all(found)) <= 101
    assert not caplog.records


def test_it_writes_what_it_reads() -> None:
    carrier: dict[str, str] = {}
    CappedBaggage().inject(carrier, baggage.set_baggage("k", "a b,c", Context()))
    assert read([carrier["baggage"]]) == {"k": "a b,c"}
