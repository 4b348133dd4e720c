"""The requests that servers are tried with, as bytes and as OTLP/JSON."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any, Final, TypeVar

import msgspec

from otbridge.wire.protobuf import field

if TYPE_CHECKING:
    from google.protobuf.message import Message
    from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
    from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
        ExportMetricsServiceRequest,
    )
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
    from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
    from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric
    from opentelemetry.proto.trace.v1.trace_pb2 import Span

    from otbridge.typing import Signal

__all__ = [
    "SERVICE",
    "json_log",
    "json_span",
    "log_record",
    "logs",
    "metric",
    "metrics",
    "new_trace_id",
    "of_size",
    "plain",
    "plain_json",
    "span",
    "traces",
]

SERVICE: Final = "otbridge-conform"
"""The `service.name` of everything that is sent, so that it can be told from real telemetry."""

_R = TypeVar("_R", bound="Message")

_FIRST: Final = b"\x0a"
"""Tag of field 1 where it is a message or text: request's resources, resource, attribute, key."""
_SECOND: Final = b"\x12"
"""Tag of field 2, an attribute's value."""


def new_trace_id() -> bytes:
    """Return a trace id that nobody has."""
    return os.urandom(16)


def span(trace_id: bytes | None = None, **fields: Any) -> Span:
    """Return a valid span of a millisecond, of a new trace by default; *fields* may be replaced."""
    from opentelemetry.proto.trace.v1.trace_pb2 import Span

    now = time.time_ns()
    valid: dict[str, Any] = {
        "trace_id": new_trace_id() if trace_id is None else trace_id,
        "span_id": os.urandom(8),
        "name": "conform",
        "kind": Span.SPAN_KIND_INTERNAL,
        "start_time_unix_nano": now - 1_000_000,
        "end_time_unix_nano": now,
    }
    return Span(**valid | fields)


def log_record(text: str = "conform", **fields: Any) -> LogRecord:
    """Return a valid log record with *text* as its body."""
    from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, SeverityNumber

    valid: dict[str, Any] = {
        "time_unix_nano": time.time_ns(),
        "observed_time_unix_nano": time.time_ns(),
        "severity_number": SeverityNumber.SEVERITY_NUMBER_INFO,
        "severity_text": "INFO",
        "body": {"string_value": text},
    }
    return LogRecord(**valid | fields)


def metric() -> Metric:
    """Return a gauge with one data point."""
    from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric

    measured = Metric(name="conform", unit="1")
    measured.gauge.data_points.add(time_unix_nano=time.time_ns(), as_double=1.5)
    return measured


def traces(*spans: Span) -> ExportTraceServiceRequest:
    """Return a request with *spans*, of one resource and scope."""
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

    return _enveloped(ExportTraceServiceRequest(), "spans", spans)


def logs(*records: LogRecord) -> ExportLogsServiceRequest:
    """Return a request with *records*, of one resource and scope."""
    from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

    return _enveloped(ExportLogsServiceRequest(), "log_records", records)


def metrics(*found: Metric) -> ExportMetricsServiceRequest:
    """Return a request with the metrics *found*, of one resource and scope."""
    from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
        ExportMetricsServiceRequest,
    )

    return _enveloped(ExportMetricsServiceRequest(), "metrics", found)


def plain(signal: Signal) -> bytes:
    """Return a request that every server takes: one record, nothing unusual in it."""
    return _plain(signal).SerializeToString()


def plain_json(signal: Signal) -> bytes:
    """Return the same as OTLP/JSON."""
    return _to_json(_plain(signal))


def of_size(signal: Signal, size: int) -> bytes:
    """Return a valid request of *size* bytes or a few more: text in a resource attribute."""
    envelope: bytes = _plain(signal).ListFields()[0][1][0].SerializeToString()
    text = field(_FIRST, b"x" * size)
    attribute = field(_FIRST, b"padding") + field(_SECOND, text)
    # The resource comes twice, which is legal: its two halves are merged.
    return field(_FIRST, envelope + field(_FIRST, field(_FIRST, attribute)))


def json_span(raw: str = "", **changes: Any) -> bytes:
    """Return an OTLP/JSON request with one span.

    Args:
        raw: Further members of the span as JSON text, for what no encoder would write.
        **changes: Members to add or replace; the value None leaves one out.
    """
    return _changed(
        _to_json(traces(span())), ("resourceSpans", "scopeSpans", "spans"), raw, changes
    )


def json_log(raw: str = "", **changes: Any) -> bytes:
    """Return an OTLP/JSON request with one log record; arguments as `json_span`."""
    return _changed(
        _to_json(logs(log_record())), ("resourceLogs", "scopeLogs", "logRecords"), raw, changes
    )


def _plain(signal: Signal) -> Message:
    if signal == "traces":
        return traces(span())
    return logs(log_record()) if signal == "logs" else metrics(metric())


def _enveloped(request: _R, kind: str, records: tuple[Message, ...]) -> _R:
    """Put *records* into a request, whose three levels are named alike for every signal."""
    (resources,) = request.DESCRIPTOR.fields_by_name
    resource = getattr(request, resources).add()
    resource.resource.attributes.add(key="service.name").value.string_value = SERVICE
    scope = getattr(resource, resources.replace("resource_", "scope_")).add()
    scope.scope.name = "conform"
    getattr(scope, kind).extend(records)
    return request


def _to_json(message: Message) -> bytes:
    from otbridge.wire.otlp_json import to_json

    return msgspec.json.encode(to_json(message))


def _changed(
    document: bytes, path: tuple[str, str, str], raw: str, changes: dict[str, Any]
) -> bytes:
    """Return *document* with its only record changed."""
    value = msgspec.json.decode(document)
    record = value
    for key in path:
        record = record[key][0]
    record.update(changes)
    for key in [key for key, item in changes.items() if item is None]:
        del record[key]
    if not raw:
        return msgspec.json.encode(value)
    record["conformHere"] = 0
    return msgspec.json.encode(value).replace(b'"conformHere":0', raw.encode())
