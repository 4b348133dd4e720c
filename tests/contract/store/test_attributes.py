"""Conditions on attributes judge by type; their values are counted as JSON has them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from otbridge.hub.store.conditions import AttributeCondition
from otbridge.hub.store.vocabulary import AttributeKey, LogFilter, TraceFilter
from tests.hub.store.builders import log, span, store_now, trace_id

if TYPE_CHECKING:
    from otbridge.hub.store import Store

VALUES = [7, 7.0, "7", True, "true", 8.5, [7], {"a": 7}, b"7", 'it\'s \\ "quoted"\n', "żółw", ""]
"""Value number n belongs to log n and to a span of trace n + 1; one more has none."""


@pytest.fixture
def filled(store: Store) -> Store:
    told = [{"key": value, "other key": 1} for value in VALUES]
    store_now(
        store,
        *(log(str(number), at=number, attributes=one) for number, one in enumerate(told)),
        *(span(trace=n + 1, start=n, attributes=one) for n, one in enumerate(told)),
        log("none", at=99),
        span(trace=99, start=99, attributes={"kez": 7}),
    )
    return store


@pytest.mark.parametrize(
    ("operator", "value", "expected"),
    [
        ("=", 7, [0, 1]),
        ("=", 7.0, [0, 1]),
        ("=", "7", [2]),
        ("=", True, [3]),
        ("=", False, []),
        ("=", "true", [4]),
        ("=", VALUES[9], [9]),
        ("=", "żółw", [10]),
        ("=", "", [11]),
        ("exists", None, [*range(12)]),
        ("!=", 7, [2, 3, 4, 5, 6, 7, 8, 9, 10, 11]),
        ("!=", "7", [0, 1, 3, 4, 5, 6, 7, 8, 9, 10, 11]),
        ("!=", True, [0, 1, 2, 4, 5, 6, 7, 8, 9, 10, 11]),
        (">", 7, [5]),
        (">=", 7, [0, 1, 5]),
        ("<", 7.5, [0, 1]),
        ("<=", 6, []),
    ],
)
def test_what_fits_is_found_in_logs_and_in_traces(
    filled: Store,
    operator: str,
    value: str | bool | float | None,
    expected: list[int],
) -> None:
    wanted = (AttributeCondition("key", operator, value),)  # type: ignore[arg-type] # one of them
    logs = filled.logs(LogFilter(attributes=wanted), 50)
    assert sorted(int(found.row.body_text) for found in logs) == expected
    traces = filled.traces(TraceFilter(attributes=wanted), 50)
    assert sorted(line.trace_id[-1] - 1 for line in traces) == expected


def test_one_span_has_to_meet_all_conditions(store: Store) -> None:
    store_now(
        store,
        span(1, trace=1, attributes={"a": 1}),
        span(2, trace=1, attributes={"b": 2}),
        span(1, trace=2, attributes={"a": 1, "b": 2}),
    )
    both = (AttributeCondition("a", "=", 1), AttributeCondition("b", "=", 2))
    assert [line.trace_id[-1] for line in store.traces(TraceFilter(attributes=both), 9)] == [2]


def test_a_span_is_judged_by_how_it_ended(store: Store) -> None:
    store_now(store, span(is_open=True, attributes={"state": "begun"}))
    begun = TraceFilter(attributes=(AttributeCondition("state", "=", "begun"),))
    done = TraceFilter(attributes=(AttributeCondition("state", "=", "done"),))
    assert (len(store.traces(begun, 9)), len(store.traces(done, 9))) == (1, 0)
    store_now(store, span(attributes={"state": "done"}))
    assert (len(store.traces(begun, 9)), len(store.traces(done, 9))) == (0, 1)


def test_values_are_counted_as_json_has_them(filled: Store) -> None:
    expected = {
        "7": 1,
        "7.0": 1,
        '"7"': 1,
        "true": 1,
        '"true"': 1,
        "8.5": 1,
        "[7]": 1,
        '{"a":7}': 1,
        '"Nw=="': 1,
        '"it\'s \\\\ \\"quoted\\"\\n"': 1,
        '"żółw"': 1,
        '""': 1,
    }
    for wanted in (LogFilter(), TraceFilter()):
        found = filled.facets(wanted, AttributeKey("key"))
        assert found.counts == expected
        assert (found.looked_at, found.complete) == (len(VALUES) + 1, True)
        assert filled.facets(wanted, AttributeKey("other key")).counts == {"1": len(VALUES)}
        assert filled.facets(wanted, AttributeKey("nobody's")).counts == {}


def test_a_trace_counts_once_for_each_value(store: Store) -> None:
    store_now(store, *(span(number, attributes={"n": number % 2}) for number in range(1, 6)))
    assert store.facets(TraceFilter(), AttributeKey("n")).counts == {"0": 1, "1": 1}


def test_only_some_traces_may_be_asked_for(filled: Store) -> None:
    wanted = frozenset({trace_id(2), trace_id(5), trace_id(77)})
    found = filled.traces(TraceFilter(trace_ids=wanted), 9)
    assert [line.trace_id[-1] for line in found] == [5, 2]
    assert filled.traces(TraceFilter(trace_ids=frozenset()), 9) == []
