"""Attributes to OTLP bytes by their shape: which names stand together, with values of which types.

A place in a program gives its spans the same names, in the same order, with values of the same
types, again and again. So what is to be done with each value is found out once for a shape, and
then done without a line of Python for each: tables and packers are called by `map`, and joined.
That is for spans what a loop in `otbridge.telemetry.clean` is for log lines. The SDK's work on a
span leaves the processor's branch predictor with nothing that helps ours: there each line of
Python costs three times what it costs in a loop of its own, and what runs in C costs the same.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from struct import Struct
from typing import TYPE_CHECKING, Any, Final

from otbridge.processors.secret_values import SHORTEST, is_suspicious
from otbridge.telemetry.clean import LONGEST_CACHED, MOST_SAID
from otbridge.wire.protobuf import CONTINUED, INT64_MAX, INT64_MIN, SMALL, varint
from otbridge.wire.values import any_value, utf8

if TYPE_CHECKING:
    from otbridge.processors.redact import Redactor
    from otbridge.wire.attributes import Name, Names

__all__ = ["ODD", "NotPlainError", "Plan", "Shape", "Shapes"]

_Encoder = Callable[[Any], bytes]
"""Makes the KeyValue field of a value."""
Plan = tuple[_Encoder, ...]
"""What to do with each value, in their order."""
Shape = tuple[Any, ...]
"""The names of some attributes, and then the types of their values."""

ODD: Final[Plan] = (str.encode,)
"""The plan of shapes that there is none for: they are encoded value by value."""

_MOST_SHAPES: Final = 2048
"""Shapes remembered. A program has about as many as places where spans are begun; one that makes
up names on the fly empties the table again and again, which costs time but no memory."""
_MOST_NAMES: Final = 1024
_MOST_VALUES: Final = 16_384
"""Values remembered under all names together."""

_SMALL: Final = len(SMALL)
_MEDIUM: Final = _SMALL << 7


class NotPlainError(Exception):
    """There is a secret in a text: the span has to take the long way."""


class Shapes:
    """The plans made so far, and what they remember.

    Args:
        names: The remembered names of this kind of field.
        redactor: Tells what is a secret; None where nothing is redacted.
    """

    def __init__(self, names: Names, redactor: Redactor | None) -> None:
        self._names = names
        self._redactor = redactor
        self.plans: Final[dict[Shape, Plan]] = {}
        """By shape. To encode: `b"".join(map(operator.call, plan, attributes.values()))`, which
        raises `NotPlainError`."""
        self._encoders: dict[tuple[str, type], _Encoder] = {}
        self._values = 0

    def learn(self, attributes: Mapping[str, Any]) -> Plan:
        """Make the plan for the shape of *attributes*; `ODD` where a name or a type is not plain."""
        if len(self.plans) >= _MOST_SHAPES or len(self._encoders) >= _MOST_NAMES:
            self._forget()
        types = [type(value) for value in attributes.values()]
        known = [self._encoder(key, kind) for key, kind in zip(attributes, types, strict=True)]
        encoders = tuple(encode for encode in known if encode is not None)
        plan = encoders if len(encoders) == len(known) else ODD
        self.plans[*attributes, *types] = plan
        return plan

    def _remember(self) -> bool:
        """Return whether there is room for one more value; counts it."""
        if self._values >= _MOST_VALUES:
            self._forget()
            return False
        self._values += 1
        return True

    def _forget(self) -> None:
        self.plans.clear()
        self._encoders.clear()
        self._values = 0

    def _encoder(self, key: Any, kind: type) -> _Encoder | None:
        """Return what encodes values of type *kind* under *key*; None where they are not plain."""
        known = self._encoders.get((key, kind))
        if known is not None:
            return known
        make = _MAKERS.get(kind)
        if make is None or type(key) is not str:
            return None
        if self._redactor is not None and self._redactor.is_secret_name(key):
            return None
        made = self._encoders[key, kind] = make(
            self._names.learn(key), self._remember, self._redactor
        )
        return made


class _Integers(dict[int, bytes]):
    """The fields of whole numbers under one name; makes those that it has not."""

    __slots__ = ("_name", "_remember")

    def __init__(self, name: Name, remember: Callable[[], bool]) -> None:
        self._name = name
        self._remember = remember

    def __missing__(self, value: int) -> bytes:
        if 0 <= value < _SMALL:
            encoded = SMALL[value]
        elif 0 < value < _MEDIUM:
            encoded = CONTINUED[value & 0x7F] + SMALL[value >> 7]
        elif INT64_MIN <= value <= INT64_MAX:
            encoded = varint(value)
        else:
            return self._name.pair(any_value(value))
        made = self._name.integers[len(encoded)] + encoded
        if len(self) < MOST_SAID and self._remember():
            self[value] = made
        return made


class _Texts(dict[str, bytes]):
    """The fields of texts under one name; makes those that it has not, unless they hold a secret."""

    __slots__ = ("_name", "_redactor", "_remember")

    def __init__(self, name: Name, remember: Callable[[], bool], redactor: Redactor | None) -> None:
        self._name = name
        self._remember = remember
        self._redactor = redactor

    def __missing__(self, value: str) -> bytes:
        size = len(value)
        redactor = self._redactor
        if (
            redactor is not None
            and size >= SHORTEST
            and (size > LONGEST_CACHED or is_suspicious(value))
            and redactor.text(value) is not value
        ):
            raise NotPlainError
        try:
            encoded = value.encode()
        except UnicodeEncodeError:
            encoded = utf8(value)
        name = self._name
        made = (name.texts.get(len(encoded)) or name.before_text(len(encoded))) + encoded
        if size <= LONGEST_CACHED and len(self) < MOST_SAID and self._remember():
            self[value] = made
        return made


def _texts(name: Name, remember: Callable[[], bool], redactor: Redactor | None) -> _Encoder:
    return _Texts(name, remember, redactor).__getitem__


def _integers(name: Name, remember: Callable[[], bool], _: Redactor | None) -> _Encoder:
    return _Integers(name, remember).__getitem__


def _doubles(name: Name, *_: Any) -> _Encoder:
    return partial(Struct(f"<{len(name.double)}sd").pack, name.double)


def _flags(name: Name, *_: Any) -> _Encoder:
    return {True: name.true, False: name.false}.__getitem__


def _nones(name: Name, *_: Any) -> _Encoder:
    return {None: name.none}.__getitem__


_MAKERS: Final[dict[type, Callable[[Name, Callable[[], bool], Redactor | None], _Encoder]]] = {
    str: _texts,
    int: _integers,
    float: _doubles,
    bool: _flags,
    type(None): _nones,
}
"""Types of plain values, and what makes an encoder for a name. Each encoder is C's at its door:
what it knows needs no line of Python."""
