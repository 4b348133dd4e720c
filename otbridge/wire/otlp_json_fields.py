"""How each kind of protobuf field looks in OTLP/JSON, in both directions.

A `Reader` is the compiled form of one message descriptor: JSON key to a function that turns the
value into the field's bytes, tag included. Nothing is built in between, and a value that does not
fit raises `Mismatch`, which collects the path to it on its way out.
"""

from __future__ import annotations

import base64
import binascii
import math
import struct
from typing import TYPE_CHECKING, Any, Final

from google.protobuf.descriptor import FieldDescriptor

from otbridge.wire.protobuf import BYTES, FIXED32, FIXED64, VARINT, varint

if TYPE_CHECKING:
    from collections.abc import Callable

    from google.protobuf.descriptor import Descriptor
    from google.protobuf.message import Message

__all__ = ["Mismatch", "Reader", "message_to_json", "read_message", "reader_of"]

MAX_DEPTH: Final = 30
"""Values within values. A nested map is three messages deep, and protobuf parsers stop at 100."""

_ID_FIELDS: Final = frozenset({"trace_id", "span_id", "parent_span_id"})
"""The bytes fields that are hex in JSON; all others are base64."""

Reader = dict[str, "Callable[[Any, int], bytes]"]
"""JSON key to the function that turns a value, found at some depth, into a field with its tag."""


class Mismatch(Exception):  # noqa: N818 - a fact about the data, turned into MalformedData
    """A JSON value is not what its field needs."""

    def __init__(self, expected: str, found: Any) -> None:
        super().__init__(expected)
        self.expected = expected
        self._found = found
        self._path: list[str] = []

    @property
    def found(self) -> str:
        """The offending value, cut to what a person reads."""
        if isinstance(self._found, dict | list):
            return "an object" if isinstance(self._found, dict) else "an array"
        text = "null" if self._found is None else repr(self._found)
        return text if len(text) <= 60 else f"{text[:60]}…"

    @property
    def place(self) -> str:
        """Where it is, as in `resourceSpans[0].resource`."""
        return "".join(reversed(self._path)).lstrip(".") or "the document"

    def within(self, step: str) -> None:
        """Add the next outer *step* to the path."""
        self._path.append(step)


# --------------------------------------------------------------------------- reading

_readers: dict[str, Reader] = {}


def reader_of(descriptor: Descriptor) -> Reader:
    """Return the reader of a message type; made once."""
    reader = _readers.get(descriptor.full_name)
    if reader is None:
        reader = _readers[descriptor.full_name] = {}  # registered first: AnyValue holds AnyValues
        for field in descriptor.fields:
            reader[field.json_name] = _field_reader(field)
    return reader


def read_message(reader: Reader, value: Any, depth: int) -> bytes:
    """Return the message that the JSON object *value* stands for.

    Raises:
        Mismatch: *value*, or something within it, does not fit.
    """
    if type(value) is not dict:
        raise Mismatch("an object", value)
    parts = []
    key = ""
    try:
        for key, item in value.items():
            if key in reader and item is not None:  # null means absent in protobuf's JSON
                parts.append(reader[key](item, depth))
    except Mismatch as mismatch:
        mismatch.within(f".{key}")
        raise
    return b"".join(parts)


def _field_reader(field: FieldDescriptor) -> Callable[[Any, int], bytes]:
    if field.message_type is not None:
        one = _message_field(_tag(field, BYTES), field.message_type)
        return _repeated(one) if field.is_repeated else one
    if field.type == FieldDescriptor.TYPE_STRING:
        one = _string_field(_tag(field, BYTES))
        return _repeated(one) if field.is_repeated else one
    wire_type, read = _scalar(field)
    if field.is_repeated and wire_type != BYTES:
        return _packed(_tag(field, BYTES), read)
    one = _scalar_field(_tag(field, wire_type), read)
    return _repeated(one) if field.is_repeated else one


def _message_field(tag: bytes, descriptor: Descriptor) -> Callable[[Any, int], bytes]:
    reader = reader_of(descriptor)
    deeper = 1 if descriptor.name == "AnyValue" else 0

    def read(value: Any, depth: int) -> bytes:
        depth += deeper
        if depth > MAX_DEPTH:
            raise Mismatch(f"nested at most {MAX_DEPTH} deep", value)
        body = read_message(reader, value, depth)
        return tag + varint(len(body)) + body

    return read


def _string_field(tag: bytes) -> Callable[[Any, int], bytes]:
    """Return the reader of text, which most of OTLP is, in one function."""

    def read(value: Any, _depth: int) -> bytes:
        if type(value) is not str:
            raise Mismatch("a string", value)
        data = value.encode()
        return tag + varint(len(data)) + data

    return read


def _scalar_field(tag: bytes, read: Callable[[Any], bytes]) -> Callable[[Any, int], bytes]:
    def read_field(value: Any, _depth: int) -> bytes:
        return tag + read(value)

    return read_field


def _repeated(one: Callable[[Any, int], bytes]) -> Callable[[Any, int], bytes]:
    def read(value: Any, depth: int) -> bytes:
        return b"".join(_each(value, lambda item: one(item, depth)))

    return read


def _packed(tag: bytes, one: Callable[[Any], bytes]) -> Callable[[Any, int], bytes]:
    def read(value: Any, _depth: int) -> bytes:
        body = b"".join(_each(value, one))
        return tag + varint(len(body)) + body if body else b""

    return read


def _each(value: Any, read: Callable[[Any], bytes]) -> list[bytes]:
    if type(value) is not list:
        raise Mismatch("an array", value)
    parts: list[bytes] = []
    try:
        for item in value:
            parts.append(read(item))  # noqa: PERF401 - its length is the index in the error
    except Mismatch as mismatch:
        mismatch.within(f"[{len(parts)}]")
        raise
    return parts


def _scalar(field: FieldDescriptor) -> tuple[int, Callable[[Any], bytes]]:
    """Return the wire type of a scalar field other than text, and what reads one value of it."""
    kinds = FieldDescriptor
    match field.type:
        case kinds.TYPE_BYTES:
            return BYTES, _read_id if field.name in _ID_FIELDS else _read_base64
        case kinds.TYPE_BOOL:
            return VARINT, _read_bool
        case kinds.TYPE_DOUBLE:
            return FIXED64, _read_double
        case kinds.TYPE_ENUM:
            return VARINT, _read_enum
        case kinds.TYPE_INT32:
            return VARINT, _integer(-(2**31), 2**31, varint)
        case kinds.TYPE_INT64:
            return VARINT, _integer(-(2**63), 2**63, varint)
        case kinds.TYPE_UINT32:
            return VARINT, _integer(0, 2**32, varint)
        case kinds.TYPE_UINT64:
            return VARINT, _integer(0, 2**64, varint)
        case kinds.TYPE_SINT32:
            return VARINT, _integer(-(2**31), 2**31, _zigzag)
        case kinds.TYPE_FIXED32:
            return FIXED32, _integer(0, 2**32, struct.Struct("<I").pack)
        case kinds.TYPE_FIXED64:
            return FIXED64, _integer(0, 2**64, struct.Struct("<Q").pack)
        case kinds.TYPE_SFIXED64:
            return FIXED64, _integer(-(2**63), 2**63, struct.Struct("<q").pack)
        case _:
            raise TypeError(f"OTLP has gained a kind of field: {field.full_name}")


def _read_id(value: Any) -> bytes:
    if type(value) is not str:
        raise Mismatch("a string of hex digits", value)
    try:
        data = binascii.unhexlify(value)
    except ValueError:
        raise Mismatch("a string of hex digits", value) from None
    return varint(len(data)) + data


def _read_base64(value: Any) -> bytes:
    if type(value) is not str:
        raise Mismatch("a string of base64", value)
    text = value.replace("-", "+").replace("_", "/").rstrip("=")
    try:
        data = base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except ValueError:
        raise Mismatch("a string of base64", value) from None
    return varint(len(data)) + data


def _read_bool(value: Any) -> bytes:
    if type(value) is not bool:
        raise Mismatch("true or false", value)
    return b"\x01" if value else b"\x00"


def _read_double(value: Any) -> bytes:
    kind = type(value)
    if kind is str:
        number = _DOUBLES.get(value)
        if number is None:
            raise Mismatch('a number, "NaN", "Infinity" or "-Infinity"', value)
    elif kind is float or kind is int:
        try:
            number = float(value)
        except OverflowError:
            raise Mismatch("a number that fits in 64 bits", value) from None
    else:
        raise Mismatch("a number", value)
    return _pack_double(number)


_DOUBLES: Final = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}
_pack_double: Final = struct.Struct("<d").pack


def _read_enum(value: Any) -> bytes:
    if type(value) is not int or not -(2**31) <= value < 2**31:
        raise Mismatch("the number of an enum, not its name", value)
    return varint(value)


def _integer(low: int, high: int, encode: Callable[[int], bytes]) -> Callable[[Any], bytes]:
    """Return a reader of integers from *low* up to, not including, *high*."""
    bits = (high - low).bit_length() - 1
    expected = f"{'a signed' if low else 'an unsigned'} {bits}-bit integer"

    def read(value: Any) -> bytes:
        kind = type(value)
        if kind is int:
            number = value
        elif kind is str and len(value) <= 20 and value.isascii() and value.lstrip("-").isdigit():
            try:
                number = int(value)
            except ValueError:  # more than one minus sign
                raise Mismatch(expected, value) from None
        elif kind is float and value.is_integer():  # 1e3 is how some writers put 1000
            number = int(value)
        else:
            raise Mismatch(expected, value)
        if not low <= number < high:
            raise Mismatch(expected, value)
        return encode(number)

    return read


def _zigzag(number: int) -> bytes:
    return varint(number * 2 if number >= 0 else -number * 2 - 1)


def _tag(field: FieldDescriptor, wire_type: int) -> bytes:
    return varint(field.number << 3 | wire_type)


# --------------------------------------------------------------------------- writing


def message_to_json(message: Message) -> dict[str, Any]:
    """Return *message* as a JSON object, without the fields that are at their defaults."""
    result = {}
    for field, value in message.ListFields():
        write = _writers.get(field.full_name) or _writer(field)
        result[field.json_name] = (
            [write(item) for item in value] if field.is_repeated else write(value)
        )
    return result


_writers: dict[str, Callable[[Any], Any]] = {}


def _writer(field: FieldDescriptor) -> Callable[[Any], Any]:
    write = _writers[field.full_name] = _make_writer(field)
    return write


def _make_writer(field: FieldDescriptor) -> Callable[[Any], Any]:
    kinds = FieldDescriptor
    match field.type:
        case kinds.TYPE_MESSAGE:
            return message_to_json
        case kinds.TYPE_BYTES:
            return bytes.hex if field.name in _ID_FIELDS else _base64_to_json
        case kinds.TYPE_DOUBLE:
            return _double_to_json
        case kinds.TYPE_INT64 | kinds.TYPE_UINT64 | kinds.TYPE_FIXED64 | kinds.TYPE_SFIXED64:
            return str
        case _:
            return _as_it_is


def _base64_to_json(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _double_to_json(number: float) -> float | str:
    if math.isfinite(number):
        return number
    return "NaN" if math.isnan(number) else "Infinity" if number > 0 else "-Infinity"


def _as_it_is(value: Any) -> Any:
    return value
