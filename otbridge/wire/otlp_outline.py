"""Reads only the outline of a record: its times, and its attributes and events as bytes.

Decoding every attribute of every record costs more than anything else that a store does with it,
and most attributes are the same bytes in thousands of records. An outline leaves them as bytes, so
that what is known of them can be looked up. It is made by the protobuf library from a description
of the message in which nested messages are declared as bytes, which is the same on the wire.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol, cast

from google.protobuf.descriptor_pb2 import FieldDescriptorProto, FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["ABSENT", "SpanOutline", "read_details", "read_event", "read_log", "read_span"]


class SpanOutline(Protocol):
    """A Span, read no deeper than its fields."""

    trace_id: bytes
    span_id: bytes
    parent_span_id: bytes
    name: str
    kind: int
    start_time: int
    end_time: int
    attributes: Sequence[bytes]
    """KeyValue messages."""
    last_event: bytes
    """Of its Span.Event messages, the last, or `ABSENT`; all of them are in its details. That there
    are none, as in most spans, is seen so in a third of the time that a list takes."""
    last_link: bytes
    """Of its Span.Link messages likewise."""
    last_status: bytes
    """Of the parts of its Status message likewise."""


class SpanDetails(Protocol):
    """What most spans do not have."""

    events: Sequence[bytes]
    """Span.Event messages."""
    links: Sequence[bytes]
    """Span.Link messages."""
    status: Sequence[bytes]
    """The parts of the Status message, which merge by concatenation."""


class LogOutline(Protocol):
    """A LogRecord, read no deeper than its fields."""

    time: int
    observed_time: int
    attributes: Sequence[bytes]


class EventOutline(Protocol):
    """A Span.Event, read no deeper than its fields."""

    name: str
    attributes: Sequence[bytes]


ABSENT: Final = b"\x07"
"""What stands for a nested message that is not there: no message consists of these bytes."""

_TIME: Final = FieldDescriptorProto.TYPE_FIXED64
_BYTES: Final = FieldDescriptorProto.TYPE_BYTES
_TEXT: Final = FieldDescriptorProto.TYPE_STRING
_NUMBER: Final = FieldDescriptorProto.TYPE_INT32

_ONE: Final = FieldDescriptorProto.LABEL_OPTIONAL
_MANY: Final = FieldDescriptorProto.LABEL_REPEATED

# Numbers of the fields in opentelemetry-proto 1.x: trace.proto and logs.proto.
_FIELDS: Final = {
    "Span": (
        ("trace_id", 1, _BYTES, _ONE),
        ("span_id", 2, _BYTES, _ONE),
        ("parent_span_id", 4, _BYTES, _ONE),
        ("name", 5, _TEXT, _ONE),
        ("kind", 6, _NUMBER, _ONE),
        ("start_time", 7, _TIME, _ONE),
        ("end_time", 8, _TIME, _ONE),
        ("attributes", 9, _BYTES, _MANY),
        ("last_event", 11, _BYTES, _ONE),
        ("last_link", 13, _BYTES, _ONE),
        ("last_status", 15, _BYTES, _ONE),
    ),
    "SpanDetails": (
        ("events", 11, _BYTES, _MANY),
        ("links", 13, _BYTES, _MANY),
        ("status", 15, _BYTES, _MANY),
    ),
    "LogRecord": (
        ("time", 1, _TIME, _ONE),
        ("attributes", 6, _BYTES, _MANY),
        ("observed_time", 11, _TIME, _ONE),
    ),
    "Event": (("name", 2, _TEXT, _ONE), ("attributes", 3, _BYTES, _MANY)),
}


def _readers() -> dict[str, Callable[[bytes], object]]:
    described = FileDescriptorProto(
        name="otbridge/outline.proto", package="otbridge.outline", syntax="proto2"
    )
    for name, fields in _FIELDS.items():
        message = described.message_type.add(name=name)
        for field, number, kind, label in fields:
            described_field = message.field.add(name=field, number=number, type=kind, label=label)
            if field.startswith("last_"):
                described_field.default_value = "\\007"  # ABSENT, as a .proto file has it
    pool = DescriptorPool()  # of its own: the names are nobody else's business
    pool.Add(described)
    return {
        name: GetMessageClass(pool.FindMessageTypeByName(f"otbridge.outline.{name}")).FromString
        for name in _FIELDS
    }


_BY_NAME: Final = _readers()

# Bound to the library's own functions: a wrapper would cost a tenth of what they take.
read_span: Final = cast("Callable[[bytes], SpanOutline]", _BY_NAME["Span"])
read_details: Final = cast("Callable[[bytes], SpanDetails]", _BY_NAME["SpanDetails"])
read_log: Final = cast("Callable[[bytes], LogOutline]", _BY_NAME["LogRecord"])
read_event: Final = cast("Callable[[bytes], EventOutline]", _BY_NAME["Event"])
