"""Stored records as OTLP/JSON: under their resources and scopes again, nothing lost or renamed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from opentelemetry.proto.logs.v1.logs_pb2 import LogsData
from opentelemetry.proto.metrics.v1.metrics_pb2 import MetricsData
from opentelemetry.proto.trace.v1.trace_pb2 import TracesData

from otbridge.wire.otlp_json import to_json
from otbridge.wire.rows import LogRow, SpanRow

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from otbridge.wire.rows import MetricsRow

__all__ = ["resource_logs", "resource_metrics", "resource_spans"]

_Row = TypeVar("_Row", SpanRow, LogRow)


def resource_spans(rows: Sequence[SpanRow]) -> list[dict[str, Any]]:
    """Return what stands under `resourceSpans`."""
    data = TracesData()
    _add(rows, data.resource_spans, "scope_spans", "spans")
    found: list[dict[str, Any]] = to_json(data).get("resourceSpans", [])
    return found


def resource_logs(rows: Sequence[LogRow]) -> list[dict[str, Any]]:
    """Return what stands under `resourceLogs`."""
    data = LogsData()
    _add(rows, data.resource_logs, "scope_logs", "log_records")
    found: list[dict[str, Any]] = to_json(data).get("resourceLogs", [])
    return found


def resource_metrics(rows: Iterable[MetricsRow]) -> list[dict[str, Any]]:
    """Return what stands under `resourceMetrics`."""
    data = MetricsData()
    for row in rows:
        data.resource_metrics.add().MergeFromString(row.data)
    found: list[dict[str, Any]] = to_json(data).get("resourceMetrics", [])
    return found


_Source = tuple[bytes, str]
"""A resource or a scope, serialised, and its schema URL."""


def _add(rows: Sequence[_Row], resources: Any, scopes: str, records: str) -> None:
    """Add *rows* to the repeated field *resources*, whose own fields have the names given."""
    for (resource, resource_url), groups in _grouped(rows).items():
        of_resource = resources.add(schema_url=resource_url)
        if resource:
            of_resource.resource.MergeFromString(resource)
        for (scope, scope_url), members in groups.items():
            of_scope = getattr(of_resource, scopes).add(schema_url=scope_url)
            if scope:
                of_scope.scope.MergeFromString(scope)
            for row in members:
                getattr(of_scope, records).add().MergeFromString(row.data)


def _grouped(rows: Sequence[_Row]) -> dict[_Source, dict[_Source, list[_Row]]]:
    """Return the rows by resource and by scope, each in the order in which they are met."""
    groups: dict[_Source, dict[_Source, list[_Row]]] = {}
    for row in rows:
        scopes = groups.setdefault((row.resource, row.resource_schema_url), {})
        scopes.setdefault((row.scope, row.scope_schema_url), []).append(row)
    return groups
