"""What a viewer of the live feed wants to see."""

from __future__ import annotations

import binascii
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from otbridge.errors import QueryError

if TYPE_CHECKING:
    from otbridge.wire.rows import LogRow, SpanRow

__all__ = ["LiveFilter"]

_SEVERITIES: Final = {
    "trace": 1,
    "debug": 5,
    "info": 9,
    "warn": 13,
    "warning": 13,
    "error": 17,
    "fatal": 21,
    "critical": 21,
}
"""The lowest number of each name (OTel logs data model §Severity Fields)."""


@dataclass(frozen=True, slots=True)
class LiveFilter:
    """Which items pass; a field left out asks nothing."""

    trace_id: bytes | None = None
    service: str | None = None
    severity: int = 0
    """Log records below it are left out; spans have no severity and pass."""
    words: tuple[bytes, ...] = ()
    """In lower case; each has to occur in the record's text, names, keys or values."""

    @classmethod
    def of(cls, asked: dict[str, Any]) -> LiveFilter:
        """Return the filter that a viewer's `filter` message asks for.

        Raises:
            QueryError: A field is not what it should be.
        """
        return cls(
            trace_id=_trace_id(_text(asked, "trace_id")),
            service=_text(asked, "service") or None,
            severity=_severity(asked.get("severity")),
            words=tuple(
                word.encode()
                for part in (_text(asked, "q") or "").lower().split()
                for word in part.split("=", 1)
                if word
            ),
        )

    def passes(self, kind: str, row: SpanRow | LogRow) -> bool:
        """Whether the item of *kind* with *row* is wanted."""
        if self.trace_id is not None and row.trace_id != self.trace_id:
            return False
        if self.service is not None and row.service != self.service:
            return False
        if self.severity and kind == "log" and row.severity_number < self.severity:  # type: ignore[union-attr]
            return False
        if self.words:
            # Protobuf keeps strings as plain UTF-8, so the record's bytes are its text.
            text = row.data.lower()
            return all(word in text for word in self.words)
        return True


def _text(asked: dict[str, Any], name: str) -> str | None:
    value = asked.get(name)
    if value is None or isinstance(value, str):
        return value
    raise QueryError(f"The filter's {name} is {value!r:.60}.", "", "Give a string, or null.")


def _trace_id(text: str | None) -> bytes | None:
    if not text:
        return None
    try:
        value = binascii.unhexlify(text)
    except ValueError:
        value = b""
    if len(value) != 16:
        raise QueryError(
            f"The filter's trace_id is {text[:60]!r}.", "", "Give 32 hex digits, or null."
        )
    return value


def _severity(asked: Any) -> int:
    if asked is None or asked == "":
        return 0
    if type(asked) is int and 0 <= asked <= 24:
        return asked
    if isinstance(asked, str):
        number = _SEVERITIES.get(asked.lower())
        if number is not None:
            return number
        if asked.isascii() and asked.isdigit() and int(asked[:3]) <= 24:
            return int(asked[:3])
    raise QueryError(
        f"The filter's severity is {asked!r:.60}.",
        "",
        f"Give a number from 1 to 24, or one of {', '.join(_SEVERITIES)}.",
    )
