"""Log records as OTLP bytes, each on its own: finished, framed, ready to be joined.

Field numbers: opentelemetry/proto/logs/v1/logs.proto (1.11).
"""

from __future__ import annotations

from struct import Struct
from struct import error as StructError  # noqa: N812 - it is a class
from typing import TYPE_CHECKING, Any, Final

from otbridge.wire.attributes import Names, append_attributes
from otbridge.wire.protobuf import SMALL, field, varint
from otbridge.wire.values import any_value, text, utf8

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = [
    "LOG_NAMES",
    "encode_attributes",
    "encode_body",
    "encode_context",
    "encode_log_record",
    "encode_severity",
    "framed",
    "times",
]

_MAX_REMEMBERED: Final = 1024
_MAX_BODY: Final = 256
"""Longest body, in characters, that is remembered: event names are short and come again."""

_SMALL: Final = len(SMALL)
_U64: Final = (1 << 64) - 1
_times: Final = Struct("<BQBQ").pack

LOG_NAMES: Final = Names(tag=b"\x32")
"""The remembered names of attributes of log records."""
_BODIES: Final[dict[str, bytes]] = {}
_SEVERITIES: Final[dict[tuple[int, str], bytes]] = {}


def encode_context(trace_id: int, span_id: int, trace_flags: int) -> bytes:
    """Return flags, trace id and span id as fields of a LogRecord.

    The same for every record of a span, so callers keep it per span. Ids of 0 mean none and are
    left out, as the protocol asks.
    """
    parts = [b"\x45", (trace_flags & 0xFFFF_FFFF).to_bytes(4, "little")]
    if trace_id:
        parts += (b"\x4a\x10", (trace_id & (1 << 128) - 1).to_bytes(16, "big"))
    if span_id:
        parts += (b"\x52\x08", (span_id & _U64).to_bytes(8, "big"))
    return b"".join(parts)


def encode_log_record(  # noqa: PLR0917 - called once per log line: keywords would cost time
    time_unix_nano: int,
    observed_time_unix_nano: int,
    severity_number: int,
    severity_text: str,
    body: Any,
    attributes: Mapping[str, Any],
    context: bytes = b"",
    event_name: str = "",
    dropped_attributes_count: int = 0,
) -> bytes:
    """Return one log record as a framed field of ScopeLogs. Never raises.

    Args:
        time_unix_nano: When it happened; 0 for unknown.
        observed_time_unix_nano: When we saw it.
        severity_number: 1 to 24 of the OpenTelemetry logs data model; 0 for none.
        severity_text: The level's name where it came from.
        body: Any value; None for none.
        attributes: Names to values of any type (see `otbridge.wire.values`).
        context: What `encode_context` made of the current span; empty without one.
        event_name: Makes the record an event; empty for a plain log record.
        dropped_attributes_count: Attributes that were taken away before.

    Returns:
        Bytes that may be concatenated with others inside one ScopeLogs.
    """
    encoded_body = _BODIES.get(body) if type(body) is str else None
    parts = [
        times(time_unix_nano, observed_time_unix_nano),
        encode_severity(severity_number, severity_text),
        encoded_body or encode_body(body),
    ]
    append_attributes(parts, attributes, LOG_NAMES)
    if event_name:
        parts.append(field(b"\x62", utf8(text(event_name))))
    if dropped_attributes_count:
        parts.append(b"\x38" + varint(dropped_attributes_count & 0xFFFF_FFFF))
    parts.append(context)
    return framed(parts)


def framed(parts: Iterable[bytes]) -> bytes:
    """Return the fields of one LogRecord as a field of ScopeLogs."""
    record = b"".join(parts)
    size = len(record)
    return b"\x12" + (SMALL[size] if size < _SMALL else varint(size)) + record


def times(time_unix_nano: Any, observed_time_unix_nano: Any) -> bytes:
    """Return both times as fields of a LogRecord; what is no time counts as 0."""
    try:
        return _times(9, time_unix_nano, 0x59, observed_time_unix_nano)
    except StructError:
        return _times(9, _u64(time_unix_nano), 0x59, _u64(observed_time_unix_nano))


def encode_attributes(attributes: Mapping[str, Any]) -> bytes:
    """Return *attributes* as fields of a LogRecord, for those that many records share."""
    parts: list[bytes] = []
    append_attributes(parts, attributes, LOG_NAMES)
    return b"".join(parts)


def encode_body(body: Any) -> bytes:
    """Return *body* as a field of a LogRecord; short texts are remembered."""
    encoded = field(b"\x2a", any_value(body))
    if type(body) is str and len(body) <= _MAX_BODY:
        if len(_BODIES) >= _MAX_REMEMBERED:
            _BODIES.clear()
        _BODIES[body] = encoded
    return encoded


def encode_severity(number: Any, name: Any) -> bytes:
    """Return number and text of a severity as fields of a LogRecord."""
    try:
        known = _SEVERITIES.get((number, name))
    except TypeError:  # not hashable
        return _severity(number, name)
    if known is None:
        if len(_SEVERITIES) >= _MAX_REMEMBERED:
            _SEVERITIES.clear()
        known = _SEVERITIES[number, name] = _severity(number, name)
    return known


def _severity(number: Any, name: Any) -> bytes:
    # An enum travels as int32; what does not fit into one was never a severity.
    known = number if isinstance(number, int) and 0 <= number < 1 << 31 else 0
    return b"\x10" + varint(known) + field(b"\x1a", utf8(text(name)))


def _u64(value: Any) -> int:
    try:
        return min(max(int(value), 0), _U64)
    except (TypeError, ValueError, OverflowError):
        return 0
