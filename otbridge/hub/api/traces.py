"""`/api/v1/traces`: the list, one trace, and one trace as OTLP."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from otbridge.hub.api.errors import NotFound, TooLarge
from otbridge.hub.api.filters import trace_filter
from otbridge.hub.api.otlp import resource_logs, resource_spans
from otbridge.hub.api.shapes import ResourceTable, logs_json, span_json, summary_json
from otbridge.hub.query.cursors import trace_cursor
from otbridge.hub.query.pages import list_traces
from otbridge.hub.query.runs import usage_of

if TYPE_CHECKING:
    from otbridge.hub.api.schemas import OtlpJson, TraceJson, TracesJson
    from otbridge.hub.store import Store
    from otbridge.hub.store.vocabulary import StoredTrace

__all__ = ["get_trace", "get_trace_otlp", "get_traces"]

_MAX_SHOWN = 10_000
"""Spans, and logs, in one trace's answer: about 10 MB of JSON."""

_MAX_EXPORTED = 100_000
"""Spans, and logs, in one trace's OTLP, which is whole or not given at all."""


def get_traces(store: Store, asked: dict[str, Any]) -> TracesJson:
    """Answer `GET /api/v1/traces`."""
    page = list_traces(store, trace_filter(asked), asked["limit"], asked["cursor"])
    return {
        "traces": [summary_json(trace, usage_of(store, trace)) for trace in page.traces],
        "next_cursor": trace_cursor(page.next_position) if page.next_position else None,
    }


def get_trace(store: Store, asked: dict[str, Any]) -> TraceJson:
    """Answer `GET /api/v1/traces/{trace_id}`."""
    trace = _known(store, asked["trace_id"], _MAX_SHOWN)
    summary = trace.summary
    # Of what is shown, whoever began first stands first; a truncated trace has more than is shown.
    services = {row.service: 0 for row in trace.spans} | summary.services
    resources = ResourceTable()
    spans = [span_json(row, resources.place(row)) for row in trace.spans]
    logs = logs_json((row, resources.place(row)) for row in trace.logs)
    return {
        "trace_id": summary.trace_id.hex(),
        "name": summary.name,
        "state": summary.state,
        "start_time_unix_nano": str(summary.start_ns),
        "end_time_unix_nano": str(summary.end_ns),
        "duration_nano": summary.duration_ns,
        "span_count": summary.span_count,
        "error_count": summary.error_count,
        "log_count": summary.log_count,
        "services": [{"name": name, "span_count": count} for name, count in services.items()],
        "resources": resources.resources,
        "spans": spans,
        "logs": logs,
        "truncated": trace.truncated,
    }


def get_trace_otlp(store: Store, asked: dict[str, Any]) -> OtlpJson:
    """Answer `GET /api/v1/traces/{trace_id}/otlp`."""
    trace = _known(store, asked["trace_id"], _MAX_EXPORTED)
    if trace.truncated:
        raise TooLarge(
            f"The trace has more than {_MAX_EXPORTED:,} spans or logs.",
            "It is given whole or not at all.",
            "Ask for its logs page by page at /api/v1/logs?trace_id=….",
        )
    return {
        "resourceSpans": resource_spans(trace.spans),
        "resourceLogs": resource_logs(trace.logs),
    }


def _known(store: Store, trace_id: bytes, limit: int) -> StoredTrace:
    trace = store.trace(trace_id, limit)
    if trace is None:
        raise NotFound(
            "unknown_trace",
            f"The hub has no trace {trace_id.hex()}.",
            "Nothing with this id has arrived, or its day has been deleted.",
            "Check the id, and that the sender's exporter points to this hub.",
        )
    return trace
