"""Attributes as OTLP KeyValues, fast: everything about a name that can be encoded once, is.

The bytes in front of a value depend on the attribute's name and on the value's length only, so
they are looked up, not made: a log record with five attributes costs about a microsecond.
"""

from __future__ import annotations

from struct import Struct
from typing import TYPE_CHECKING, Any, Final

from otbridge.wire.protobuf import INT64_MAX, INT64_MIN, SMALL, varint
from otbridge.wire.values import any_value, text, utf8

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Name", "Names", "any_value", "append_attributes"]

_MAX_NAMES: Final = 1024
"""Names remembered per kind of field. Programs have dozens; one that makes names up on the fly
empties the table again and again, which costs time but no memory."""
_MAX_TEXT: Final = 128
"""Longest text, in bytes, whose header is remembered."""

_VARINTS: Final = range(11)
"""Lengths of a varint, in bytes; none is empty."""

_SMALL: Final = len(SMALL)
_double: Final = Struct("<d").pack


class Name:
    """One attribute name: the finished bytes that stand before its values."""

    __slots__ = ("double", "false", "integers", "none", "start", "tag", "texts", "true")

    def __init__(self, tag: bytes, name: str) -> None:
        encoded = utf8(name)
        self.tag = tag
        self.start = b"\x0a" + varint(len(encoded)) + encoded + b"\x12"
        self.true = self.pair(b"\x10\x01")
        self.false = self.pair(b"\x10\x00")
        self.none = self.pair(b"")
        self.double = self.pair(b"\x21" + bytes(8))[:-8]
        self.integers = tuple(
            self.pair(b"\x18" + bytes(size))[: -size or None] for size in _VARINTS
        )
        """By the length of a varint: all bytes before it."""
        self.texts: dict[int, bytes] = {}
        """By the length of a UTF-8 text: all bytes before it, as far as `before_text` made them."""

    def pair(self, value: bytes) -> bytes:
        """Return the whole KeyValue field for the AnyValue *value*."""
        pair = self.start + varint(len(value)) + value
        return self.tag + varint(len(pair)) + pair

    def before_text(self, size: int) -> bytes:
        """Return all bytes before a text of *size* bytes; remembered where it will come again."""
        inner = b"\x0a" + varint(size)
        value = self.start + varint(len(inner) + size) + inner
        header = self.tag + varint(len(value) + size) + value
        if size < _MAX_TEXT:
            self.texts[size] = header
        return header


class Names:
    """The remembered names of one kind of field, e.g. of `LogRecord.attributes`."""

    __slots__ = ("_tag", "known")

    def __init__(self, tag: bytes) -> None:
        self._tag = tag
        self.known: dict[Any, Name] = {}

    def learn(self, key: Any) -> Name:
        """Return the entry of *key*, whose type may be any; only plain strings are remembered."""
        name = Name(self._tag, key if type(key) is str else text(key))
        if type(key) is str:
            if len(self.known) >= _MAX_NAMES:
                self.known.clear()
            self.known[key] = name
        return name


def append_attributes(parts: list[bytes], attributes: Mapping[str, Any], names: Names) -> None:
    """Append the KeyValue fields of *attributes* to *parts*, in their order. Never raises.

    Args:
        parts: Gets the bytes.
        attributes: Names to values of any type.
        names: Where the names of this kind of field are remembered; brings the tag.
    """
    append = parts.append
    known = names.known
    begin = len(parts)
    try:
        for key, value in attributes.items():
            try:
                name = known[key]
            except (KeyError, TypeError):  # TypeError: not hashable
                name = names.learn(key)
            kind = type(value)
            if kind is str:
                try:
                    encoded = value.encode()
                except UnicodeEncodeError:
                    encoded = utf8(value)
                append(name.texts.get(len(encoded)) or name.before_text(len(encoded)))
                append(encoded)
            elif kind is int:
                if 0 <= value < _SMALL:
                    encoded = SMALL[value]
                elif INT64_MIN <= value <= INT64_MAX:
                    encoded = varint(value)
                else:
                    append(name.pair(any_value(value)))
                    continue
                append(name.integers[len(encoded)])
                append(encoded)
            elif kind is float:
                append(name.double)
                append(_double(value))
            elif value is True:
                append(name.true)
            elif value is False:
                append(name.false)
            else:
                append(name.pair(any_value(value)))
    except Exception as error:  # noqa: BLE001 - a mapping of strange making, or changed meanwhile
        del parts[begin:]
        _append_carefully(parts, attributes, names, error)


def _append_carefully(parts: list[bytes], attributes: Any, names: Names, error: Exception) -> None:
    """Do it again on a copy; a mapping that cannot be copied is replaced by what it said."""
    try:
        copy = list(dict(attributes).items())
    except Exception:  # noqa: BLE001 - as above
        copy = [("otbridge.attributes.error", error)]
    for key, value in copy:
        parts.append(names.learn(key).pair(any_value(value)))
