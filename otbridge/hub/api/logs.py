"""`/api/v1/logs`: log records, filtered and searched."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from otbridge.hub.api.shapes import logs_json, resource_attributes
from otbridge.hub.query.cursors import log_cursor
from otbridge.hub.query.pages import list_logs
from otbridge.hub.store.vocabulary import LogFilter

if TYPE_CHECKING:
    from otbridge.hub.api.schemas import LogsJson
    from otbridge.hub.store import Store

__all__ = ["get_logs"]


def get_logs(store: Store, asked: dict[str, Any]) -> LogsJson:
    """Answer `GET /api/v1/logs`."""
    wanted = LogFilter(
        trace_id=asked["trace_id"],
        span_id=asked["span_id"],
        service=asked["service"],
        min_severity=asked["severity"],
        terms=asked["q"],
        from_ns=asked["from"],
        to_ns=asked["to"],
    )
    page = list_logs(store, wanted, asked["limit"], asked["cursor"])
    return {
        "logs": logs_json((log.row, resource_attributes(log.row.resource)) for log in page.logs),
        "next_cursor": log_cursor(page.next_position) if page.next_position else None,
    }
