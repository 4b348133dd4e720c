"""Rows to tuples of columns and back: the order of every column list is decided here."""

# ruff: noqa: S608 - the SQL is put together from the names below; values only go in as parameters

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from zlib import crc32

from opentelemetry.proto.trace.v1.trace_pb2 import Span

from otbridge.wire.rows import LogRow, SpanRow

if TYPE_CHECKING:
    from otbridge.hub.analysis.genai import GenAI

__all__ = [
    "INSERT_LOG",
    "INSERT_SPAN",
    "SELECT_LOG",
    "SELECT_SPAN",
    "UPDATE_SPAN",
    "log_columns",
    "read_log",
    "read_span",
    "row_of_log",
    "span_columns",
    "time_of_log",
    "trace_id_of",
]

_SPAN_VALUES = (
    "SpanName",
    "SpanKind",
    "ServiceName",
    "ParentSpanId",
    "Timestamp",
    "Duration",
    "StatusCode",
    "ResourceId",
    "ScopeId",
    "Producer",
    "GenAiKind",
    "GenAiConversation",
    "GenAiRun",
    "Raw",
    "Crc",
)
_LOG_VALUES = (
    "Id",
    "TraceKey",
    "SpanId",
    "Timestamp",
    "ObservedTimestamp",
    "SeverityNumber",
    "SeverityText",
    "ServiceName",
    "Body",
    "EventName",
    "ResourceId",
    "ScopeId",
    "Producer",
    "Raw",
    "Crc",
)

INSERT_SPAN = (
    f"INSERT INTO otel_traces ({', '.join(_SPAN_VALUES)}, TraceKey, SpanId)"
    f" VALUES ({', '.join('?' * (len(_SPAN_VALUES) + 2))})"
    " ON CONFLICT (TraceKey, SpanId) DO NOTHING"
)
UPDATE_SPAN = (
    f"UPDATE otel_traces SET {', '.join(f'{column} = ?' for column in _SPAN_VALUES)}, Lost = 0"
    " WHERE TraceKey = ? AND SpanId = ?"
)
INSERT_LOG = (
    f"INSERT INTO otel_logs ({', '.join(_LOG_VALUES)}) VALUES ({', '.join('?' * len(_LOG_VALUES))})"
)

_SHARED = "o.Crc, r.Raw, r.Crc, r.SchemaUrl, c.Raw, c.Crc, c.SchemaUrl, o.Raw, o.Producer"
_JOINS = "JOIN otel_resources r ON r.Id = o.ResourceId JOIN otel_scopes c ON c.Id = o.ScopeId"

SELECT_SPAN = (
    f"SELECT {_SHARED}, t.TraceId, o.SpanId, o.ParentSpanId, o.SpanName, o.SpanKind, o.ServiceName,"
    " o.Timestamp, o.Duration, o.StatusCode, o.Lost"
    f" FROM otel_traces o JOIN otel_trace_summary t USING (TraceKey) {_JOINS}"
)
SELECT_LOG = (
    f"SELECT {_SHARED}, t.TraceId, o.SpanId, o.Timestamp, o.ObservedTimestamp, o.SeverityNumber,"
    " o.SeverityText, o.ServiceName, o.Body, o.EventName, o.Id"
    f" FROM otel_logs o LEFT JOIN otel_trace_summary t USING (TraceKey) {_JOINS}"
)


def span_columns(
    row: SpanRow, key: int, resource: int, scope: int, genai: GenAI | None
) -> tuple[Any, ...]:
    """Return the parameters of `INSERT_SPAN` and of `UPDATE_SPAN`."""
    return (
        row.name,
        row.kind,
        row.service,
        row.parent_span_id,
        row.start_ns,
        max(row.end_ns - row.start_ns, 0) if row.end_ns else None,
        row.status,
        resource,
        scope,
        row.producer,
        genai.kind if genai else None,
        genai.conversation if genai else None,
        genai.run if genai else None,
        row.data,
        crc32(row.data),
        key,
        row.span_id,
    )


def log_columns(
    row: LogRow, number: int, key: int | None, resource: int, scope: int
) -> tuple[Any, ...]:
    """Return the parameters of `INSERT_LOG`."""
    return (
        number,
        key,
        row.span_id,
        row.time_ns,
        row.observed_ns,
        row.severity_number,
        row.severity_text,
        row.service,
        row.body_text,
        row.event_name,
        resource,
        scope,
        row.producer,
        row.data,
        crc32(row.data),
    )


def trace_id_of(columns: tuple[Any, ...]) -> bytes:
    """Return the trace id among the columns of `SELECT_SPAN`, whether or not the row is sound."""
    trace_id: bytes = columns[9]
    return trace_id


def read_span(columns: tuple[Any, ...]) -> SpanRow | None:
    """Return the row of `SELECT_SPAN`'s columns, or None where a checksum does not fit."""
    shared = _read_shared(columns)
    if shared is None:
        return None
    trace_id, span_id, parent, name, kind, service, start, duration, status, lost = columns[9:]
    return SpanRow(
        trace_id=trace_id,
        span_id=span_id,
        parent_span_id=parent,
        name=name,
        kind=kind,
        service=service,
        start_ns=start,
        end_ns=0 if duration is None else start + duration,
        status=status,
        links=_links(shared["data"]),
        lost=bool(lost),
        **shared,
    )


def time_of_log(columns: tuple[Any, ...]) -> int:
    """Return the time among the columns of `SELECT_LOG`, whether or not the row is sound."""
    time_ns: int = columns[11]
    return time_ns


def row_of_log(columns: tuple[Any, ...]) -> int:
    """Return the row's number among the columns of `SELECT_LOG`."""
    number: int = columns[-1]
    return number


def read_log(columns: tuple[Any, ...]) -> LogRow | None:
    """Return the row of `SELECT_LOG`'s columns, or None where a checksum does not fit."""
    shared = _read_shared(columns)
    if shared is None:
        return None
    trace_id, span_id, time, observed, severity, severity_text, service, body, event, _ = columns[
        9:
    ]
    return LogRow(
        trace_id=trace_id or b"",
        span_id=span_id,
        time_ns=time,
        observed_ns=observed,
        severity_number=severity,
        severity_text=severity_text,
        service=service,
        body_text=body,
        event_name=event,
        **shared,
    )


def _links(data: bytes) -> list[tuple[bytes, bytes]]:
    return [
        (link.trace_id, link.span_id)
        for link in Span.FromString(data).links
        if len(link.trace_id) == 16 and len(link.span_id) == 8
    ]


def _read_shared(columns: tuple[Any, ...]) -> dict[str, Any] | None:
    crc, resource, resource_crc, resource_url, scope, scope_crc, scope_url, data, producer = (
        columns[:9]
    )
    if crc32(data) != crc or crc32(resource) != resource_crc or crc32(scope) != scope_crc:
        return None
    return {
        "resource": resource,
        "resource_schema_url": resource_url,
        "scope": scope,
        "scope_schema_url": scope_url,
        "data": data,
        "producer": producer,
    }
