"""Moves a client's times onto the server's clock where the client's is wrong.

Clocks of browsers are off by seconds to years (they sleep, drift and are set by hand); a trace
drawn with such times has children before their parents. Bridge-protocol, rule 12.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from otbridge import semconv

if TYPE_CHECKING:
    from collections.abc import Iterable

    from otbridge.typing import Signal

__all__ = ["TOLERANCE_MS", "corrected", "offset_ns"]

TOLERANCE_MS: Final = 1000.0
"""Differences up to here are left alone: what is measured includes the way of the first frame."""

_LATEST_NS: Final = 2**64 - 1
_LARGEST_INT: Final = 2**63 - 1


def offset_ns(client_ms: float, server_ms: float) -> int:
    """Return what to add to the client's nanoseconds, 0 where its clock is right."""
    difference = server_ms - client_ms
    return round(difference * 1e6) if abs(difference) > TOLERANCE_MS else 0


def corrected(signal: Signal, request: bytes, offset: int) -> bytes:
    """Return the OTLP *request* with *offset* nanoseconds added to its times.

    Each record keeps its own time in the attribute `otbridge.time.original`. A time of 0, which
    stands for none, stays 0. Metrics are the server's own and are returned as they are.
    """
    if not offset or signal == "metrics":
        return request
    return _spans(request, offset) if signal == "traces" else _logs(request, offset)


def _spans(request: bytes, offset: int) -> bytes:
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

    message = ExportTraceServiceRequest.FromString(request)
    for resource in message.resource_spans:
        for scope in resource.scope_spans:
            for span in scope.spans:
                _keep_original(span, span.start_time_unix_nano)
                _move(span, ("start_time_unix_nano", "end_time_unix_nano"), offset)
                for event in span.events:
                    _move(event, ("time_unix_nano",), offset)
    return message.SerializeToString()


def _logs(request: bytes, offset: int) -> bytes:
    from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

    message = ExportLogsServiceRequest.FromString(request)
    for resource in message.resource_logs:
        for scope in resource.scope_logs:
            for record in scope.log_records:
                _keep_original(record, record.time_unix_nano or record.observed_time_unix_nano)
                _move(record, ("time_unix_nano", "observed_time_unix_nano"), offset)
    return message.SerializeToString()


def _keep_original(record: Any, time_ns: int) -> None:
    attribute = record.attributes.add(key=semconv.ORIGINAL_TIME)
    attribute.value.int_value = min(time_ns, _LARGEST_INT)


def _move(message: Any, fields: Iterable[str], offset: int) -> None:
    for name in fields:
        time_ns = getattr(message, name)
        if time_ns:
            setattr(message, name, min(max(time_ns + offset, 1), _LATEST_NS))
