"""Ended spans as OTLP bytes, each on its own: finished, framed, ready to be joined.

Reads the public properties of the SDK's `ReadableSpan`, or of anything that has them; imports no
SDK. Field numbers: opentelemetry/proto/trace/v1/trace.proto (1.11).
"""

from __future__ import annotations

from struct import Struct
from struct import error as StructError  # noqa: N812 - it is a class
from typing import TYPE_CHECKING, Any, Final

from otbridge.wire.attributes import Names, append_attributes
from otbridge.wire.protobuf import field, varint
from otbridge.wire.values import text, utf8

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = [
    "FLAGS",
    "SPAN_NAMES",
    "encode_flags",
    "encode_ids",
    "encode_kind",
    "encode_name",
    "encode_span",
    "encode_status",
    "encode_times",
    "framed",
]

SPAN_NAMES: Final = Names(tag=b"\x4a")
"""The remembered names of attributes of spans."""
_EVENT_NAMES: Final = Names(tag=b"\x1a")
_LINK_NAMES: Final = Names(tag=b"\x22")

FLAGS: Final[dict[tuple[int, bool], bytes]] = {}
"""What `encode_flags` has made, by its arguments."""
_MAX_REMEMBERED: Final = 512
"""Eight bits of trace flags, and one of whose parent it is."""

_HAS_IS_REMOTE: Final = 0x100
_IS_REMOTE: Final = 0x200
_U64: Final = (1 << 64) - 1
_U128: Final = (1 << 128) - 1
_times: Final = Struct("<BQBQ").pack
_ids: Final = Struct(">2sQQ2sQ2sQ").pack
_root_ids: Final = Struct(">2sQQ2sQ").pack
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
    parts = [
        b""
        if context is None
        else encode_ids(context.trace_id, context.span_id, parent.span_id if parent else 0),
        encode_flags(
            context.trace_flags if context else 0, parent is not None and parent.is_remote
        ),
    ]
    state = _trace_state(context)
    if state:
        parts.append(field(b"\x1a", state))
    parts += (
        encode_name(span.name),
        encode_kind(span.kind),
        encode_times(span.start_time, span.end_time),
    )
    append_attributes(parts, span.attributes or {}, SPAN_NAMES)
    parts += (_count(b"\x50", span.dropped_attributes), _count(b"\x60", span.dropped_events))
    parts += [field(b"\x5a", _event(event)) for event in span.events or ()]
    parts += [field(b"\x6a", _link(link)) for link in span.links or ()]
    parts += (
        _count(b"\x70", span.dropped_links),
        encode_status(span.status),
    )
    return framed(parts)


def framed(parts: Iterable[bytes]) -> bytes:
    """Return the fields of one Span as a field of ScopeSpans."""
    return field(b"\x12", b"".join(parts))


def encode_ids(trace_id: int, span_id: int, parent_span_id: int) -> bytes:
    """Return the three ids as fields of a Span; the parent's is left out where it is 0."""
    high, low = trace_id >> 64 & _U64, trace_id & _U64
    if not parent_span_id:
        return _root_ids(b"\x0a\x10", high, low, b"\x12\x08", span_id & _U64)
    return _ids(
        b"\x0a\x10", high, low, b"\x12\x08", span_id & _U64, b"\x22\x08", parent_span_id & _U64
    )


def encode_flags(trace_flags: int, remote: bool) -> bytes:
    """Return the flags of a Span: the W3C trace flags, and whether its parent is remote."""
    known = FLAGS.get((trace_flags, remote))
    if known is None:
        flags = _HAS_IS_REMOTE | (int(trace_flags) & 0xFF) | (_IS_REMOTE if remote else 0)
        known = b"\x85\x01" + _fixed32(flags)
        if len(FLAGS) < _MAX_REMEMBERED:
            FLAGS[trace_flags, remote] = known
    return known


def encode_name(name: Any) -> bytes:
    """Return the name as a field of a Span."""
    return field(b"\x2a", utf8(text(name)))


def encode_kind(kind: Any) -> bytes:
    """Return the kind as a field of a Span; the API counts from 0, OTLP from 1."""
    return b"\x30" + varint(kind.value + 1)


def encode_status(status: Any) -> bytes:
    """Return code and description as a field of a Span; the API and OTLP number them alike."""
    if status is None:
        return b"\x7a\x00"
    code = status.status_code.value
    message = status.description
    encoded = field(b"\x12", utf8(text(message))) if message else b""
    return field(b"\x7a", encoded + (b"\x18" + varint(code) if code else b""))


def encode_times(start: Any, end: Any) -> bytes:
    """Return start and end as fields of a Span; what is no time counts as 0."""
    try:
        return _times(0x39, start, 0x41, end)
    except StructError:
        return b"\x39" + _time(start) + b"\x41" + _time(end)


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
        b"\x35" + _link_flags(context),
    )
    return b"".join(parts)


def _link_flags(context: Any) -> bytes:
    if context is None:
        return _fixed32(_HAS_IS_REMOTE)
    flags = _HAS_IS_REMOTE | (int(context.trace_flags) & 0xFF)
    return _fixed32(flags | _IS_REMOTE if context.is_remote else flags)


def _trace_state(context: Any) -> bytes:
    state = context.trace_state if context else None
    return utf8(",".join([f"{key}={value}" for key, value in state.items()])) if state else b""


def _count(tag: bytes, number: int) -> bytes:
    return tag + varint(number) if number else b""


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
