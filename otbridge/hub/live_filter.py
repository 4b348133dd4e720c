"""What a viewer of the live feed wants to see, and what there is to look for in an item."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any, Final

from otbridge.errors import QueryError
from otbridge.hub.query import arguments
from otbridge.wire.rows import LogRow

if TYPE_CHECKING:
    from collections.abc import Iterator

    from otbridge.hub.store.vocabulary import Term
    from otbridge.wire.rows import SpanRow

__all__ = ["LiveFilter", "Searchable"]

_FLAGS: Final = frozenset({"true", "fals", "false"})

_WORDS: Final = re.compile(r"[^\W_]+")
"""Runs of letters and digits, as the store's text search has them."""


class Searchable:
    """A record, and the texts in it; taken from it once, and only where somebody looks."""

    def __init__(self, row: SpanRow | LogRow) -> None:
        self.row = row

    def says(self, begun: str) -> bool:
        """Whether a word of its text, or of its attributes' values, begins with *begun*.

        Args:
            begun: Letters and digits in lower case.
        """
        if not self._may_say(begun):
            return False
        search = _beginning(begun).search
        return bool(search(self._own_text) or search(self._attributes_text))

    @cached_property
    def _own_text(self) -> str:
        row = self.row
        text = f"{row.body_text}\n{row.event_name}" if isinstance(row, LogRow) else row.name
        return text.lower()

    @cached_property
    def _attributes_text(self) -> str:
        return "\n".join(text for _, text in self._pairs).lower()

    @cached_property
    def _folded(self) -> bytes:
        return self.row.data.lower()

    def _may_say(self, word: str) -> bool:
        """Whether a look at the bytes leaves it open that a word begins with *word*.

        Most records do not have what is asked for, and to decode one costs fifty times as much.
        Only plain words are looked for so: numbers and flags are not in the bytes as they are
        written. What is passed over so is words within base64, and the Kelvin sign as a k.
        """
        if len(word) < 4 or not (word.isascii() and word.isalpha()) or word in _FLAGS:
            return True
        return word.encode() in self._folded

    def has_attribute(self, key: str, text: str) -> bool:
        """Whether the attribute *key* has the value that is written *text*."""
        may_have = key.encode("utf-8", "replace") in self.row.data
        return may_have and (key, text) in self._pairs

    @cached_property
    def _pairs(self) -> frozenset[tuple[str, str]]:
        from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
        from opentelemetry.proto.trace.v1.trace_pb2 import Span

        from otbridge.hub.store.attributes import decode_attributes

        kind = LogRecord if isinstance(self.row, LogRow) else Span
        attributes = decode_attributes(kind.FromString(self.row.data).attributes)
        return frozenset((key, text) for key, value in attributes.items() for text in _texts(value))


@dataclass(frozen=True, slots=True)
class LiveFilter:
    """Which items pass; a field left out asks nothing."""

    trace_id: bytes | None = None
    service: str | None = None
    severity: int = 0
    """Log records below it are left out; spans have no severity and pass."""
    terms: tuple[Term, ...] = ()
    """All have to hold, by the rules of the API's `q`."""

    @classmethod
    def of(cls, asked: dict[str, Any]) -> LiveFilter:
        """Return the filter that a viewer's `filter` message asks for.

        Raises:
            QueryError: A field is not what it should be.
        """
        trace_id, service = _text(asked, "trace_id"), _text(asked, "service")
        severity, q = _text(asked, "severity"), _text(asked, "q")
        return cls(
            trace_id=arguments.read_trace_id("trace_id", trace_id) if trace_id else None,
            service=service or None,
            severity=arguments.read_severity("severity", severity) if severity else 0,
            terms=arguments.read_terms("q", q),
        )

    def passes(self, item: Searchable) -> bool:
        """Whether *item* is wanted."""
        row = item.row
        if self.trace_id is not None and row.trace_id != self.trace_id:
            return False
        if self.service is not None and row.service != self.service:
            return False
        if self.severity and isinstance(row, LogRow) and row.severity_number < self.severity:
            return False
        return all(_holds(term, item) for term in self.terms)


def _holds(term: Term, item: Searchable) -> bool:
    if term.key is not None:
        return item.has_attribute(term.key, term.text)
    return all(item.says(begun) for begun in _WORDS.findall(term.text.lower()))


@lru_cache(1024)
def _beginning(word: str) -> re.Pattern[str]:
    """Return what finds *word* where a word begins."""
    return re.compile(rf"(?<![^\W_]){re.escape(word)}")


def _text(asked: dict[str, Any], name: str) -> str:
    value = asked.get(name)
    if value is None:
        return ""
    if isinstance(value, str) or type(value) is int:
        return str(value)
    raise QueryError(f"The filter's {name} is {value!r:.60}.", "", "Give a string, or null.")


def _texts(value: Any) -> Iterator[str]:
    """Yield how each single value within *value* is written in a search."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, bool):
        yield "true" if value else "false"
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)
    elif isinstance(value, dict):
        for item in value.values():
            yield from _texts(item)
    elif value is not None:
        yield repr(value)
