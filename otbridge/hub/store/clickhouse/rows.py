"""Rows on their way out: the bytes that came, with what was decided about them on receipt."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from opentelemetry.proto.trace.v1.trace_pb2 import Span

from otbridge.hub.store.vocabulary import LogPosition, StoredLog
from otbridge.wire.rows import LogRow, MetricsRow, SpanRow

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["LOG", "METRICS", "SPAN", "read_log", "read_metrics", "read_span"]

_SHARED: Final = "ResourceRaw, ResourceSchemaUrl, ScopeRaw, ScopeSchemaUrl, Raw, Producer"

SPAN: Final = (
    "TraceId, SpanId, ParentSpanId, SpanName, ServiceName, toUnixTimestamp64Nano(Timestamp) AS"
    f" Start, Duration, toInt8(State) AS StateNumber, {_SHARED}"
)
LOG: Final = (
    "TraceId, SpanId, toUnixTimestamp64Nano(Timestamp) AS Time,"
    " toUnixTimestamp64Nano(ObservedTimestamp) AS Observed, SeverityNumber, SeverityText,"
    f" ServiceName, Body, EventName, Place, Id, {_SHARED}"
)
METRICS: Final = (
    "ServiceName, toUnixTimestamp64Nano(ReceivedTimestamp) AS Time, DataPoints, Raw, Producer"
)
"""What is selected for `read_metrics`, and so for the others."""

_LOST: Final = 2
_ENDED: Final = 3


def read_span(columns: Sequence[Any]) -> SpanRow:
    """Return the row of the columns `SPAN`."""
    trace, span_id, parent, name, service, start, duration, state, *shared = columns
    resource, resource_url, scope, scope_url, raw, producer = shared
    span = Span.FromString(raw)
    return SpanRow(
        trace_id=bytes.fromhex(trace.decode()),
        span_id=bytes.fromhex(span_id.decode()),
        parent_span_id=bytes.fromhex(parent.decode()),
        # Where a sender wrote it twice, the column has neither.
        name=name.decode() or span.name,
        kind=span.kind,
        service=service.decode(),
        start_ns=start,
        end_ns=start + duration if state == _ENDED else 0,
        status=span.status.code,
        links=[
            (link.trace_id, link.span_id)
            for link in span.links
            if len(link.trace_id) == 16 and len(link.span_id) == 8
        ],
        resource=resource,
        resource_schema_url=resource_url.decode(),
        scope=scope,
        scope_schema_url=scope_url.decode(),
        data=raw,
        producer=producer.decode(),
        lost=state == _LOST,
    )


def read_log(columns: Sequence[Any]) -> StoredLog:
    """Return the row of the columns `LOG`, and its place."""
    trace, span_id, time, observed, severity, severity_text, service, body, event = columns[:9]
    place, identity, resource, resource_url, scope, scope_url, raw, producer = columns[9:]
    row = LogRow(
        trace_id=bytes.fromhex(trace.decode()),
        span_id=bytes.fromhex(span_id.decode()),
        time_ns=time,
        observed_ns=observed,
        severity_number=severity,
        severity_text=severity_text.decode(),
        service=service.decode(),
        body_text=body.decode(),
        event_name=event.decode(),
        resource=resource,
        resource_schema_url=resource_url.decode(),
        scope=scope,
        scope_schema_url=scope_url.decode(),
        data=raw,
        producer=producer.decode(),
    )
    return StoredLog(LogPosition(time, f"{identity:016x}", place), row)


def read_metrics(columns: Sequence[Any]) -> MetricsRow:
    """Return the row of the columns `METRICS`."""
    service, received, points, raw, producer = columns
    return MetricsRow(service.decode(), received, points, raw, producer.decode())
