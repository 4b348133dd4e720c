"""What a receiver answers to a request it took, wholly or in part (rules S6 to S8)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from otbridge.wire.otlp_references import refers_to_strings

if TYPE_CHECKING:
    from otbridge.hub.ingest import Taken
    from otbridge.typing import Signal

__all__ = ["response_json", "response_protobuf", "warning_of", "with_warning"]

_REJECTED: Final[dict[Signal, str]] = {
    "traces": "rejectedSpans",
    "logs": "rejectedLogRecords",
    "metrics": "rejectedDataPoints",
}


_REFERENCES: Final = (
    "Some values refer to the string table of a profile and were taken as empty: only profiles "
    "have one. Send the texts themselves."
)


def warning_of(signal: Signal, request: bytes) -> str:
    """Return what the sender's developer should know of a request that is sound, or nothing."""
    return _REFERENCES if refers_to_strings(signal, request) else ""


def with_warning(taken: Taken, warning: str) -> Taken:
    """Return *taken* with *warning* beside what it says already."""
    if not warning:
        return taken
    return taken._replace(message=f"{taken.message}; {warning}" if taken.message else warning)


def response_protobuf(taken: Taken) -> bytes:
    """Return the Export…ServiceResponse; the three signals' have the same fields.

    With everything taken it is the empty message.
    """
    if not taken.rejected and not taken.message:
        return b""
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
        ExportTracePartialSuccess,
        ExportTraceServiceResponse,
    )

    return ExportTraceServiceResponse(
        partial_success=ExportTracePartialSuccess(
            rejected_spans=taken.rejected, error_message=taken.message
        )
    ).SerializeToString()


def response_json(signal: Signal, taken: Taken) -> bytes:
    """Return the same as OTLP/JSON."""
    if not taken.rejected and not taken.message:
        return b"{}"
    import msgspec

    partial = {_REJECTED[signal]: str(taken.rejected), "errorMessage": taken.message}
    return msgspec.json.encode({"partialSuccess": partial})
