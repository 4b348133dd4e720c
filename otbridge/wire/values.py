r"""Any Python value as an OTLP AnyValue, whatever it is.

| Python                                     | OTLP                                           |
|--------------------------------------------|------------------------------------------------|
| None                                       | AnyValue with nothing set                      |
| str, StrEnum                               | string; lone surrogates as `\udXXX`             |
| bool, int, IntEnum                         | bool, int; beyond 64 bits its digits as string |
| float, also NaN and ±inf                   | double                                         |
| bytes, bytearray, memoryview               | bytes                                          |
| list, tuple, any Sequence                  | array                                          |
| set, frozenset                             | array, in the order of its encoded elements    |
| any Mapping                                | key-value list, keys as text                   |
| dataclass, msgspec, attrs, pydantic object | key-value list of its fields                   |
| Enum                                       | its value                                      |
| datetime, date, time                       | string, ISO 8601                               |
| timedelta                                  | double, seconds                                |
| numpy scalar, array                        | what `.item()` / `.tolist()` makes of it       |
| exception                                  | string, `ValueError: what it says`             |
| everything else (Decimal, UUID, Path, ...) | `str(value)`                                   |

Where the official encoder takes a value, ours gives the same message. Where a value cannot be
read, a text in angle brackets stands in its place: `<unprintable Foo>`, `<cycle>`.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import date, datetime, time, timedelta
from itertools import islice
from struct import Struct
from typing import TYPE_CHECKING, Any, Final

from otbridge.wire.protobuf import INT64_MAX, INT64_MIN, SMALL, varint

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

__all__ = ["MAX_DEPTH", "MAX_NODES", "MAX_SIZE", "any_value", "text", "utf8"]

MAX_DEPTH: Final = 24
"""Containers inside containers; deeper ones become `<nested deeper than 24 levels>`.

Protobuf parsers stop at 100 nested messages; a key-value list takes three of them a level, and
an attribute of a span event lies under six.
"""
MAX_NODES: Final = 4096
"""Values inside one value; what comes after is counted in one text, `<5 more left out>`.

The caller waits for them: 4 ms for numbers, 30 for names that may be secrets'. An embedding fits.
"""
MAX_SIZE: Final = 1 << 20
"""Characters and bytes in all texts and binaries inside one value, 1 MiB.

A text that goes beyond is cut and says so; in the place of a binary stands `<12345678 bytes>`.
"""

_LONGEST_KEY: Final = 1024
"""Characters of a key inside a value; nobody looks for longer ones."""
_SMALL: Final = len(SMALL)
_double: Final = Struct("<d").pack


def any_value(value: Any) -> bytes:
    """Return *value* as the fields of an AnyValue, without a tag. Never raises."""
    kind = type(value)
    if kind is str:
        return _string(utf8(value))
    if kind is bool:
        return b"\x10\x01" if value else b"\x10\x00"
    if kind is int:
        return _integer(value)
    if kind is float:
        return b"\x21" + _double(value)
    if value is None:
        return b""
    return _Walk().encode(value)


def text(value: Any) -> str:
    """Return `str(value)`, or a text that says why there is none. Never raises."""
    try:
        if isinstance(value, str):
            return str.__str__(value)
        if isinstance(value, int) and not isinstance(value, enum.Enum):
            return _digits(value)
        return str.__str__(str(value))
    except Exception:  # noqa: BLE001 - the value's own code failed; the record must survive it
        return f"<unprintable {type(value).__name__}>"


def utf8(value: str) -> bytes:
    r"""Return *value* as UTF-8; lone surrogates, which UTF-8 has no place for, as `\udXXX`."""
    try:
        return value.encode()
    except UnicodeEncodeError:
        return value.encode("utf-8", "backslashreplace")


def _string(encoded: bytes) -> bytes:
    size = len(encoded)
    return b"\x0a" + (SMALL[size] if size < _SMALL else varint(size)) + encoded


def _integer(value: int) -> bytes:
    if 0 <= value < _SMALL:
        return b"\x18" + SMALL[value]
    if INT64_MIN <= value <= INT64_MAX:
        return b"\x18" + varint(value)
    return _string(_digits(value).encode())


def _digits(value: int) -> str:
    try:
        return int.__str__(value)
    except ValueError:  # more digits than sys.get_int_max_str_digits() lets be printed
        return int.__format__(value, "#x")


class _Walk:
    """One value's encoding: how deep we are, what we are inside of, how much is left to spend."""

    __slots__ = ("_inside", "_left", "_room")

    def __init__(self) -> None:
        self._inside: set[int] = set()
        self._left = MAX_NODES
        self._room = MAX_SIZE

    def encode(self, value: Any) -> bytes:
        """Return the AnyValue of *value*; a value whose own code fails becomes a text."""
        try:
            return self._encode(value)
        except Exception:  # noqa: BLE001 - properties, __iter__, __eq__... of a stranger's class
            self._inside.discard(id(value))
            return self._text(text(value))

    def _encode(self, value: Any) -> bytes:
        kind = type(value)
        if kind is str:
            return self._text(value)
        leaf = _LEAVES.get(kind)
        if leaf is not None:
            return leaf(value)
        if kind is bytes:
            return self._binary(value)
        if kind is list or kind is tuple:
            return self._container(value, self._array)
        if kind is dict:
            return self._container(value, self._mapping)
        return self._odd(value, kind)

    def _odd(self, value: Any, kind: type) -> bytes:
        """Encode what is of no plain type, the most particular kinds first."""
        if isinstance(value, str):
            return self._text(str.__str__(value))
        if isinstance(value, bool | int):
            return _integer(int(value))
        if isinstance(value, float):
            return b"\x21" + _double(value)
        if isinstance(value, bytes | bytearray | memoryview):
            return self._binary(value)
        if isinstance(value, enum.Enum):
            return self.encode(value.value)
        if isinstance(value, datetime | date | time):
            return _string(value.isoformat().encode())
        if isinstance(value, timedelta):
            return b"\x21" + _double(value.total_seconds())
        if isinstance(value, BaseException):
            return self._text(_exception(value))
        if isinstance(value, Mapping):
            return self._container(value, self._mapping)
        if isinstance(value, AbstractSet):
            return self._container(value, self._set)
        if isinstance(value, Sequence):
            return self._container(value, self._array)
        if isinstance(value, type):
            return _string(utf8(f"{value.__module__}.{value.__qualname__}"))
        if hasattr(kind, "dtype"):
            return self._numpy(value)
        fields = _fields_of(value, kind)
        if fields is not None:
            return self._container(value, lambda _: self._mapping(fields))
        return self._text(text(value))

    def _text(self, value: str) -> bytes:
        size, room = len(value), self._room
        if size > room:
            value = f"{value[:room]}… (cut: {size} characters)"
        self._room = max(0, room - size)
        return _string(utf8(value))

    def _binary(self, value: Any) -> bytes:
        size = value.nbytes if isinstance(value, memoryview) else len(value)
        if size > self._room:
            return _string(b"<%d bytes>" % size)
        self._room -= size
        raw = bytes(value)
        return b"\x3a" + varint(size) + raw

    def _container(self, value: Any, encode: Callable[[Any], bytes]) -> bytes:
        """Encode one level down, unless we came from there or are too deep already."""
        if id(value) in self._inside:
            return _string(b"<cycle>")
        if len(self._inside) >= MAX_DEPTH:
            return _string(f"<nested deeper than {MAX_DEPTH} levels>".encode())
        self._inside.add(id(value))
        encoded = encode(value)
        self._inside.discard(id(value))
        return encoded

    def _array(self, values: Iterable[Any]) -> bytes:
        return _array(self._elements(values))

    def _set(self, values: Iterable[Any]) -> bytes:
        # By their bytes: the order of a set changes with every process, and not all sets sort.
        return _array(sorted(self._elements(values)))

    def _elements(self, values: Iterable[Any]) -> list[bytes]:
        parts = []
        for index, value in enumerate(values):
            if self._left <= 0:
                parts.append(_string(self._left_out(values, index)))
                break
            self._left -= 1
            parts.append(self.encode(value))
        return parts

    def _mapping(self, values: Mapping[Any, Any]) -> bytes:
        parts = []
        # A copy of as much as is written: another thread may change it meanwhile.
        for index, (key, value) in enumerate(list(islice(values.items(), self._left + 1))):
            if self._left <= 0:
                parts.append(_pair(b"...", _string(self._left_out(values, index))))
                break
            self._left -= 1
            parts.append(_pair(utf8(text(key)[:_LONGEST_KEY]), self.encode(value)))
        inner = b"".join(parts)
        return b"\x32" + varint(len(inner)) + inner

    def _left_out(self, values: Any, taken: int) -> bytes:
        try:
            return b"<%d more left out>" % (len(values) - taken)
        except TypeError:
            return b"<more left out>"

    def _numpy(self, value: Any) -> bytes:
        """Encode a numpy scalar or array, or what behaves like one, without knowing numpy."""
        shape = getattr(value, "shape", ())
        if shape == ():
            return self.encode(value.item())
        if getattr(value, "size", 0) > self._left:
            kind = type(value).__name__
            return _string(utf8(f"<{kind} of shape {tuple(shape)} and type {value.dtype}>"))
        return self.encode(value.tolist())


def _pair(key: bytes, value: bytes) -> bytes:
    pair = b"\x0a" + varint(len(key)) + key + b"\x12" + varint(len(value)) + value
    return b"\x0a" + varint(len(pair)) + pair


def _array(parts: list[bytes]) -> bytes:
    inner = b"".join([b"\x0a" + varint(len(part)) + part for part in parts])
    return b"\x2a" + varint(len(inner)) + inner


def _exception(error: BaseException) -> str:
    said = text(error)
    name = type(error).__qualname__
    return f"{name}: {said}" if said else name


def _fields_of(value: Any, kind: type) -> Mapping[str, Any] | None:
    """Return the named fields of a dataclass, pydantic, msgspec or attrs object.

    Asked of the class, not of the object: a mock answers to every name.
    """
    if hasattr(kind, "__pydantic_fields__") and hasattr(kind, "model_dump"):
        dumped: Mapping[str, Any] = value.model_dump()
        return dumped
    names: Iterable[str] | None = getattr(kind, "__struct_fields__", None)
    if names is None:
        names = getattr(kind, "__dataclass_fields__", None)
    if names is None:
        attrs = getattr(kind, "__attrs_attrs__", None)
        names = None if attrs is None else [attribute.name for attribute in attrs]
    if names is None:
        return None
    return {name: getattr(value, name) for name in names if hasattr(value, name)}


_LEAVES: Final[Mapping[type, Callable[[Any], bytes]]] = {
    bool: lambda value: b"\x10\x01" if value else b"\x10\x00",
    int: _integer,
    float: lambda value: b"\x21" + _double(value),
    type(None): lambda _: b"",
}
