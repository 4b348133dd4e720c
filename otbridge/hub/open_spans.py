"""Turns the announcement that a span has begun into a row of its own.

Our SDK tells a hub about a span at its start by a log record with the event name
`otbridge.span.started` (see `otbridge.semconv.SPAN_STARTED`), and again while it stays open.
Logfire sends a second span at the start, which has ended when it begins: a *pending span*. Either
is shown as an open span and never as what it came as, and its place is taken by the ended span
when that arrives.
"""

from __future__ import annotations

import binascii
from typing import TYPE_CHECKING, Final

from otbridge import semconv
from otbridge.wire.otlp_request import compose, split_request
from otbridge.wire.protobuf import walk
from otbridge.wire.rows import SpanRow

if TYPE_CHECKING:
    from opentelemetry.proto.trace.v1.trace_pb2 import Span

    from otbridge.wire.rows import LogRow

__all__ = [
    "may_have_pending_spans",
    "separate_open_spans",
    "separate_pending_spans",
    "without_announcements",
]

_EVENT_NAME = 12
"""Number of LogRecord.event_name (opentelemetry/proto/logs/v1, 1.11)."""

_STARTED = semconv.SPAN_STARTED.encode()
_OURS = frozenset(
    {
        semconv.SPAN_STARTED_NAME,
        semconv.SPAN_STARTED_KIND,
        semconv.SPAN_STARTED_PARENT,
        semconv.SPAN_STARTED_AGAIN,
    }
)

_PENDING = semconv.LOGFIRE_PENDING_PARENT.encode()
"""What every pending span holds. The longer of the two names is found sooner: 0.12 µs a span."""
_LOGFIRES = frozenset({semconv.LOGFIRE_SPAN_TYPE, semconv.LOGFIRE_PENDING_PARENT})

_TRACE_FLAGS: Final = 0xFF
"""Those of the W3C. The other bits say whether a span's parent was remote (trace.proto, SpanFlags),
and a pending span's parent is not that of the span which it announces."""


def separate_open_spans(rows: list[LogRow]) -> tuple[list[LogRow], list[SpanRow]]:
    """Return the log records among *rows*, and the spans that the others announce.

    An announcement without a trace or span id says nothing and is dropped.
    """
    announcements = [row for row in rows if row.event_name == semconv.SPAN_STARTED]
    if not announcements:
        return rows, []
    logs = [row for row in rows if row.event_name != semconv.SPAN_STARTED]
    return logs, [_open_span(row) for row in announcements if row.trace_id and row.span_id]


def may_have_pending_spans(data: bytes) -> bool:
    """Whether pending spans may be in these bytes, told without decoding them."""
    return _PENDING in data


def separate_pending_spans(rows: list[SpanRow]) -> tuple[list[SpanRow], list[SpanRow]]:
    """Return the ended spans among *rows*, and those that the others announce.

    The form is Logfire's (`logfire._internal.tracer.PendingSpanProcessor`, read in 5.2): the span
    that has begun is the pending span's parent, and its own parent is an attribute. A span that
    says it is pending and has no parent announces nothing, and stays what it came as.
    """
    ended: list[SpanRow] = []
    begun: list[SpanRow] = []
    for row in rows:
        announced = _announced_by(row) if may_have_pending_spans(row.data) else None
        if announced is None:
            ended.append(row)
        else:
            begun.append(announced)
    return ended, begun


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
    return _row(span, row, row.time_ns, [], again=semconv.SPAN_STARTED_AGAIN in told)


def _announced_by(row: SpanRow) -> SpanRow | None:
    """Return the open span that a pending one stands for; None where *row* is none."""
    from opentelemetry.proto.trace.v1.trace_pb2 import Span

    span = Span.FromString(row.data)
    told = {item.key: item.value.string_value for item in span.attributes if item.key in _LOGFIRES}
    if told.get(semconv.LOGFIRE_SPAN_TYPE) != semconv.LOGFIRE_PENDING_SPAN:
        return None
    if not row.parent_span_id:
        return None
    attributes = [item for item in span.attributes if item.key not in _LOGFIRES]
    del span.attributes[:]
    span.attributes.extend(attributes)
    span.span_id = row.parent_span_id
    span.parent_span_id = _span_id(told.get(semconv.LOGFIRE_PENDING_PARENT, ""))
    span.end_time_unix_nano = 0
    span.flags &= _TRACE_FLAGS
    span.ClearField("status")  # how it went is not known yet
    return _row(span, row, row.start_ns, row.links, again=None)


def _row(
    span: Span,
    source: LogRow | SpanRow,
    start_ns: int,
    links: list[tuple[bytes, bytes]],
    *,
    again: bool | None,
) -> SpanRow:
    """Return the row of an open span that came as *source*."""
    return SpanRow(
        trace_id=span.trace_id,
        span_id=span.span_id,
        parent_span_id=span.parent_span_id,
        name=span.name,
        kind=span.kind,
        service=source.service,
        start_ns=start_ns,
        end_ns=0,
        status=0,
        links=links,
        resource=source.resource,
        resource_schema_url=source.resource_schema_url,
        scope=source.scope,
        scope_schema_url=source.scope_schema_url,
        data=span.SerializeToString(),
        producer=source.producer,
        again=again,
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
