"""Decodes OTLP requests into the rows that the hub shows and stores.

Each record keeps the sender's own bytes; only the columns are decoded from them, one record at a
time. A record that breaks a rule is refused alone, with a word from `REASONS`; a request that is
no protobuf, or larger than we take, is refused whole.

Rules by their numbers in the OTLP specification's checklist: S12 (ids), S13 (any value anywhere),
S14 (string table references of profiles count as absent), S15 (flags are never interpreted),
S16 (empty envelopes are ignored), S17 (unknown fields are ignored here and kept in the bytes).
"""

from __future__ import annotations

import base64
import math
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeVar

import msgspec
from google.protobuf.message import DecodeError
from opentelemetry.proto.common.v1.common_pb2 import InstrumentationScope
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from otbridge import semconv
from otbridge.errors import LimitExceeded, MalformedData
from otbridge.wire.otlp_outline import ABSENT, read_details, read_span
from otbridge.wire.otlp_walk import (
    MAX_RECORDS,
    MAX_VALUES,
    ResourceSlice,
    check_values,
    too_many_values,
    walk,
)
from otbridge.wire.rows import LogRow, MetricsRow, SpanRow

if TYPE_CHECKING:
    from opentelemetry.proto.common.v1.common_pb2 import AnyValue

    from otbridge.wire.otlp_outline import SpanOutline

__all__ = [
    "REASONS",
    "UNKNOWN_SERVICE",
    "Origin",
    "decode_logs",
    "decode_metrics",
    "decode_open_spans",
    "decode_traces",
    "log_row",
    "plain_value",
    "span_row",
]

UNKNOWN_SERVICE: Final = "unknown_service"
"""What a resource without `service.name` is called (OTel resource semantic conventions)."""

REASONS: Final = {
    "invalid_trace_id": "a trace id is not 16 bytes, or all zero",
    "invalid_span_id": "a span id is not 8 bytes, or all zero",
    "too_many_values": "a record holds too many attributes, events, links or nested values",
}
"""Why a single record is refused: the word for the ledger, and the sentence for the sender."""

_LATEST_NS: Final = 2**63 - 1
"""Times are unsigned in OTLP and signed in every store; the year 2262 is late enough."""

_MAX_METRIC_VALUES: Final = 20 * MAX_RECORDS
"""Nested messages in one metric: every data point allowed, with some twenty attributes each."""

_NO_TRACE: Final = bytes(16)
_NO_SPAN: Final = bytes(8)

_Message = TypeVar("_Message", Span, LogRecord, Metric, Resource, InstrumentationScope)


class Origin(NamedTuple):
    """Where a record comes from: what rows have beside what their own bytes say."""

    service: str
    producer: str
    resource: bytes
    resource_schema_url: str
    scope: bytes
    scope_schema_url: str


def span_row(data: bytes, origin: Origin, times: tuple[int, int] | None = None) -> SpanRow:
    """Return the row of a span whose bytes were kept.

    Args:
        data: The Span message, which was decoded into a row before.
        origin: Where it came from.
        times: Its start and end, where they are not the message's own; an end of 0 is open.
    """
    span = read_span(data)
    start_ns, end_ns = times or (span.start_time, span.end_time)
    service, producer, resource, resource_url, scope, scope_url = origin
    return SpanRow(
        span.trace_id,
        span.span_id,
        _span_id(span.parent_span_id),
        span.name,
        span.kind,
        service,
        start_ns,
        end_ns,
        0 if span.last_status == ABSENT else _status(data),
        [] if span.last_link == ABSENT else _links(data),
        resource,
        resource_url,
        scope,
        scope_url,
        data,
        producer,
    )


def log_row(data: bytes, origin: Origin, times: tuple[int, int] | None = None) -> LogRow:
    """Return the row of a log record whose bytes were kept; *times* are time and observed time."""
    record = LogRecord.FromString(data)
    time_ns, observed_ns = times or (record.time_unix_nano, record.observed_time_unix_nano)
    service, producer, resource, resource_url, scope, scope_url = origin
    trace_id = _trace_id(record.trace_id)
    return LogRow(
        trace_id,
        _span_id(record.span_id) if trace_id else b"",
        time_ns,
        observed_ns,
        record.severity_number,
        record.severity_text,
        service,
        _body_text(record),
        record.event_name,
        resource,
        resource_url,
        scope,
        scope_url,
        data,
        producer,
    )


def decode_traces(
    request: bytes, received_ns: int, *, checked: bool = False
) -> tuple[list[SpanRow], list[str]]:
    """Decode an ExportTraceServiceRequest into ended spans.

    Args:
        request: The serialised request.
        received_ns: When it came, unix nanoseconds; stands in for times that are missing.
        checked: Whether the same request was decoded before. Then what is inside of attributes and
            events, which is no part of a row, is not looked at again.

    Returns:
        The rows in the request's order, and a word from `REASONS` for each span refused.

    Raises:
        MalformedData: The request is not OTLP.
        LimitExceeded: It holds more than we take.
    """
    return _decode_spans(request, received_ns, ended=True, checked=checked)


def decode_open_spans(request: bytes, received_ns: int) -> tuple[list[SpanRow], list[str]]:
    """Decode spans that have begun and not ended: like `decode_traces`, with `end_ns` 0."""
    return _decode_spans(request, received_ns, ended=False, checked=False)


def _decode_spans(
    request: bytes, received_ns: int, *, ended: bool, checked: bool
) -> tuple[list[SpanRow], list[str]]:
    rows: list[SpanRow] = []
    rejected: list[str] = []
    for source in walk(request):
        service, producer = _identity(source)
        for scope, scope_schema_url, records in source.scopes:
            _check_scope(scope)
            for data in records:
                # A shorter one cannot; the call itself is what is saved.
                if len(data) > 2 * MAX_VALUES and too_many_values(data, Span.DESCRIPTOR):
                    rejected.append("too_many_values")
                    continue
                if not checked:
                    _parse(Span, data)
                span = read_span(data)
                trace_id, span_id, parent = span.trace_id, span.span_id, span.parent_span_id
                if len(trace_id) != 16 or trace_id == _NO_TRACE:
                    rejected.append("invalid_trace_id")
                    continue
                if len(span_id) != 8 or span_id == _NO_SPAN:
                    rejected.append("invalid_span_id")
                    continue
                start_ns = span.start_time
                end_ns = span.end_time if ended else 0
                if not (start_ns and end_ns) or start_ns > _LATEST_NS or end_ns > _LATEST_NS:
                    start_ns, end_ns = _mended_times(span, received_ns, ended=ended)
                # By position, in the order of the fields: keywords would cost 0.6 µs a row.
                rows.append(
                    SpanRow(
                        trace_id,
                        span_id,
                        parent if len(parent) == 8 and parent != _NO_SPAN else b"",
                        span.name,
                        span.kind,
                        service,
                        start_ns,
                        end_ns,
                        0 if span.last_status == ABSENT else _status(data),
                        [] if span.last_link == ABSENT else _links(data),
                        source.resource,
                        source.schema_url,
                        scope,
                        scope_schema_url,
                        data,
                        producer,
                    )
                )
    return rows, rejected


def decode_logs(request: bytes, received_ns: int) -> tuple[list[LogRow], list[str]]:
    """Decode an ExportLogsServiceRequest.

    A record with a bad trace or span id is kept, as one that belongs to no trace (rule S12).
    Arguments, results and errors are those of `decode_traces`.
    """
    rows: list[LogRow] = []
    rejected: list[str] = []
    for source in walk(request):
        service, producer = _identity(source)
        for scope, scope_schema_url, records in source.scopes:
            _check_scope(scope)
            for data in records:
                if too_many_values(data, LogRecord.DESCRIPTOR):
                    rejected.append("too_many_values")
                    continue
                record = _parse(LogRecord, data)
                observed_ns = record.observed_time_unix_nano or received_ns
                trace_id = _trace_id(record.trace_id)
                rows.append(
                    LogRow(
                        trace_id,
                        _span_id(record.span_id) if trace_id else b"",
                        min(record.time_unix_nano or observed_ns, _LATEST_NS),
                        min(observed_ns, _LATEST_NS),
                        record.severity_number,
                        record.severity_text,
                        service,
                        _body_text(record),
                        record.event_name,
                        source.resource,
                        source.schema_url,
                        scope,
                        scope_schema_url,
                        data,
                        producer,
                    )
                )
    return rows, rejected


def decode_metrics(request: bytes, received_ns: int) -> tuple[list[MetricsRow], list[str]]:
    """Decode an ExportMetricsServiceRequest into one row per resource.

    Metrics without data points are counted as nothing and kept. No metric is refused alone, so
    the second part of the result is always empty; arguments and errors are those of
    `decode_traces`, and the record limit counts data points too.
    """
    rows: list[MetricsRow] = []
    points_left = MAX_RECORDS
    for source in walk(request):
        service, producer = _identity(source)
        points = 0
        for scope, _, records in source.scopes:
            _check_scope(scope)
            for data in records:
                points += _data_points(data)
        points_left -= points
        if points_left < 0:
            raise LimitExceeded(
                f"The request holds more than {MAX_RECORDS:,} data points.",
                "They are counted to bound memory.",
                "Send smaller batches.",
            )
        if source.scopes or source.resource:
            rows.append(MetricsRow(service, received_ns, points, source.data, producer))
    return rows, []


def plain_value(value: AnyValue) -> Any:
    """Return the value as JSON has it: bytes as base64, NaN and infinities by name.

    An empty value, and one that refers to the string table of a profile, is None (rules S13, S14).
    Integers keep their size; whoever writes for JavaScript has to look after those beyond 2**53.
    """
    match value.WhichOneof("value"):
        case "string_value":
            return value.string_value
        case "int_value":
            return value.int_value
        case "bool_value":
            return value.bool_value
        case "double_value":
            number = value.double_value
            return number if math.isfinite(number) else _NOT_FINITE[str(number)]
        case "array_value":
            return [plain_value(item) for item in value.array_value.values]
        case "kvlist_value":
            return {item.key: plain_value(item.value) for item in value.kvlist_value.values}
        case "bytes_value":
            return base64.b64encode(value.bytes_value).decode()
        case _:
            return None


_NOT_FINITE: Final = {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}


def _identity(source: ResourceSlice) -> tuple[str, str]:
    """Return the service and, as far as the resource names it, the process behind it."""
    return _identity_of(source.resource)


@lru_cache(maxsize=1024)
def _identity_of(resource: bytes) -> tuple[str, str]:
    check_values(resource, Resource.DESCRIPTOR)
    service = UNKNOWN_SERVICE
    instance = distribution = ""
    for attribute in _parse(Resource, resource).attributes:
        if attribute.key == semconv.SERVICE_NAME:
            service = attribute.value.string_value or UNKNOWN_SERVICE
        elif attribute.key == semconv.SERVICE_INSTANCE_ID:
            instance = attribute.value.string_value
        elif attribute.key == semconv.TELEMETRY_DISTRO_NAME:
            distribution = attribute.value.string_value
    if not instance or distribution == "otbridge":
        return service, instance  # ours are unique by themselves, and a bridge has no other name
    return service, f"{service}/{instance}"  # others need only be unique within their service


@lru_cache(maxsize=1024)
def _check_scope(scope: bytes) -> None:
    """Refuse a scope now that nobody could read later."""
    check_values(scope, InstrumentationScope.DESCRIPTOR)
    _parse(InstrumentationScope, scope)


def _parse(kind: type[_Message], data: bytes) -> _Message:
    try:
        return kind.FromString(data)
    except DecodeError as error:
        raise MalformedData(
            f"The request is not valid OTLP: a {kind.__name__} cannot be decoded.",
            f"The protobuf library says: {error}.",
            "Look for text that is not UTF-8, or values nested more than 40 deep.",
        ) from None


def _mended_times(span: SpanOutline, received_ns: int, *, ended: bool) -> tuple[int, int]:
    """Return start and end where one is missing or too late: an ended span never looks open."""
    start_ns = span.start_time or span.end_time or received_ns
    end_ns = (span.end_time or start_ns) if ended else 0
    return min(start_ns, _LATEST_NS), min(end_ns, _LATEST_NS)


def _status(data: bytes) -> int:
    return _status_code(b"".join(read_details(data).status))


@lru_cache(maxsize=256)
def _status_code(status: bytes) -> int:
    return Status.FromString(status).code


def _links(data: bytes) -> list[tuple[bytes, bytes]]:
    links = map(Span.Link.FromString, read_details(data).links)
    return [
        (trace_id, span_id)
        for link in links
        if (trace_id := _trace_id(link.trace_id)) and (span_id := _span_id(link.span_id))
    ]


def _trace_id(value: bytes) -> bytes:
    return value if len(value) == 16 and value != _NO_TRACE else b""


def _span_id(value: bytes) -> bytes:
    return value if len(value) == 8 and value != _NO_SPAN else b""


def _body_text(record: LogRecord) -> str:
    body = record.body
    if body.WhichOneof("value") == "string_value":
        return body.string_value
    value = plain_value(body)
    return "" if value is None else msgspec.json.encode(value).decode()


def _data_points(data: bytes) -> int:
    check_values(data, Metric.DESCRIPTOR, _MAX_METRIC_VALUES)
    metric = _parse(Metric, data)
    kind = metric.WhichOneof("data")
    return len(getattr(metric, kind).data_points) if kind else 0
