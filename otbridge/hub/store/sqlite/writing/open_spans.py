"""Spans that have begun and not ended, as they are read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple
from zlib import crc32

from otbridge.wire.otlp_rows import Origin, span_row

if TYPE_CHECKING:
    from otbridge.wire.rows import SpanRow

__all__ = ["SELECT", "OpenSpan", "read"]

SELECT: Final = (
    "SELECT t.TraceId, o.SpanId, o.Lost, o.Timestamp, o.Raw, o.Crc, r.Crc, c.Crc,"
    " s.ServiceName, s.Producer, r.Raw, r.SchemaUrl, c.Raw, c.SchemaUrl"
    " FROM otel_open_spans o JOIN otel_trace_summary t USING (TraceKey)"
    " JOIN otel_sources s ON s.Id = o.SourceId JOIN otel_resources r ON r.Id = s.ResourceId"
    " JOIN otel_scopes c ON c.Id = s.ScopeId"
)


class OpenSpan(NamedTuple):
    """An open span, or a lost one."""

    trace_id: bytes
    span_id: bytes
    row: SpanRow | None
    """None where a checksum does not fit."""


def read(columns: tuple[Any, ...]) -> OpenSpan:
    """Return the span of `SELECT`'s columns."""
    trace_id, span_id, lost, start_ns, data, crc, resource_crc, scope_crc, *rest = columns
    origin = Origin(*rest)
    row = None
    if (crc32(data), crc32(origin.resource), crc32(origin.scope)) == (crc, resource_crc, scope_crc):
        row = span_row(data, origin, (start_ns, 0))
        row.lost = bool(lost)
    return OpenSpan(trace_id, span_id, row)
