"""The words of attributes, looked up by their bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from opentelemetry.proto.common.v1.common_pb2 import KeyValue

from otbridge.hub.analysis.genai import tells_of_agents
from otbridge.hub.store.attributes import decode_attributes
from otbridge.hub.store.text import attribute_words

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["AttributeWords"]

_KEPT: Final = 32_768
"""Attributes whose words are kept, some 300 bytes each."""

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

    def of(self, attributes: Sequence[bytes]) -> list[str]:
        """Return a text to index for each of the *attributes* (KeyValue messages).

        Raises:
            DecodeError: One of them is none.
        """
        known = self._texts
        try:
            return [known[attribute] for attribute in attributes]
        except KeyError:
            return [known.get(attribute) or self._read(attribute) for attribute in attributes]

    def tell_of_agents(self, attributes: Sequence[bytes]) -> bool:
        """Whether one of the *attributes*, which were looked up before, may be an agent's."""
        return not self._agents.isdisjoint(attributes)

    def _read(self, attribute: bytes) -> str:
        message = KeyValue.FromString(attribute)
        text = " ".join(attribute_words(decode_attributes([message])))
        agents = tells_of_agents(message.key)
        if len(attribute) <= _KEPT_BYTES or agents:
            if len(self._texts) >= _KEPT:
                self._texts.clear()
                self._agents.clear()
            self._texts[attribute] = text
            if agents:
                self._agents.add(attribute)
        return text
