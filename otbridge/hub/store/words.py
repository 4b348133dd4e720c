"""The words of attributes, looked up by their bytes."""

from __future__ import annotations

from math import isfinite
from struct import Struct
from typing import TYPE_CHECKING, Any, Final

from opentelemetry.proto.common.v1.common_pb2 import KeyValue

from otbridge.hub.analysis.genai import tells_of_agents
from otbridge.hub.store.attributes import decode_attributes
from otbridge.hub.store.text import MAX_PAIR, attribute_words, pair_word_of
from otbridge.hub.store.vocabulary import SESSION_KEYS

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["AttributeWords"]

_KEPT: Final = 32_768
"""Attributes whose words are kept, some 300 bytes each."""

_KEPT_KEYS: Final = 4_096

_FIELD_1: Final = 0x0A
_FIELD_2: Final = 0x12
_TEXT: Final = 0x0A
_INT: Final = 0x18
_DOUBLE: Final = 0x21
_DOUBLE_BYTES: Final = 8
_SMALL_INT: Final = 4
_CONTINUED: Final = 0x80
_SHORT: Final = 0x80
_SHORTEST: Final = 6

_double = Struct("<d").unpack

_SESSION_KEYS: Final = frozenset(key.encode() for key in SESSION_KEYS)

_KEPT_BYTES: Final = 256
"""Longer attributes hardly come again, and are not kept."""


class AttributeWords:
    """What is indexed of attributes, told from their bytes.

    Methods, routes, hosts: most attributes are the same bytes in thousands of records, and are
    decoded once for all of them.
    """

    def __init__(self) -> None:
        self._texts: dict[bytes, str] = {}
        self._agents: set[bytes] = set()
        self._keys: dict[bytes, bool] = {}
        self._sessions: dict[bytes, tuple[str, str]] = {}

    def of(self, attributes: Sequence[bytes]) -> list[str]:
        """Return a text to index for each of the *attributes* (KeyValue messages).

        Raises:
            DecodeError: One of them is none.
        """
        if len(self._texts) >= _KEPT:  # never in between: what is found here is asked about next
            self._texts.clear()
            self._agents.clear()
            self._sessions.clear()
        found: list[Any] = list(map(self._texts.get, attributes))
        if not all(found):
            for place, text in enumerate(found):
                if not text:
                    found[place] = self._read(attributes[place])
        return found

    def tell_of_agents(self, attributes: Sequence[bytes]) -> bool:
        """Whether one of the *attributes*, which `of` was given last, may be an agent's."""
        return bool(self._agents) and not self._agents.isdisjoint(attributes)

    def sessions_of(self, attributes: Sequence[bytes]) -> list[tuple[str, str]]:
        """Return (key, id) of the sessions that *attributes*, which `of` was given last, name."""
        sessions = self._sessions
        if not sessions or sessions.keys().isdisjoint(attributes):
            return []
        return [sessions[attribute] for attribute in attributes if attribute in sessions]

    def _read(self, attribute: bytes) -> str:
        """Return the text of an attribute that is not known, and keep it."""
        key, text = _split_short(attribute) or _decode(attribute)
        agents = self._keys.get(key)
        if agents is None:
            agents = self._keys[key] = tells_of_agents(key.decode())
            if len(self._keys) > _KEPT_KEYS:
                self._keys.clear()
        if key in _SESSION_KEYS and (session := _session_id(attribute)):
            self._sessions[attribute] = (key.decode(), session)
        if len(attribute) <= _KEPT_BYTES or agents:
            self._texts[attribute] = text
            if agents:
                self._agents.add(attribute)
        return text


def _session_id(attribute: bytes) -> str:
    """Return the session that the attribute names; empty where it cannot be the name of one."""
    text = KeyValue.FromString(attribute).value.string_value
    return text if len(text) <= MAX_PAIR else ""


def _decode(attribute: bytes) -> tuple[bytes, str]:
    """Return the key of any attribute, and its text."""
    message = KeyValue.FromString(attribute)
    return message.key.encode(), " ".join(attribute_words(decode_attributes([message])))


def _split_short(attribute: bytes) -> tuple[bytes, str] | None:
    """Return the same of the most common attributes: a short key and a short text or number.

    The protobuf library takes three times as long. Anything else than a key, and then a value of a
    few bytes that is written as every encoder writes it, is left to the library.
    """
    size = len(attribute)
    # KeyValue: field 1 is the key, field 2 the AnyValue; every length here is a single byte.
    if size > _SHORT or size < _SHORTEST or attribute[0] != _FIELD_1:
        return None
    end = 2 + attribute[1]
    if end + 4 > size or attribute[end] != _FIELD_2 or attribute[end + 1] != size - end - 2:
        return None
    key = attribute[2:end]
    kind, value = attribute[end + 2], attribute[end + 3 :]
    if kind == _TEXT and value[0] == len(value) - 1:
        value = value[1:]
    elif kind == _INT and len(value) <= _SMALL_INT and value[-1] < _CONTINUED:
        number = 0
        for byte in reversed(value):
            number = number << 7 | byte & 0x7F
        value = b"%d" % number
    elif kind == _DOUBLE and len(value) == _DOUBLE_BYTES:
        (real,) = _double(value)
        if not isfinite(real):
            return None
        value = repr(real).encode()
    else:
        return None
    return key, f"{value.decode()} {pair_word_of(key, value)}"
