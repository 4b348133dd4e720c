"""`/api/v1/logs`: log records, filtered and searched."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from otbridge.hub.api.filters import log_filter
from otbridge.hub.api.shapes import logs_json, resource_attributes
from otbridge.hub.query.cursors import log_cursor
from otbridge.hub.query.pages import list_logs

if TYPE_CHECKING:
    from otbridge.hub.api.schemas import LogsJson
    from otbridge.hub.store import Store

__all__ = ["get_logs"]


def get_logs(store: Store, asked: dict[str, Any]) -> LogsJson:
    """Answer `GET /api/v1/logs`."""
    page = list_logs(store, log_filter(asked), asked["limit"], asked["cursor"])
    return {
        "logs": logs_json((log.row, resource_attributes(log.row.resource)) for log in page.logs),
        "next_cursor": log_cursor(page.next_position) if page.next_position else None,
    }
