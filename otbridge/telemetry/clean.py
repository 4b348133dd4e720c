"""Attributes to OTLP bytes, redaction included, at a look-up each.

Whether a name is a secret's, and what stands before its values on the wire, is found out once for
each name; whether a text is harmless, once for each short text. What is not harmless is for the
caller to send another way: nothing is changed here.
"""

from __future__ import annotations

from struct import Struct
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from otbridge.processors.secret_values import is_suspicious
from otbridge.telemetry import nesting
from otbridge.wire.protobuf import CONTINUED, SMALL, varint
from otbridge.wire.values import any_value, utf8

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from otbridge.processors.redact import Redactor
    from otbridge.wire.attributes import Name, Names

__all__ = ["MOST_CACHED", "Clean", "clean"]

MOST_CACHED: Final = 4096
"""Entries of a table; a full one is emptied, which costs time but no memory."""
_LONGEST_CACHED: Final = 128
"""Characters of a text that is remembered: names, routes and states come again, prose does not."""
_MOST_SAID: Final = 512
"""Different texts under one name after which no more of them are remembered: ids, not states."""
_SHORTEST_SECRET: Final = 8

_SMALL: Final = len(SMALL)
_MEDIUM: Final = _SMALL << 7
_INT64_MIN: Final = -(1 << 63)
_INT64_MAX: Final = (1 << 63) - 1
_double: Final = Struct("<d").pack


class Clean(NamedTuple):
    """Two functions that share their tables."""

    append: Callable[[list[bytes], Mapping[str, Any]], bool]
    """Append attributes to a message's parts; False, and parts of them there, where one of them
    is not harmless. Raises what odd keys and values raise when they are looked into."""
    text: Callable[[str], bytes | None]
    """Return a text in UTF-8; None where it is not harmless."""


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
    known: dict[str, Name] = {}
    texts: dict[str, bytes] = {}
    varied: dict[str, int] = {}

    def learn(key: Any) -> Name | None:
        if type(key) is not str or key in reserved:
            return None
        if redactor is not None and redactor.is_secret_name(key):
            return None
        if len(known) >= MOST_CACHED:
            known.clear()
        name = known[key] = names.learn(key)
        return name

    def harmless(text: str) -> bytes | None:
        size = len(text)
        if value_limit is not None and size > value_limit:
            return None
        if (
            redactor is not None
            and size >= _SHORTEST_SECRET
            and (size > _LONGEST_CACHED or is_suspicious(text))
            and redactor.text(text) is not text
        ):
            return None
        return utf8(text)

    def learn_text(key: str, text: str) -> bytes | None:
        """Return *text* if it is harmless, and remember it unless *key* never says a thing twice."""
        size = len(text)
        if size > _LONGEST_CACHED or (value_limit is not None and size > value_limit):
            return harmless(text)
        if (
            redactor is not None
            and size >= _SHORTEST_SECRET
            and is_suspicious(text)
            and redactor.text(text) is not text
        ):
            return None
        encoded = utf8(text)
        said = varied.get(key, 0)
        if said < _MOST_SAID:
            varied[key] = said + 1
            if len(texts) >= MOST_CACHED:
                texts.clear()
                varied.clear()
            texts[text] = encoded
        return encoded

    def encode_odd(parts: list[bytes], odd: list[tuple[int, Name, str, Any]]) -> bool:
        """Put values of other types into their places, if they are harmless and not endless."""
        if redactor is not None:
            for _, _, key, value in odd:
                if redactor.value(key, value) is not value:
                    return False
        if not nesting.enter():
            return False
        try:
            for place, name, _, value in odd:
                parts[place] = name.pair(any_value(value))
        finally:
            nesting.leave()
        return True

    def append_clean(parts: list[bytes], attributes: Mapping[str, Any]) -> bool:
        append = parts.append
        odd: list[tuple[int, Name, str, Any]] | None = None
        for key, value in attributes.items():
            try:
                name = known[key]
            except KeyError:
                found = learn(key)
                if found is None:
                    return False
                name = found
            kind = type(value)
            if kind is str:
                encoded = texts.get(value) or learn_text(key, value)
                if encoded is None:
                    return False
                size = len(encoded)
                append(name.texts.get(size) or name.before_text(size))
                append(encoded)
            elif kind is int:
                if 0 <= value < _SMALL:
                    encoded = SMALL[value]
                elif 0 < value < _MEDIUM:
                    encoded = CONTINUED[value & 0x7F] + SMALL[value >> 7]
                elif _INT64_MIN <= value <= _INT64_MAX:
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
            elif value is None:
                append(name.none)
            else:  # its own code may run, so only when nothing is in the way any more
                odd = odd or []
                odd.append((len(parts), name, key, value))
                append(b"")
        return odd is None or encode_odd(parts, odd)

    return Clean(append_clean, harmless)
