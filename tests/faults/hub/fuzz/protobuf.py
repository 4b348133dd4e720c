"""Mutations of protobuf messages that keep the lengths around the changed place right.

No schema: a field that can be read as a message is gone into, most of the time.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, NamedTuple

from tests.faults.hub.fuzz.plain_bytes import BAD_TEXTS
from tests.faults.hub.fuzz.plain_bytes import mutated as bytes_mutated

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Sequence

__all__ = ["mutated", "varint"]

_DEPTH = 12

_HUGE = (0, 1, 2**31 - 1, 2**31, 2**32, 2**53, 2**63 - 1, 2**63, 2**64 - 1)

_DOUBLES = tuple(struct.pack("<d", value) for value in (float("nan"), float("inf"), -0.0, 5e-324))


class Field(NamedTuple):
    """Where a field of a message is."""

    start: int
    value: int
    """Where its value begins; that of text and messages after the length."""
    end: int
    number: int
    wire: int


def varint(value: int) -> bytes:
    """Return *value* in base 128."""
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)


def fields_of(data: bytes) -> list[Field]:
    """Return the fields of the message *data*; none where it is no message."""
    fields: list[Field] = []
    place = 0
    while place < len(data):
        start = place
        tag, place = _read_varint(data, place)
        number, wire = tag >> 3, tag & 7
        if not 0 < number < 3000:
            return []
        value = place
        if wire == 0:
            _, place = _read_varint(data, place)
        elif wire == 2:
            length, value = _read_varint(data, place)
            place = value + length
        elif wire in (1, 5):
            place += 8 if wire == 1 else 4
        else:
            return []
        if place > len(data):
            return []
        fields.append(Field(start, value, place, number, wire))
    return fields


def _read_varint(data: bytes, place: int) -> tuple[int, int]:
    value = shift = 0
    while place < len(data) and shift < 70:
        byte = data[place]
        place += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, place
        shift += 7
    return 0, len(data) + 1


def _wrapped(number: int, value: bytes) -> bytes:
    return varint(number << 3 | 2) + varint(len(value)) + value


def _twice(whole: bytes, field: Field, value: bytes, chance: random.Random) -> bytes:
    return whole * chance.choice((2, 2, 3, 300))


def _another_number(whole: bytes, field: Field, value: bytes, chance: random.Random) -> bytes:
    number = chance.choice((*range(1, 20), 2**29 - 1, 0))
    return varint(number << 3 | field.wire) + whole[len(varint(field.number << 3)) :]


def _another_wire(whole: bytes, field: Field, value: bytes, chance: random.Random) -> bytes:
    tag = varint(field.number << 3 | chance.randrange(8))
    return tag + whole[len(varint(field.number << 3)) :]


def _another_kind(whole: bytes, field: Field, value: bytes, chance: random.Random) -> bytes:
    """Return a field of another wire type that is whole in itself."""
    made = (
        varint(field.number << 3) + varint(chance.choice(_HUGE)),
        varint(field.number << 3 | 1) + chance.choice(_DOUBLES),
        varint(field.number << 3 | 5) + chance.randbytes(4),
        _wrapped(field.number, chance.randbytes(chance.randrange(20))),
    )
    return chance.choice(made)


def _huge(whole: bytes, field: Field, value: bytes, chance: random.Random) -> bytes:
    if field.wire == 0:
        return varint(field.number << 3) + varint(chance.choice(_HUGE))
    if field.wire == 1:
        fixed = struct.pack("<Q", chance.choice(_HUGE))
        return varint(field.number << 3 | 1) + chance.choice((fixed, *_DOUBLES))
    return varint(field.number << 3 | 2) + varint(chance.choice(_HUGE)) + value


def _overlong(whole: bytes, field: Field, value: bytes, chance: random.Random) -> bytes:
    tag = varint(field.number << 3 | field.wire)
    stretched = bytes([*tag[:-1], tag[-1] | 128, *([128] * chance.randrange(10)), 0])
    return stretched + whole[len(tag) :]


def _bad_text(whole: bytes, field: Field, value: bytes, chance: random.Random) -> bytes:
    return _wrapped(field.number, value[: len(value) // 2] + chance.choice(BAD_TEXTS) + value[-3:])


def _deep(whole: bytes, field: Field, value: bytes, chance: random.Random) -> bytes:
    """Return an AnyValue of arrays, or of lists of pairs, within each other."""
    inner = b"\x0a\x01x"
    pairs = chance.random() < 0.5
    for _ in range(chance.choice((5, 31, 33, 40, 101, 600))):
        inner = _wrapped(6, _wrapped(1, b"\x0a\x01k" + _wrapped(2, inner))) if pairs else inner
        inner = inner if pairs else _wrapped(5, _wrapped(1, inner))
    return _wrapped(field.number, chance.choice((inner, b"\x0a\x01k" + _wrapped(2, inner))))


def _group(whole: bytes, field: Field, value: bytes, chance: random.Random) -> bytes:
    begin, end = varint(field.number << 3 | 3), varint(field.number << 3 | 4)
    times = chance.choice((1, 1, 200))
    return begin * times + whole + end * chance.choice((times, times, 0))


def _empty(whole: bytes, field: Field, value: bytes, chance: random.Random) -> bytes:
    return _wrapped(field.number, b"") * chance.choice((1, 1, 1000))


def _large(whole: bytes, field: Field, value: bytes, chance: random.Random) -> bytes:
    return _wrapped(field.number, value * chance.choice((2, 16, 64)))


def _gone(whole: bytes, field: Field, value: bytes, chance: random.Random) -> bytes:
    return b""


_WAYS: tuple[Callable[[bytes, Field, bytes, random.Random], bytes], ...] = (
    *(_twice, _another_number, _another_wire, _another_kind, _huge, _huge, _overlong),
    *(_bad_text, _bad_text, _deep, _group, _empty, _large, _gone),
)


def mutated(data: bytes, chance: random.Random, others: Sequence[bytes], depth: int = 0) -> bytes:
    """Return the message *data* with one of its fields, or a field in it, changed."""
    fields = fields_of(data) if depth < _DEPTH else []
    if not fields:
        return bytes_mutated(data, chance, others)
    field = chance.choice(fields)
    value, whole = data[field.value : field.end], data[field.start : field.end]
    if field.wire == 2 and value and chance.random() < 0.85:
        inner = mutated(value, chance, others, depth + 1)
        changed = varint(field.number << 3 | 2) + varint(len(inner)) + inner
    elif chance.random() < 0.1:
        changed = whole + chance.choice(others)
    else:
        changed = chance.choice(_WAYS)(whole, field, value, chance)
    return data[: field.start] + changed + data[field.end :]
