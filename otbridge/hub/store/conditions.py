"""Conditions on attributes: which values fit, judged by type as well as by content.

A condition speaks of one attribute of a record itself (not of its resource or its events). Texts,
numbers and booleans are told apart: `7` fits the numbers 7 and 7.0 and not the text "7".
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from struct import unpack
from typing import TYPE_CHECKING, Any, Final, Literal

from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

__all__ = ["AttributeCondition", "Operator", "value_of"]

Operator = Literal["exists", "=", "!=", "<", "<=", ">", ">="]

_NUMBERS: Final = ("int_value", "double_value")

_SHORT: Final = 127
"""Bytes of a field whose length protobuf writes in one."""

_NUMBER: Final = rb"\x12(?:.\x18([\x80-\xff]*[\x00-\x7f])|\x09\x21(.{8}))"
"""The value of a KeyValue (field 2) whose AnyValue is an int_value (3) or a double_value (4)."""

_ORDER: Final[dict[str, Callable[[float, float], bool]]] = {
    "<": lambda one, other: one < other,
    "<=": lambda one, other: one <= other,
    ">": lambda one, other: one > other,
    ">=": lambda one, other: one >= other,
}


@dataclass(frozen=True)
class AttributeCondition:
    """What one attribute has to be like.

    With `!=` the attribute has to be there, with another value or of another type. Lists, objects
    and bytes are equal to nothing that can be written here.
    """

    key: str
    operator: Operator
    value: str | bool | float | None = None
    """A number where the operator is one of order; None for `exists`."""

    @cached_property
    def _key(self) -> bytes:
        return self.key.encode()

    def fits(self, attributes: Iterable[bytes]) -> bool:
        """Whether it holds for a record with these *attributes* (KeyValue messages)."""
        value = value_of(self._key, attributes)
        return value is not None and self._fits(value)

    def may_fit(self, record: bytes) -> bool:
        """Whether a *record* as it came may meet it; False is certain, and a tenth of the work."""
        if self._key not in record:
            return False
        if self.operator not in _ORDER:
            return True
        numbers = self._numbers
        found = numbers.findall(record)
        if len(found) != record.count(self._key):
            return True  # part of another word, or written in another way
        fits = _ORDER[self.operator]
        wanted: Any = self.value or 0  # not as a float: whole numbers are compared exactly
        return any(fits(_number(*one), wanted) for one in found)

    @cached_property
    def _numbers(self) -> re.Pattern[bytes]:
        """Where the attribute is a number, as every encoder writes it."""
        if len(self._key) > _SHORT:
            return re.compile(b"(?!)")  # nowhere
        key = b"\x0a" + bytes([len(self._key)]) + self._key
        return re.compile(re.escape(key) + _NUMBER, re.DOTALL)

    def _fits(self, value: AnyValue) -> bool:
        if self.operator == "exists":
            return True
        kind = value.WhichOneof("value") or ""
        wanted = self.value
        if isinstance(wanted, bool):
            same = kind == "bool_value" and value.bool_value == wanted
        elif isinstance(wanted, str):
            same = kind == "string_value" and value.string_value == wanted
        else:
            is_number = kind in _NUMBERS
            if self.operator in _ORDER:
                return is_number and _ORDER[self.operator](getattr(value, kind), wanted or 0)
            same = is_number and getattr(value, kind) == wanted
        return same if self.operator == "=" else not same

    def texts(self) -> tuple[str, ...]:
        """Return how the value that it asks for may be written in an index; empty: in any way."""
        if self.operator != "=" or self.value is None:
            return ()
        if isinstance(self.value, str):
            return (self.value,)
        if isinstance(self.value, bool):
            return ("true" if self.value else "false",)
        whole = int(self.value) == self.value
        return (repr(float(self.value)), *([repr(int(self.value))] if whole else []))

    def messages(self) -> tuple[bytes, ...]:
        """Return the attributes that fit, as every encoder writes them; only where it asks for `=`."""
        values: Sequence[AnyValue]
        if isinstance(self.value, bool):
            values = [AnyValue(bool_value=self.value)]
        elif isinstance(self.value, str):
            values = [AnyValue(string_value=self.value)]
        else:
            number = self.value or 0
            values = [AnyValue(double_value=number)]
            if int(number) == number and -(2**63) <= number < 2**63:
                values.append(AnyValue(int_value=int(number)))
        return tuple(
            KeyValue(key=self.key, value=value).SerializeToString(deterministic=True)
            for value in values
        )


def _number(varint: bytes, double: bytes) -> float:
    """Return the number that one of the two says."""
    if double:
        return float(unpack("<d", double)[0])
    number = sum((byte & 0x7F) << 7 * place for place, byte in enumerate(varint))
    return number - (1 << 64) if number >= 1 << 63 else number


def value_of(key: bytes, attributes: Iterable[bytes]) -> AnyValue | None:
    """Return the value of the attribute *key* (UTF-8), the last one where it comes twice."""
    found: AnyValue | None = None
    for attribute in attributes:
        if key in attribute:
            message = KeyValue.FromString(attribute)
            if message.key.encode() == key:
                found = message.value
    return found
