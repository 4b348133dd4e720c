"""What a record is judged by before it is read never loses one that fits."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otbridge.hub.store.conditions import AttributeCondition
from otbridge.wire.otlp_outline import read_span
from tests.hub.store.builders import span

if TYPE_CHECKING:
    from otbridge.hub.store.conditions import Operator

NUMBERS = st.one_of(
    st.integers(-(2**63), 2**63 - 1), st.integers(-3, 300), st.floats(allow_nan=False)
)
KEYS = st.sampled_from(["n", "nn", "rows", "żółw", "k" * 127, "k" * 128, "k" * 200])
VALUES = st.one_of(NUMBERS, st.booleans(), KEYS, st.lists(st.integers(0, 9)), st.binary())
ORDERS = st.sampled_from(["<", "<=", ">", ">="])


def may_fit(condition: AttributeCondition, **attributes: object) -> bool:
    return condition.may_fit(span(attributes=attributes).data)


@given(st.dictionaries(KEYS, VALUES), KEYS, ORDERS, NUMBERS)
def test_every_record_that_fits_may_fit(
    attributes: dict[str, object], key: str, operator: Operator, value: float
) -> None:
    record = span(attributes=attributes, event={"rows": 7}).data
    for condition in (
        AttributeCondition(key, operator, value),
        AttributeCondition(key, "!=", value),
        AttributeCondition(key, "exists"),
    ):
        assert condition.may_fit(record) or not condition.fits(read_span(record).attributes)


@pytest.mark.parametrize("value", [150, 149.9, -1, -(2**63), 0, 0.0])
def test_most_that_do_not_fit_are_known_without_reading_them(value: float) -> None:
    more = AttributeCondition("rows", ">", 150)
    assert not may_fit(more, rows=value)
    assert not may_fit(more, other=151)
    assert may_fit(more, rows=151)
    assert may_fit(more, rows=150.5)
    assert may_fit(AttributeCondition("rows", ">", 2**62), rows=2**62 + 1)
