"""Takes an OTLP request apart without decoding its records.

All three signals share one envelope: request.1 is a list of resources, resource.1 the Resource,
resource.2 the list of scopes, scope.1 the InstrumentationScope, scope.2 the records; field 3 is
the schema URL of either. So one walk over the framing serves spans, logs and metrics, counts
records before anything is built from them, and hands out every record as the bytes the sender
wrote, unknown fields included.

Counting first is what bounds the memory of a receiver: 4 kB of gzip can hold two million empty
records, which cost a decoder some hundred bytes each.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from otbridge.errors import LimitExceeded, MalformedData
from otbridge.wire.protobuf import BYTES, FIXED32, FIXED64, VARINT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from google.protobuf.descriptor import Descriptor

__all__ = [
    "MAX_RECORDS",
    "MAX_VALUES",
    "ResourceSlice",
    "ScopeSlice",
    "check_values",
    "too_many_values",
    "walk",
]

MAX_RECORDS = 20_000
"""Records in one request; the largest batch that a stock SDK sends by default has 512."""

MAX_VALUES = 10_000
"""Attributes, events, links and nested values in one record.

Far above the SDKs' default of 128 attributes, because agent frameworks flatten whole
conversations into attributes; low enough that one record decodes into a few megabytes.
"""

_MOST_SKIPPED: Final = 100_000
"""Fields of one message that are numbers; skipping more would only take time."""


_RECORD: Final = 0x12
"""The key of a scope's record: field 2, and that it has a length."""


class ScopeSlice(NamedTuple):
    """What one instrumentation scope sent."""

    scope: bytes
    """The InstrumentationScope message; empty where there is none."""
    schema_url: str
    records: list[bytes]
    """Span, LogRecord or Metric messages."""


class ResourceSlice(NamedTuple):
    """What one resource sent."""

    data: bytes
    """The ResourceSpans, ResourceLogs or ResourceMetrics message, whole."""
    resource: bytes
    """The Resource message; empty where there is none."""
    schema_url: str
    scopes: list[ScopeSlice]


def walk(request: bytes, max_records: int = MAX_RECORDS) -> list[ResourceSlice]:
    """Return the resources of an Export…ServiceRequest with their records as bytes.

    Args:
        request: The serialised request.
        max_records: How many records it may hold, all resources together.

    Raises:
        MalformedData: The bytes are not a protobuf message.
        LimitExceeded: There are more than *max_records* records.
    """
    try:
        return _Walk(request, max_records).resources()
    except IndexError:
        raise _cut_short() from None


def too_many_values(message: bytes, descriptor: Descriptor, limit: int = MAX_VALUES) -> bool:
    """Whether the *message* holds more than *limit* nested messages, told without decoding it.

    Raises:
        MalformedData: The bytes are not a protobuf message.
    """
    if len(message) <= 2 * limit:  # an empty nested message takes two bytes
        return False
    try:
        return _exceeds(message, _nested_messages(descriptor), limit)
    except IndexError:
        raise _cut_short() from None


def check_values(message: bytes, descriptor: Descriptor, limit: int = MAX_VALUES) -> None:
    """Raise LimitExceeded where the *message* holds more than *limit* nested messages."""
    if too_many_values(message, descriptor, limit):
        raise LimitExceeded(
            f"A {descriptor.name} holds more than {limit:,} values.",
            "Each attribute, event, link and list element counts as one.",
            "Send fewer attributes, or longer ones.",
        )


class _Walk:
    """One pass over one request, with how much of it is still allowed."""

    __slots__ = ("_data", "_envelopes_left", "_limit", "_others_left", "_records_left")

    def __init__(self, data: bytes, limit: int) -> None:
        self._data = data
        self._limit = limit
        self._records_left = limit
        self._envelopes_left = limit
        self._others_left = 4 * limit  # an envelope has two fields, and room for two unknown ones

    def resources(self) -> list[ResourceSlice]:
        data = self._data
        return [
            self._resource(start, end)
            for number, start, end in _fields(data, 0, len(data))
            if number == 1
        ]

    def _resource(self, start: int, end: int) -> ResourceSlice:
        self._count_envelope()
        data = self._data
        resource: list[bytes] = []
        schema_url = b""
        scopes = []
        for number, first, last in _fields(data, start, end):
            if number == 2:
                scopes.append(self._scope(first, last))
            elif number == 1:
                resource.append(data[first:last])
            elif number == 3:
                schema_url = data[first:last]
            if number != 2:
                self._count_other()
        return ResourceSlice(data[start:end], _merged(resource), _text(schema_url), scopes)

    def _scope(self, start: int, end: int) -> ScopeSlice:
        self._count_envelope()
        data = self._data
        scope: list[bytes] = []
        schema_url = b""
        records: list[bytes] = []
        for number, first, last in self._beside_records(start, end, records):
            if number == 1:
                scope.append(data[first:last])
            elif number == 3:
                schema_url = data[first:last]
            self._count_other()
        self._records_left -= len(records)
        return ScopeSlice(_merged(scope), _text(schema_url), records)

    def _beside_records(
        self, start: int, end: int, records: list[bytes]
    ) -> Iterator[tuple[int, int, int]]:
        """Yield the fields of a scope as `_fields` does, but its records, which go into a list."""
        data = self._data
        rest = end
        for field in _fields(data, start, end):
            if field[0] == 2:
                rest = self._run(field[2], end, records, data[field[1] : field[2]])
                break
            yield field
        for field in _fields(data, rest, end):
            if field[0] == 2:
                self._append(records, data[field[1] : field[2]])
            else:
                yield field

    def _run(self, position: int, end: int, records: list[bytes], first: bytes) -> int:
        """Append the *first* record and those that lie behind it, side by side; return their end.

        They are nearly all of a request: this is `_fields` for nothing but them, in half the time.
        """
        self._append(records, first)
        data, most, append = self._data, self._records_left, records.append
        while position < end and data[position] == _RECORD:
            size = data[position + 1]
            position += 2
            if size & 0x80:
                more = data[position]
                if more & 0x80:
                    size, position = _varint(data, position - 1)
                else:  # up to 16 KiB, as nearly every record
                    size += (more - 1) << 7
                    position += 1
            begin = position
            position += size
            if position > end:
                raise _cut_short()
            if len(records) == most:
                raise self._too_many("records")
            append(data[begin:position])
        return position

    def _append(self, records: list[bytes], record: bytes) -> None:
        if len(records) == self._records_left:
            raise self._too_many("records")
        records.append(record)

    def _count_envelope(self) -> None:
        if self._envelopes_left == 0:
            raise self._too_many("resources and scopes")
        self._envelopes_left -= 1

    def _count_other(self) -> None:
        """Count what stands beside scopes and records: in each once, if nobody means harm."""
        if self._others_left == 0:
            raise self._too_many("descriptions of resources and scopes")
        self._others_left -= 1

    def _too_many(self, what: str) -> LimitExceeded:
        return LimitExceeded(
            f"The request holds more than {self._limit:,} {what}.",
            "They are counted before anything is decoded, to bound memory.",
            "Send smaller batches.",
        )


def _fields(data: bytes, position: int, end: int) -> Iterator[tuple[int, int, int]]:
    """Yield (field number, start, end) of each length-delimited field; skip all others.

    `otbridge.wire.protobuf.walk` tells more about a field and takes three times as long.
    """
    skipped = 0
    while position < end:
        key = data[position]
        position += 1
        if key & 0x80:
            key, position = _varint(data, position - 1)
        wire_type = key & 7
        if key < 8:
            raise _no_protobuf("field number 0")
        if wire_type == BYTES:
            size = data[position]
            position += 1
            if size & 0x80:
                size, position = _varint(data, position - 1)
            start = position
            position += size
            if position > end:
                raise _cut_short()
            yield key >> 3, start, position
            continue
        skipped += 1
        if skipped > _MOST_SKIPPED:
            raise _too_many_numbers()
        if wire_type == VARINT:
            position = _varint(data, position)[1]
        elif wire_type == FIXED64:
            position += 8
        elif wire_type == FIXED32:
            position += 4
        else:
            raise _no_protobuf(f"wire type {wire_type} at byte {position}, which is not in use")
    if position != end:
        raise _cut_short()


def _merged(parts: list[bytes]) -> bytes:
    """Return a message that may come in parts: they merge by concatenation."""
    return parts[0] if len(parts) == 1 else b"".join(parts)


def _varint(data: bytes, position: int) -> tuple[int, int]:
    """Return a number of at most ten bytes, and the position behind it."""
    value = shift = 0
    while True:
        byte = data[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
        shift += 7
        if shift > 63:
            raise _no_protobuf(f"a number of more than ten bytes at byte {position}")


class _Nested:
    """Which fields of a message are messages themselves."""

    __slots__ = ("children",)

    def __init__(self) -> None:
        self.children: dict[int, _Nested] = {}


_tables: dict[str, _Nested] = {}


def _nested_messages(descriptor: Descriptor) -> _Nested:
    """Return the table of *descriptor*; made once, and cyclic where the message type is."""
    table = _tables.get(descriptor.full_name)
    if table is None:
        table = _tables[descriptor.full_name] = _Nested()
        for field in descriptor.fields:
            if field.message_type is not None:
                table.children[field.number] = _nested_messages(field.message_type)
    return table


def _exceeds(message: bytes, table: _Nested, limit: int) -> bool:
    waiting = [(0, len(message), table)]
    count = 0
    while waiting:
        start, end, table = waiting.pop()
        children = table.children
        for number, first, last in _fields(message, start, end):
            child = children.get(number)
            if child is not None:
                count += 1
                if count > limit:
                    return True
                waiting.append((first, last, child))
    return False


def _text(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise MalformedData(
            "The request is not valid OTLP.", "A schema URL is not UTF-8."
        ) from None


def _too_many_numbers() -> LimitExceeded:
    return LimitExceeded(
        f"A message of the request has more than {_MOST_SKIPPED:,} numbers.",
        "The largest of OTLP's own, a histogram with all its buckets, has some thousands.",
        "Send smaller batches.",
    )


def _cut_short() -> MalformedData:
    return _no_protobuf("a field longer than the bytes that are left")


def _no_protobuf(why: str) -> MalformedData:
    return MalformedData(
        "The request is not a protobuf message.",
        f"It has {why}.",
        "Send an OTLP Export request, or JSON with Content-Type application/json.",
    )
