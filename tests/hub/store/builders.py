"""Rows for tests, made the way the hub makes them: from OTLP requests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opentelemetry.proto.common.v1.common_pb2 import (
    AnyValue,
    ArrayValue,
    KeyValue,
    KeyValueList,
)
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, LogsData
from opentelemetry.proto.trace.v1.trace_pb2 import Span, TracesData

from otbridge.wire.otlp_rows import decode_logs, decode_open_spans, decode_traces
from otbridge.wire.rows import Batch, LogRow

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from otbridge.hub.store import Store
    from otbridge.wire.rows import SpanRow

T0 = 1_767_225_600_000_000_000
"""2026-01-01T00:00:00Z, when the fake clock begins; times below are relative to it."""

SECOND = 1_000_000_000


def trace_id(number: int) -> bytes:
    return number.to_bytes(16)


def span_id(number: int) -> bytes:
    return number.to_bytes(8)


def any_value(value: Any) -> AnyValue:
    match value:
        case bool():
            return AnyValue(bool_value=value)
        case int():
            return AnyValue(int_value=value)
        case float():
            return AnyValue(double_value=value)
        case bytes():
            return AnyValue(bytes_value=value)
        case list():
            return AnyValue(array_value=ArrayValue(values=map(any_value, value)))
        case dict():
            return AnyValue(kvlist_value=KeyValueList(values=key_values(value)))
        case _:
            return AnyValue(string_value=value)


def key_values(attributes: Mapping[str, Any]) -> list[KeyValue]:
    return [KeyValue(key=key, value=any_value(value)) for key, value in attributes.items()]


def span(
    number: int = 1,
    *,
    trace: int = 1,
    parent: int = 0,
    name: str = "work",
    service: str = "shop",
    start: int = 0,
    duration: int = 1,
    error: bool = False,
    kind: int = 1,
    attributes: Mapping[str, Any] | None = None,
    links: Sequence[tuple[int, int]] = (),
    event: Mapping[str, Any] | None = None,
    scope: str = "tests",
    is_open: bool = False,
    producer: str = "",
) -> SpanRow:
    """A span; ids are numbers, `start` and `duration` are seconds from T0."""
    start_ns = T0 + start * SECOND
    message = Span(
        trace_id=trace_id(trace),
        span_id=span_id(number),
        parent_span_id=span_id(parent) if parent else b"",
        name=name,
        kind=kind,  # type: ignore[arg-type] # an enum's number
        start_time_unix_nano=start_ns,
        end_time_unix_nano=0 if is_open else start_ns + duration * SECOND,
        attributes=key_values(attributes or {}),
        links=[
            Span.Link(trace_id=trace_id(other), span_id=span_id(other_span))
            for other, other_span in links
        ],
    )
    if event is not None:
        message.events.add(name="exception", attributes=key_values(event))
    if error:
        message.status.code = message.status.STATUS_CODE_ERROR
        message.status.message = "it broke"
    data = TracesData()
    resource = data.resource_spans.add(schema_url="https://example.org/resource")
    resource.resource.attributes.extend(key_values({"service.name": service}))
    scope_spans = resource.scope_spans.add(schema_url="https://example.org/scope")
    scope_spans.scope.name = scope
    scope_spans.spans.append(message)
    decode = decode_open_spans if is_open else decode_traces
    rows, refused = decode(data.SerializeToString(), T0)
    assert not refused
    rows[0].producer = producer
    return rows[0]


def log(
    body: Any = "order placed",
    *,
    trace: int = 0,
    span: int = 0,
    service: str = "shop",
    at: int = 0,
    severity: int = 9,
    event: str = "",
    attributes: Mapping[str, Any] | None = None,
) -> LogRow:
    """A log record; 0 stands for no trace and no span, `at` is seconds from T0."""
    data = LogsData()
    resource = data.resource_logs.add()
    resource.resource.attributes.extend(key_values({"service.name": service}))
    scope_logs = resource.scope_logs.add()
    scope_logs.scope.name = "tests"
    scope_logs.log_records.append(
        LogRecord(
            trace_id=trace_id(trace) if trace else b"",
            span_id=span_id(span) if span else b"",
            time_unix_nano=T0 + at * SECOND,
            severity_number=severity,  # type: ignore[arg-type] # an enum's number
            severity_text="LEVEL",
            body=any_value(body),
            event_name=event,
            attributes=key_values(attributes or {}),
        )
    )
    rows, refused = decode_logs(data.SerializeToString(), T0)
    assert not refused
    return rows[0]


def store_now(store: Store, *rows: SpanRow | LogRow, key: tuple[str, int] | None = None) -> None:
    """Store *rows* in one batch, and wait until they are on disk."""
    store.submit(batch(rows, key=key)).result(timeout=20)


def batch(rows: Iterable[SpanRow | LogRow], *, key: tuple[str, int] | None = None) -> Batch:
    """Return *rows* as one batch, each in its place."""
    result = Batch(key=key)
    for row in rows:
        if isinstance(row, LogRow):
            result.logs.append(row)
        elif row.end_ns:
            result.spans.append(row)
        else:
            result.open_spans.append(row)
    return result
