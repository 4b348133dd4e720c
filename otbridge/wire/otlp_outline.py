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

__all__ = ["read_event", "read_log", "read_span"]


class SpanOutline(Protocol):
    """A Span, read no deeper than its fields."""

    start_time: int
    end_time: int
    attributes: Sequence[bytes]
    """KeyValue messages."""
    events: Sequence[bytes]
    """Span.Event messages."""
    status: bytes
    """The Status message; empty where there is none."""


class LogOutline(Protocol):
    """A LogRecord, read no deeper than its fields."""

    time: int
    observed_time: int
    attributes: Sequence[bytes]


class EventOutline(Protocol):
    """A Span.Event, read no deeper than its fields."""

    name: str
    attributes: Sequence[bytes]


_TIME: Final = FieldDescriptorProto.TYPE_FIXED64
_BYTES: Final = FieldDescriptorProto.TYPE_BYTES
_TEXT: Final = FieldDescriptorProto.TYPE_STRING

_ONE: Final = FieldDescriptorProto.LABEL_OPTIONAL
_MANY: Final = FieldDescriptorProto.LABEL_REPEATED

# Numbers of the fields in opentelemetry-proto 1.x: trace.proto and logs.proto.
_FIELDS: Final = {
    "Span": (
        ("start_time", 7, _TIME, _ONE),
        ("end_time", 8, _TIME, _ONE),
        ("attributes", 9, _BYTES, _MANY),
        ("events", 11, _BYTES, _MANY),
        ("status", 15, _BYTES, _ONE),
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
        name="otbridge/outline.proto", package="otbridge.outline", syntax="proto3"
    )
    for name, fields in _FIELDS.items():
        message = described.message_type.add(name=name)
        for field, number, kind, label in fields:
            message.field.add(name=field, number=number, type=kind, label=label)
    pool = DescriptorPool()  # of its own: the names are nobody else's business
    pool.Add(described)
    return {
        name: GetMessageClass(pool.FindMessageTypeByName(f"otbridge.outline.{name}")).FromString
        for name in _FIELDS
    }


_BY_NAME: Final = _readers()

# Bound to the library's own functions: a wrapper would cost a tenth of what they take.
read_span: Final = cast("Callable[[bytes], SpanOutline]", _BY_NAME["Span"])
read_log: Final = cast("Callable[[bytes], LogOutline]", _BY_NAME["LogRecord"])
read_event: Final = cast("Callable[[bytes], EventOutline]", _BY_NAME["Event"])
