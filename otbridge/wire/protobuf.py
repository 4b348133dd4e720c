"""The protobuf wire format: as much of it as OTLP needs, in plain Python.

A message is a run of fields; a field is a tag (number and wire type, a varint) and its value.
Two rules make the rest of otbridge possible: repeated fields concatenate, so finished records
are joined and split without being decoded, and unknown fields are skipped by their wire type,
so what a newer sender wrote survives a relay.
Rules: https://protobuf.dev/programming-guides/encoding
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from otbridge.errors import MalformedData

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = [
    "BYTES",
    "CONTINUED",
    "FIXED32",
    "FIXED64",
    "INT64_MAX",
    "INT64_MIN",
    "SMALL",
    "VARINT",
    "Field",
    "field",
    "varint",
    "walk",
]

VARINT: Final = 0
FIXED64: Final = 1
BYTES: Final = 2
FIXED32: Final = 5

INT64_MIN: Final = -(1 << 63)
INT64_MAX: Final = (1 << 63) - 1
"""What a number of type int64 can be."""

SMALL: Final = tuple(
    bytes((n,)) if n < 0x80 else bytes((n & 0x7F | 0x80, n >> 7)) for n in range(1 << 12)
)
"""Varints of the numbers below 4096, which most lengths and counts are."""

CONTINUED: Final = tuple(bytes((n | 0x80,)) for n in range(128))
"""Seven bits of a varint that goes on: larger numbers are put together from the two tables."""

_WIDTH: Final = {FIXED64: 8, FIXED32: 4}
_MAX_VARINT_BYTES: Final = 10


def varint(number: int) -> bytes:
    """Return *number* as a varint; negative ones as 64-bit two's complement, like int64."""
    if number < 0:
        number &= 0xFFFF_FFFF_FFFF_FFFF
    if number < 0x1000:
        return SMALL[number]
    if number < 0x8_0000:
        return CONTINUED[number & 0x7F] + SMALL[number >> 7]
    parts = []
    while number >= 0x1000:
        parts.append(CONTINUED[number & 0x7F])
        number >>= 7
    parts.append(SMALL[number])
    return b"".join(parts)


def field(tag: bytes, payload: bytes) -> bytes:
    """Return *payload* as a length-delimited field: *tag*, length, bytes."""
    return tag + varint(len(payload)) + payload


class Field(NamedTuple):
    """One field of a message, as offsets into the bytes that were walked."""

    number: int
    wire_type: int
    tag: int
    """Offset of the first byte of the field."""
    start: int
    """Offset of its value (after the length, where it has one)."""
    end: int
    """Offset just behind its value."""

    def varint(self, data: bytes) -> int:
        """Return the value of a varint field as an unsigned 64-bit number."""
        return _read_varint(data, self.start, self.end)[0]


def walk(data: bytes, start: int = 0, end: int | None = None) -> Iterator[Field]:
    """Yield the fields of the message in *data* between *start* and *end*, in their order.

    Raises:
        MalformedData: the bytes are not a protobuf message (groups, gone since proto2, included).
    """
    position = start
    stop = len(data) if end is None else end
    while position < stop:
        tag, value = _read_varint(data, position, stop)
        number, wire_type = tag >> 3, tag & 7
        if wire_type == BYTES:
            length, value = _read_varint(data, value, stop)
            behind = value + length
        elif wire_type == VARINT:
            _, behind = _read_varint(data, value, stop)
        elif wire_type in _WIDTH:
            behind = value + _WIDTH[wire_type]
        else:
            raise _malformed(position, f"wire type {wire_type} is not in use")
        if behind > stop:
            raise _malformed(position, "the field is longer than its message")
        if number == 0:
            raise _malformed(position, "field number 0 is not allowed")
        yield Field(number, wire_type, position, value, behind)
        position = behind


def _read_varint(data: bytes, position: int, stop: int) -> tuple[int, int]:
    """Return the varint at *position* and the offset behind it."""
    number = shift = 0
    for offset in range(position, min(stop, position + _MAX_VARINT_BYTES)):
        byte = data[offset]
        number |= (byte & 0x7F) << shift
        if byte < 0x80:
            return number & 0xFFFF_FFFF_FFFF_FFFF, offset + 1
        shift += 7
    raise _malformed(position, "a number does not end where it should")


def _malformed(position: int, why: str) -> MalformedData:
    return MalformedData(f"Not a protobuf message at byte {position}:", f"{why}.")
