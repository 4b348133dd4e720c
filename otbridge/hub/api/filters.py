"""The filters that lists have in common: each argument has one name and one meaning everywhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from otbridge.hub.store.vocabulary import LogFilter, TraceFilter

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["LOG_FILTERS", "TRACE_FILTERS", "log_filter", "time_range", "trace_filter"]

TRACE_FILTERS: Final = (
    "service",
    "name",
    "min_duration",
    "error",
    "session",
    "q",
    "attr",
    "from",
    "to",
)
LOG_FILTERS: Final = (
    *("service", "name", "severity", "trace_id", "span_id"),
    *("session", "q", "attr", "from", "to"),
)

_HOUR_NS: Final = 3_600 * 10**9


def trace_filter(asked: Mapping[str, Any]) -> TraceFilter:
    """Return what `TRACE_FILTERS` ask for."""
    return TraceFilter(
        service=asked["service"],
        name=asked["name"],
        min_duration_ns=asked["min_duration"],
        error=asked["error"],
        session=asked["session"],
        terms=asked["q"],
        attributes=asked["attr"],
        from_ns=asked["from"],
        to_ns=asked["to"],
    )


def log_filter(asked: Mapping[str, Any]) -> LogFilter:
    """Return what `LOG_FILTERS` ask for."""
    return LogFilter(
        trace_id=asked["trace_id"],
        span_id=asked["span_id"],
        service=asked["service"],
        name=asked["name"],
        min_severity=asked["severity"],
        session=asked["session"],
        terms=asked["q"],
        attributes=asked["attr"],
        from_ns=asked["from"],
        to_ns=asked["to"],
    )


def time_range(asked: Mapping[str, Any], now_ns: int) -> tuple[int, int]:
    """Return the time between `from` and `to`: until now, and an hour of it, where left out."""
    to_ns = now_ns if asked["to"] is None else asked["to"]
    return (max(to_ns - _HOUR_NS, 0) if asked["from"] is None else asked["from"]), to_ns
