"""`/api/v1/export`: everything the hub holds, page by page, as OTLP/JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from otbridge.hub.api.otlp import resource_logs, resource_metrics, resource_spans
from otbridge.hub.query.cursors import scan_cursor
from otbridge.hub.store.vocabulary import ScanFilter

if TYPE_CHECKING:
    from otbridge.hub.store import Store

__all__ = ["get_export"]

_DOCUMENTS: dict[str, tuple[str, Any]] = {
    "traces": ("resourceSpans", resource_spans),
    "logs": ("resourceLogs", resource_logs),
    "metrics": ("resourceMetrics", resource_metrics),
}


def get_export(store: Store, asked: dict[str, Any]) -> dict[str, Any]:
    """Answer `GET /api/v1/export`."""
    signal = asked["signal"]
    wanted = ScanFilter(signal, asked["from"], asked["to"])
    page = store.scan(wanted, asked["limit"], asked["cursor"])
    name, document = _DOCUMENTS[signal]
    return {
        name: document(page.rows),
        "records": len(page.rows),
        "next_cursor": scan_cursor(page.next_position) if page.next_position else None,
    }
