"""`/api/v1/facets`: which values there are to filter by, and how often each occurs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from otbridge.errors import QueryError
from otbridge.hub.store.vocabulary import LogFilter, TraceFilter

if TYPE_CHECKING:
    from otbridge.hub.api.schemas import FacetsJson
    from otbridge.hub.store import Store

__all__ = ["get_facets"]

_ONLY_LOGS = ("severity", "trace_id", "span_id")
_ONLY_TRACES = ("name", "min_duration", "error")


def get_facets(store: Store, asked: dict[str, Any]) -> FacetsJson:
    """Answer `GET /api/v1/facets`."""
    of, field = asked["of"], asked["field"]
    for name in _ONLY_TRACES if of == "logs" else _ONLY_LOGS:
        if asked[name] is not None:
            other = "logs" if of == "traces" else "traces"
            raise QueryError(f"{name} is no filter of {of}.", f"Only {other} have one.", "")
    if of == "traces" and field == "severity":
        raise QueryError("Traces have no severity.", "", "Ask for service or name, or of=logs.")
    facets = store.facets(_logs(asked) if of == "logs" else _traces(asked), field)
    most_first = sorted(facets.counts.items(), key=lambda pair: (-pair[1], pair[0]))
    return {
        "of": of,
        "field": field,
        "values": [
            {"value": value, "count": count} for value, count in most_first[: asked["limit"]]
        ],
        "value_count": len(most_first),
        "looked_at": facets.looked_at,
        "complete": facets.complete,
    }


def _logs(asked: dict[str, Any]) -> LogFilter:
    return LogFilter(
        trace_id=asked["trace_id"],
        span_id=asked["span_id"],
        service=asked["service"],
        min_severity=asked["severity"],
        terms=asked["q"],
        from_ns=asked["from"],
        to_ns=asked["to"],
    )


def _traces(asked: dict[str, Any]) -> TraceFilter:
    return TraceFilter(
        service=asked["service"],
        name=asked["name"],
        min_duration_ns=asked["min_duration"],
        error=asked["error"],
        terms=asked["q"],
        from_ns=asked["from"],
        to_ns=asked["to"],
    )
