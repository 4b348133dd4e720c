"""Errors in OTLP's own shape: a `google.rpc.Status`, in the format that the sender speaks.

Rules H2, H5 and H6 of the checklist (OTLP 1.11 §Failures): every 4xx and 5xx body is a Status;
for bad data its details hold a BadRequest.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from otbridge.wire.protobuf import BYTES, field, varint

if TYPE_CHECKING:
    from otbridge.errors import OtbridgeError

__all__ = ["CODES", "JSON", "PROTOBUF", "bad_request_details", "retry_details", "status_body"]

PROTOBUF: Final = "application/x-protobuf"
JSON: Final = "application/json"

CODES: Final = {
    400: 3,  # INVALID_ARGUMENT
    401: 16,  # UNAUTHENTICATED
    403: 7,  # PERMISSION_DENIED
    404: 5,  # NOT_FOUND
    405: 12,  # UNIMPLEMENTED
    408: 4,  # DEADLINE_EXCEEDED
    413: 8,  # RESOURCE_EXHAUSTED
    415: 3,
    421: 7,
    429: 8,
    431: 8,
    503: 14,  # UNAVAILABLE
}
"""HTTP status to google.rpc.Code, as the gRPC documentation maps them."""

_BAD_REQUEST: Final = "type.googleapis.com/google.rpc.BadRequest"
_RETRY_INFO: Final = "type.googleapis.com/google.rpc.RetryInfo"


def status_body(content_type: str, http_status: int, error: OtbridgeError) -> bytes:
    """Return the body of an error answer.

    Args:
        content_type: `PROTOBUF` or `JSON`, as the sender's.
        http_status: One of `CODES`.
        error: What went wrong.
    """
    code = CODES[http_status]
    bad_data = http_status == 400
    if content_type == JSON:
        document: dict[str, object] = {"code": code, "message": str(error)}
        if bad_data:
            violation = {"field": "", "description": error.why or error.what}
            document["details"] = [{"@type": _BAD_REQUEST, "fieldViolations": [violation]}]
        return msgspec.json.encode(document)
    return _status(code, str(error), _bad_request(error) if bad_data else b"")


def bad_request_details(error: OtbridgeError) -> bytes:
    """Return gRPC's `grpc-status-details-bin`: INVALID_ARGUMENT, and what is wrong."""
    return _status(CODES[400], str(error), _bad_request(error))


def retry_details(message: str, retry_s: int) -> bytes:
    """Return gRPC's `grpc-status-details-bin`: UNAVAILABLE, to be tried again in *retry_s*."""
    duration = b"\x08" + varint(retry_s)
    return _status(CODES[503], message, _any(_RETRY_INFO, _string(1, duration)))


# Four small messages, which their generated classes would cost a module each to load:
# Status {1: code, 2: message, 3: details}, Any {1: type_url, 2: value},
# BadRequest {1: FieldViolation {2: description}}, RetryInfo {1: Duration {1: seconds}}.


def _status(code: int, message: str, details: bytes) -> bytes:
    head = b"\x08" + varint(code) + _string(2, message)
    return head + _string(3, details) if details else head


def _bad_request(error: OtbridgeError) -> bytes:
    return _any(_BAD_REQUEST, _string(1, _string(2, error.why or error.what)))


def _any(type_url: str, value: bytes) -> bytes:
    return _string(1, type_url) + _string(2, value)


def _string(number: int, value: str | bytes) -> bytes:
    data = value.encode() if isinstance(value, str) else value
    return field(varint(number << 3 | BYTES), data)
