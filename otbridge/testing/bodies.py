"""What the test receiver reads and writes: OTLP in protobuf and in JSON, and nothing that is neither.

Rules H2, H5, H6, J1, J2 and J8 of `otbridge conform server`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from otbridge.errors import MalformedData
from otbridge.hub.receivers.status import CODES, JSON, PROTOBUF, status_body
from otbridge.testing.answers import Answer

if TYPE_CHECKING:
    from otbridge.errors import OtbridgeError
    from otbridge.typing import Signal

__all__ = ["JSON", "PROTOBUF", "in_form", "read", "refusal_of", "request_type"]

_UNKNOWN: Final = 2
"""The google.rpc.Code of an HTTP status that has none of its own."""


def read(signal: Signal, body: bytes, content_type: str = PROTOBUF) -> bytes:
    """Return the Export…ServiceRequest in *body*, serialised.

    Args:
        signal: What it exports.
        body: Decompressed.
        content_type: `PROTOBUF` or `JSON`.

    Raises:
        MalformedData: It is none.
        LimitExceeded: It is JSON with more in it than the hub takes.
    """
    if content_type == JSON:
        from otbridge.wire import otlp_json

        parsers = {
            "logs": otlp_json.parse_logs,
            "traces": otlp_json.parse_traces,
            "metrics": otlp_json.parse_metrics,
        }
        return parsers[signal](body)
    from google.protobuf.message import DecodeError

    try:
        request_type(signal).FromString(body)
    except DecodeError as error:
        raise MalformedData("The body is no Export…ServiceRequest.", str(error)) from None
    return body


def in_form(answer: Answer, signal: Signal | None, content_type: str) -> tuple[str, bytes]:
    """Return the Content-Type and the body of *answer* for somebody who sent *content_type*."""
    if content_type != JSON:
        return PROTOBUF, answer.body
    import msgspec

    if answer.status != 200 or signal is None:
        code = CODES.get(answer.status, _UNKNOWN)
        return JSON, msgspec.json.encode({"code": code, "message": answer.message})
    from otbridge.wire.otlp_json import to_json

    return JSON, msgspec.json.encode(to_json(_response_type(signal).FromString(answer.body)))


def refusal_of(status: int, error: OtbridgeError, content_type: str) -> Answer:
    """Return the answer to what is no OTLP, for somebody who sent *content_type*."""
    refusal = Answer.refuse(status, message=str(error), Content_Type=content_type)
    return replace(refusal, body=status_body(content_type, status, error))


def request_type(signal: Signal) -> Any:
    """Return the class of the signal's Export…ServiceRequest."""
    return _messages(signal)[0]


def _response_type(signal: Signal) -> Any:
    return _messages(signal)[1]


def _messages(signal: Signal) -> tuple[Any, Any]:
    if signal == "logs":
        from opentelemetry.proto.collector.logs.v1 import logs_service_pb2 as logs

        return logs.ExportLogsServiceRequest, logs.ExportLogsServiceResponse
    if signal == "traces":
        from opentelemetry.proto.collector.trace.v1 import trace_service_pb2 as traces

        return traces.ExportTraceServiceRequest, traces.ExportTraceServiceResponse
    from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2 as metrics

    return metrics.ExportMetricsServiceRequest, metrics.ExportMetricsServiceResponse
