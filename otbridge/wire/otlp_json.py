"""OTLP/JSON to OTLP protobuf and back, by OTLP's own rules.

The protobuf library's JSON mapping is not OTLP's: it reads hex ids as base64, which corrupts them
silently, takes enum names and snake_case keys, and refuses unknown fields. This one is made from
the message descriptors, so it knows every field of every signal, and follows the rules of OTLP
1.11 §JSON Protobuf Encoding: ids are hex of either case, enums are integers, keys are
lowerCamelCase, unknown keys are ignored, 64-bit integers may be strings or numbers and are
written as strings; bytes are base64 and `NaN`, `Infinity`, `-Infinity` are strings, as in the
protobuf mapping.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from otbridge.errors import LimitExceeded, MalformedData
from otbridge.wire.otlp_json_fields import (
    Mismatch,
    Reader,
    message_to_json,
    read_message,
    reader_of,
)

if TYPE_CHECKING:
    from google.protobuf.message import Message

__all__ = ["MAX_TOKENS", "parse_logs", "parse_metrics", "parse_traces", "to_json"]

MAX_TOKENS: Final = 400_000
"""Braces, brackets and commas in one document: some 10,000 records of five attributes.

They are counted before parsing, because `[{},{},…` costs a Python parser twenty times its size.
"""


def parse_traces(document: bytes) -> bytes:
    """Return the ExportTraceServiceRequest that the OTLP/JSON *document* stands for.

    Raises:
        MalformedData: It is not JSON, or not OTLP; the message names the place, as in
            `resourceSpans[0].scopeSpans[0].spans[3].traceId`.
        LimitExceeded: It holds more than `MAX_TOKENS` braces, brackets and commas.
    """
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

    return _parse(document, reader_of(ExportTraceServiceRequest.DESCRIPTOR))


def parse_logs(document: bytes) -> bytes:
    """Return the ExportLogsServiceRequest of *document*; errors as `parse_traces`."""
    from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

    return _parse(document, reader_of(ExportLogsServiceRequest.DESCRIPTOR))


def parse_metrics(document: bytes) -> bytes:
    """Return the ExportMetricsServiceRequest of *document*; errors as `parse_traces`."""
    from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
        ExportMetricsServiceRequest,
    )

    return _parse(document, reader_of(ExportMetricsServiceRequest.DESCRIPTOR))


def to_json(message: Message) -> dict[str, Any]:
    """Return *message* as an OTLP/JSON object, fields at their defaults left out.

    Everything the message's type knows is in it. Fields that this version of OTLP does not know
    have no names, and so no place in JSON; they stay in the bytes.
    """
    return message_to_json(message)


def _parse(document: bytes, reader: Reader) -> bytes:
    tokens = document.count(b"{") + document.count(b"[") + document.count(b",")
    if tokens > MAX_TOKENS:
        raise LimitExceeded(
            f"The JSON document holds {tokens:,} braces, brackets and commas; "
            f"at most {MAX_TOKENS:,} are taken.",
            "They are counted before parsing, to bound memory.",
            "Send smaller batches, or protobuf.",
        )
    try:
        value = msgspec.json.decode(document)
    except (msgspec.MsgspecError, UnicodeError) as error:
        raise MalformedData("The body is not JSON.", f"The parser says: {error}.") from None
    except RecursionError:
        raise MalformedData("The JSON document is nested too deeply.") from None
    try:
        return read_message(reader, value, 0)
    except Mismatch as mismatch:
        raise MalformedData(
            f"The JSON document is not OTLP: {mismatch.place} should be {mismatch.expected}, "
            f"and is {mismatch.found}."
        ) from None
