"""What receivers answer to an OTLP request, read without a protobuf library.

The same for both transports: Export*ServiceResponse, google.rpc.Status and its RetryInfo.
Whatever is passed on to people is cleaned first: short, printable, free of our own secrets.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from otbridge.errors import MalformedData
from otbridge.typing import Rejected, SendResult, Success
from otbridge.wire.protobuf import BYTES, VARINT, walk

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = [
    "MAX_REQUEST_BYTES",
    "MAX_RESPONSE_BYTES",
    "clean",
    "read_export_response",
    "read_retry_delay",
    "read_status_message",
    "secrets_in",
]

MAX_REQUEST_BYTES: Final = 64 << 20
"""Default ceiling of a request before compression (OTLP 1.11, "OTLP/HTTP Request")."""
MAX_RESPONSE_BYTES: Final = 4 << 20
"""Default ceiling of a response after decompression (OTLP 1.11, "OTLP/HTTP Response")."""

_MAX_MESSAGE: Final = 300
_RETRY_INFO: Final = b"google.rpc.RetryInfo"
_PLAIN_HEADERS: Final = frozenset({"content-type", "user-agent", "content-encoding", "accept"})
_MIN_SECRET: Final = 4


def read_export_response(body: bytes) -> SendResult:
    """Return what an Export*ServiceResponse says: 1 partial_success {1 rejected, 2 message}.

    A body that is no such message is no success: something else answered in the receiver's place.
    """
    rejected, message = 0, ""
    try:
        for part in walk(body):
            if part.number != 1 or part.wire_type != BYTES:
                continue
            for item in walk(body, part.start, part.end):
                if item.number == 1 and item.wire_type == VARINT:
                    rejected = item.varint(body)
                elif item.number == 2 and item.wire_type == BYTES:
                    message = body[item.start : item.end].decode("utf-8", "replace")
    except MalformedData:
        return Rejected("invalid_response", "The answer is not an OTLP response.")
    if rejected >= 1 << 63:
        return Rejected("invalid_response", "The answer counts fewer than no refused records.")
    return Success(rejected, message)


def read_status_message(status: bytes) -> str:
    """Return the message of a google.rpc.Status {1 code, 2 message, 3 details}, or nothing."""
    return _first(status, 2).decode("utf-8", "replace")


def read_retry_delay(status: bytes) -> float | None:
    """Return the seconds that a google.rpc.Status asks to wait by its RetryInfo; None without.

    details is a list of Any {1 type_url, 2 value}; RetryInfo {1 Duration {1 seconds, 2 nanos}}.
    """
    try:
        for part in walk(status):
            if part.number != 3 or part.wire_type != BYTES:
                continue
            detail = status[part.start : part.end]
            if _first(detail, 1).rpartition(b"/")[2] == _RETRY_INFO:
                return _duration(_first(_first(detail, 2), 1))
    except MalformedData:
        return None
    return None


def clean(message: str, secrets: Iterable[str] = ()) -> str:
    """Return *message* on one printable line of at most 300 characters, *secrets* as `***`."""
    for secret in secrets:
        message = message.replace(secret, "***")
    line = " ".join("".join(c if c.isprintable() else " " for c in message[:4096]).split())
    return line if len(line) <= _MAX_MESSAGE else line[: _MAX_MESSAGE - 1] + "…"


def secrets_in(headers: Iterable[tuple[str, str]]) -> tuple[str, ...]:
    """Return the header values, and their words, that no message may repeat; longest first."""
    found: set[str] = set()
    for name, value in headers:
        if name.lower() not in _PLAIN_HEADERS:
            found.update(word for word in (value, *value.split()) if len(word) >= _MIN_SECRET)
    return tuple(sorted(found, key=lambda word: (-len(word), word)))


def _first(message: bytes, number: int) -> bytes:
    """Return the first length-delimited field *number*; empty where there is none."""
    try:
        for part in walk(message):
            if part.number == number and part.wire_type == BYTES:
                return message[part.start : part.end]
    except MalformedData:
        pass  # not a status after all: then it says nothing
    return b""


def _duration(message: bytes) -> float:
    seconds = nanos = 0
    for part in walk(message):
        if part.wire_type == VARINT:
            number = part.varint(message)
            signed = number - (1 << 64) if number >= 1 << 63 else number
            if part.number == 1:
                seconds = signed
            elif part.number == 2:
                nanos = signed
    return max(0.0, seconds + nanos / 1e9)
