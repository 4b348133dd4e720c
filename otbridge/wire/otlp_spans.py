"""Ended spans as OTLP bytes, each on its own: finished, framed, ready to be joined.

Reads the public properties of the SDK's `ReadableSpan`, or of anything that has them; imports no
SDK. Field numbers: opentelemetry/proto/trace/v1/trace.proto (1.11).
"""

from __future__ import annotations

from struct import Struct
from struct import error as StructError  # noqa: N812 - it is a class
from typing import Any, Final

from otbridge.wire.attributes import Names, append_attributes
from otbridge.wire.protobuf import field, varint
from otbridge.wire.values import text, utf8

__all__ = ["encode_span"]

_SPAN_NAMES: Final = Names(tag=b"\x4a")
_EVENT_NAMES: Final = Names(tag=b"\x1a")
_LINK_NAMES: Final = Names(tag=b"\x22")

_HAS_IS_REMOTE: Final = 0x100
_IS_REMOTE: Final = 0x200
_U64: Final = (1 << 64) - 1
_U128: Final = (1 << 128) - 1
_times: Final = Struct("<BQBQ").pack
_fixed32: Final = Struct("<I").pack
_fixed64: Final = Struct("<Q").pack


def encode_span(span: Any) -> bytes:
    """Return *span* as a framed field of ScopeSpans.

    Beyond the official encoder's message it carries the W3C trace flags in the low byte of
    `flags`, and the trace state of links, both of which the protocol has a place for.

    Args:
        span: Has `get_span_context()`, `parent`, `name`, `kind`, `start_time`, `end_time`
            (nanoseconds; None counts as 0), `attributes`, `events`, `links`, `status`,
            `dropped_attributes`, `dropped_events` and `dropped_links`. Attribute values may be
            of any type and never make it raise.
    """
    context = span.get_span_context()
    parent = span.parent
    parts = [_identity(context), b"\x22\x08" + _id64(parent.span_id) if parent else b""]
    state = _trace_state(context)
    if state:
        parts.append(field(b"\x1a", state))
    parts += (
        field(b"\x2a", utf8(text(span.name))),
        b"\x30" + varint(span.kind.value + 1),  # the API counts from 0, OTLP from 1
        _times_of(span.start_time, span.end_time),
    )
    append_attributes(parts, span.attributes or {}, _SPAN_NAMES)
    parts += (_count(b"\x50", span.dropped_attributes), _count(b"\x60", span.dropped_events))
    parts += [field(b"\x5a", _event(event)) for event in span.events or ()]
    parts += [field(b"\x6a", _link(link)) for link in span.links or ()]
    parts += (
        _count(b"\x70", span.dropped_links),
        field(b"\x7a", _status(span.status)),
        b"\x85\x01" + _fixed32(_flags(context, parent)),
    )
    return field(b"\x12", b"".join(parts))


def _identity(context: Any) -> bytes:
    if context is None:
        return b""
    return b"\x0a\x10" + _id128(context.trace_id) + b"\x12\x08" + _id64(context.span_id)


def _event(event: Any) -> bytes:
    parts = [b"\x09" + _time(event.timestamp), field(b"\x12", utf8(text(event.name)))]
    append_attributes(parts, event.attributes or {}, _EVENT_NAMES)
    parts.append(_count(b"\x20", event.dropped_attributes))
    return b"".join(parts)


def _link(link: Any) -> bytes:
    context = link.context
    parts = [_identity(context)]
    state = _trace_state(context)
    if state:
        parts.append(field(b"\x1a", state))
    append_attributes(parts, link.attributes or {}, _LINK_NAMES)
    parts += (
        _count(b"\x28", link.dropped_attributes),
        b"\x35" + _fixed32(_flags(context, context)),
    )
    return b"".join(parts)


def _status(status: Any) -> bytes:
    if status is None:
        return b""
    code = status.status_code.value  # unset, ok, error: numbered alike in API and OTLP
    message = status.description
    encoded = field(b"\x12", utf8(text(message))) if message else b""
    return encoded + (b"\x18" + varint(code) if code else b"")


def _flags(own: Any, origin: Any) -> int:
    """Return the trace flags of *own*, and whether *origin* came from another process."""
    flags = _HAS_IS_REMOTE | (int(own.trace_flags) & 0xFF if own else 0)
    return flags | _IS_REMOTE if origin is not None and origin.is_remote else flags


def _trace_state(context: Any) -> bytes:
    state = context.trace_state if context else None
    return utf8(",".join([f"{key}={value}" for key, value in state.items()])) if state else b""


def _count(tag: bytes, number: int) -> bytes:
    return tag + varint(number) if number else b""


def _times_of(start: Any, end: Any) -> bytes:
    try:
        return _times(0x39, start, 0x41, end)
    except StructError:
        return b"\x39" + _time(start) + b"\x41" + _time(end)


def _time(nanoseconds: Any) -> bytes:
    try:
        return _fixed64(nanoseconds)
    except StructError:
        known = nanoseconds if isinstance(nanoseconds, int) else 0
        return _fixed64(min(max(known, 0), _U64))


def _id64(number: int) -> bytes:
    return (number & _U64).to_bytes(8, "big")


def _id128(number: int) -> bytes:
    return (number & _U128).to_bytes(16, "big")
