"""Turns the announcement that a span has begun into a row of its own.

Our SDK tells a hub about a span at its start by a log record with the event name
`otbridge.span.started` (see `otbridge.semconv.SPAN_STARTED`). It is shown as an open span and
never as a log line, and its place is taken by the ended span when that arrives.
"""

from __future__ import annotations

import binascii
from typing import TYPE_CHECKING

from otbridge import semconv
from otbridge.wire.otlp_request import compose, split_request
from otbridge.wire.protobuf import walk
from otbridge.wire.rows import SpanRow

if TYPE_CHECKING:
    from otbridge.wire.rows import LogRow

__all__ = ["separate_open_spans", "without_announcements"]

_EVENT_NAME = 12
"""Number of LogRecord.event_name (opentelemetry/proto/logs/v1, 1.11)."""

_STARTED = semconv.SPAN_STARTED.encode()
_OURS = frozenset(
    {semconv.SPAN_STARTED_NAME, semconv.SPAN_STARTED_KIND, semconv.SPAN_STARTED_PARENT}
)


def separate_open_spans(rows: list[LogRow]) -> tuple[list[LogRow], list[SpanRow]]:
    """Return the log records among *rows*, and the spans that the others announce.

    An announcement without a trace or span id says nothing and is dropped.
    """
    announcements = [row for row in rows if row.event_name == semconv.SPAN_STARTED]
    if not announcements:
        return rows, []
    logs = [row for row in rows if row.event_name != semconv.SPAN_STARTED]
    return logs, [_open_span(row) for row in announcements if row.trace_id and row.span_id]


def without_announcements(request: bytes) -> tuple[bytes, int]:
    """Return an ExportLogsServiceRequest without the announcements in it, and its records' number.

    All other records keep their bytes.
    """
    kept = [entry for entry in split_request("logs", request) if not _announces(entry[1])]
    return compose(kept), len(kept)


def _announces(framed: bytes) -> bool:
    (record,) = walk(framed)
    return any(
        item.number == _EVENT_NAME and framed[item.start : item.end] == _STARTED
        for item in walk(framed, record.start, record.end)
    )


def _open_span(row: LogRow) -> SpanRow:
    from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
    from opentelemetry.proto.trace.v1.trace_pb2 import Span

    record = LogRecord.FromString(row.data)
    told = {item.key: item.value for item in record.attributes if item.key in _OURS}
    span = Span(
        trace_id=row.trace_id,
        span_id=row.span_id,
        start_time_unix_nano=row.time_ns,
        flags=record.flags,
        attributes=[item for item in record.attributes if item.key not in _OURS],
    )
    if semconv.SPAN_STARTED_NAME in told:
        span.name = told[semconv.SPAN_STARTED_NAME].string_value
    if semconv.SPAN_STARTED_KIND in told:
        span.kind = _kind(told[semconv.SPAN_STARTED_KIND].int_value)  # type: ignore[assignment]
    if semconv.SPAN_STARTED_PARENT in told:
        span.parent_span_id = _span_id(told[semconv.SPAN_STARTED_PARENT].string_value)
    return SpanRow(
        trace_id=row.trace_id,
        span_id=row.span_id,
        parent_span_id=span.parent_span_id,
        name=span.name,
        kind=span.kind,
        service=row.service,
        start_ns=row.time_ns,
        end_ns=0,
        status=0,
        links=[],
        resource=row.resource,
        resource_schema_url=row.resource_schema_url,
        scope=row.scope,
        scope_schema_url=row.scope_schema_url,
        data=span.SerializeToString(),
        producer=row.producer,
    )


def _kind(number: int) -> int:
    """Return OTLP's SpanKind, or 0 (unspecified) for a number that is none."""
    return number if 0 <= number <= 5 else 0


def _span_id(text: str) -> bytes:
    """Return the id, or nothing where it is none: the span then shows as a root."""
    try:
        value = binascii.unhexlify(text)
    except ValueError:
        return b""
    return value if len(value) == 8 and any(value) else b""
