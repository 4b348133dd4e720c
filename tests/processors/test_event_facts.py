"""The processors that add who, where and how bad: severity, trace, correlation, baggage, service."""

from __future__ import annotations

from typing import Any

import pytest
from opentelemetry import baggage as otel_baggage
from opentelemetry import context, trace
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags

from otbridge.context.correlation import correlation as in_correlation
from otbridge.processors.baggage import baggage
from otbridge.processors.correlation import correlation
from otbridge.processors.service import service
from otbridge.processors.severity import of_level, of_number, severity
from otbridge.processors.trace_context import trace_context


def within(trace_id: int, span_id: int) -> Any:
    found = SpanContext(trace_id, span_id, is_remote=False, trace_flags=TraceFlags(1))
    return trace.use_span(NonRecordingSpan(found))


@pytest.mark.parametrize(
    ("level", "number", "text"),
    [
        ("trace", 1, "TRACE"),
        ("debug", 5, "DEBUG"),
        ("info", 9, "INFO"),
        ("success", 10, "SUCCESS"),
        ("audit", 11, "AUDIT"),
        ("compliance", 12, "COMPLIANCE"),
        ("warning", 13, "WARN"),
        ("security", 14, "SECURITY"),
        ("ERROR", 17, "ERROR"),
        ("failure", 18, "FAILURE"),
        ("critical", 21, "FATAL"),
    ],
)
def test_each_level_has_its_severity(level: Any, number: Any, text: Any) -> None:
    assert of_level(level) == (number, text)


def test_an_unknown_level_counts_as_info_and_keeps_its_name() -> None:
    assert of_level("banana") == (9, "BANANA")


@pytest.mark.parametrize(
    ("levelno", "number"),
    [(0, 1), (5, 3), (10, 5), (20, 9), (25, 11), (30, 13), (50, 21), (1000, 24)],
)
def test_numbers_between_the_usual_levels_are_interpolated(levelno: Any, number: Any) -> None:
    assert of_number(levelno, f"Level {levelno}") == (number, "")


def test_the_methods_name_is_the_level_where_the_event_has_none() -> None:
    assert severity(None, "exception", {})["level"] == "error"
    assert severity(None, "info", {"level": "audit"}) == {"level": "audit", "severity_number": 11}


def test_the_ids_of_the_current_span_are_added_as_hex() -> None:
    with within(0xABC, 0xDEF):
        event = trace_context(None, "info", {})
    assert event == {"trace_id": f"{0xABC:032x}", "span_id": f"{0xDEF:016x}", "trace_flags": "01"}


def test_two_spans_with_one_span_id_keep_their_own_traces() -> None:
    for trace_id in (1, 2):
        with within(trace_id, 7):
            assert trace_context(None, "info", {})["trace_id"] == f"{trace_id:032x}"


def test_outside_any_span_nothing_is_added() -> None:
    assert trace_context(None, "info", {}) == {}


def test_ids_that_the_event_has_already_are_left_alone() -> None:
    with within(1, 1):
        assert trace_context(None, "info", {"trace_id": "other"}) == {"trace_id": "other"}


def test_the_correlation_id_in_force_is_added_unless_the_event_has_one() -> None:
    with in_correlation("req-1"):
        assert correlation(None, "info", {})["correlation.id"] == "req-1"
        own = {"correlation.id": "mine"}
        assert correlation(None, "info", own)["correlation.id"] == "mine"
    assert correlation(None, "info", {}) == {}


def test_only_allowed_baggage_entries_are_added() -> None:
    brought = otel_baggage.set_baggage("tenant", "blue", otel_baggage.set_baggage("evil", "x"))
    token = context.attach(brought)
    try:
        assert baggage(["tenant", "absent"])(None, "info", {}) == {"tenant": "blue"}
    finally:
        context.detach(token)


def test_the_service_is_added_to_local_lines() -> None:
    assert service("shop", "1.2")(None, "info", {}) == {
        "service.name": "shop",
        "service.version": "1.2",
    }
