"""Attributes to OTLP bytes, redaction included, at a look-up each.

Whether a name is a secret's, and what stands before its values on the wire, is found out once for
each name; whether a text is harmless, once for each short text under a name that says it again.
What is not harmless is for the caller to send another way: nothing is changed here.
"""

from __future__ import annotations

from struct import Struct
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from otbridge.processors.secret_values import SHORTEST, is_suspicious
from otbridge.telemetry import nesting
from otbridge.wire.protobuf import CONTINUED, INT64_MAX, INT64_MIN, SMALL, varint
from otbridge.wire.values import any_value, utf8

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from otbridge.processors.redact import Redactor
    from otbridge.wire.attributes import Name, Names

__all__ = ["LONGEST_CACHED", "MOST_CACHED", "MOST_SAID", "Clean", "clean"]

MOST_CACHED: Final = 4096
"""Entries of a table; a full one is emptied, which costs time but no memory."""
LONGEST_CACHED: Final = 128
"""Characters of a text that is remembered: names, routes and states come again, prose does not."""
MOST_SAID: Final = 512
"""Different values under one name after which no more of them are remembered: ids, not states."""

_SMALL: Final = len(SMALL)
_MEDIUM: Final = _SMALL << 7
_double: Final = Struct("<d").pack


class Clean(NamedTuple):
    """Two functions that share their tables."""

    append: Callable[[list[bytes], Mapping[str, Any]], bool]
    """Append attributes to a message's parts; False, and parts of them there, where one of them
    is not harmless. Raises what odd keys and values raise when they are looked into."""
    text: Callable[[str], bytes | None]
    """Return a text in UTF-8; None where it is not harmless."""


class _Field:
    """A name that is no secret's: what stands before its values, and what it has said."""

    __slots__ = ("double", "false", "integers", "name", "none", "said", "texts", "true")

    def __init__(self, name: Name) -> None:
        self.name = name
        # One step nearer than in the name.
        self.double, self.integers, self.texts = name.double, name.integers, name.texts
        self.true, self.false, self.none = name.true, name.false, name.none
        self.said: dict[str, bytes] = {}
        """Harmless texts, each with all that stands before it."""


def clean(
    names: Names,
    redactor: Redactor | None,
    *,
    value_limit: int | None = None,
    reserved: frozenset[str] = frozenset(),
) -> Clean:
    """Make the functions for one kind of field.

    Args:
        names: The remembered names of this kind of field.
        redactor: Tells what is a secret; None where nothing is redacted.
        value_limit: Most characters of a harmless text; None for any number.
        reserved: Keys that are never harmless.
    """
    known: dict[str, _Field] = {}
    longest = LONGEST_CACHED if value_limit is None else min(LONGEST_CACHED, value_limit)
    redacts = redactor is not None
    remembered = 0  # texts, under all names together

    def learn(key: Any) -> _Field | None:
        if type(key) is not str or key in reserved:
            return None
        if redactor is not None and redactor.is_secret_name(key):
            return None
        if len(known) >= MOST_CACHED:
            known.clear()
        field = known[key] = _Field(names.learn(key))
        return field

    def harmless(text: str) -> bytes | None:
        size = len(text)
        if value_limit is not None and size > value_limit:
            return None
        if (
            redactor is not None
            and size >= SHORTEST
            and (size > LONGEST_CACHED or is_suspicious(text))
            and redactor.text(text) is not text
        ):
            return None
        return utf8(text)

    def say(field: _Field, text: str) -> bytes | None:
        """Return *text* under its name if it is harmless; remember it if the name repeats itself."""
        short = len(text) <= longest
        if not short or (redacts and len(text) >= SHORTEST and is_suspicious(text)):
            encoded = harmless(text)
            if encoded is None:
                return None
        else:
            try:
                encoded = text.encode()
            except UnicodeEncodeError:
                encoded = utf8(text)
        size = len(encoded)
        pair = (field.texts.get(size) or field.name.before_text(size)) + encoded
        if short and len(field.said) < MOST_SAID:
            remember(field, text, pair)
        return pair

    def remember(field: _Field, text: str, pair: bytes) -> None:
        nonlocal remembered
        if remembered >= MOST_CACHED:
            for each in list(known.values()):
                each.said.clear()
            remembered = 0
        remembered += 1
        field.said[text] = pair

    def encode_odd(parts: list[bytes], odd: list[tuple[int, _Field, str, Any]]) -> bool:
        """Put values of other types into their places, if they are harmless and not endless."""
        if redactor is not None:
            for _, _, key, value in odd:
                if redactor.value(key, value) is not value:
                    return False
        if not nesting.enter():
            return False
        try:
            for place, field, _, value in odd:
                parts[place] = field.name.pair(any_value(value))
        finally:
            nesting.leave()
        return True

    def append_clean(parts: list[bytes], attributes: Mapping[str, Any]) -> bool:
        append = parts.append
        odd: list[tuple[int, _Field, str, Any]] | None = None
        for key, value in attributes.items():
            try:
                field = known[key]
            except KeyError:
                found = learn(key)
                if found is None:
                    return False
                field = found
            kind = type(value)
            if kind is str:
                pair = field.said.get(value) or say(field, value)
                if pair is None:
                    return False
                append(pair)
            elif kind is int:
                if 0 <= value < _SMALL:
                    encoded = SMALL[value]
                elif 0 < value < _MEDIUM:
                    encoded = CONTINUED[value & 0x7F] + SMALL[value >> 7]
                elif INT64_MIN <= value <= INT64_MAX:
                    encoded = varint(value)
                else:
                    append(field.name.pair(any_value(value)))
                    continue
                append(field.integers[len(encoded)])
                append(encoded)
            elif kind is float:
                append(field.double)
                append(_double(value))
            elif value is True:
                append(field.true)
            elif value is False:
                append(field.false)
            elif value is None:
                append(field.none)
            else:  # its own code may run, so only when nothing is in the way any more
                odd = odd or []
                odd.append((len(parts), field, key, value))
                append(b"")
        return odd is None or encode_odd(parts, odd)

    return Clean(append_clean, harmless)
