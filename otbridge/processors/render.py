"""Render an event for people (one line, perhaps in colour) or for machines (one JSON object).

Whatever comes from outside is escaped: a record is one line, and no control character of a
message, name or value reaches the terminal (security checklist, lines 18 and 19).
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "FACTS",
    "Palette",
    "as_json",
    "clean",
    "duration",
    "fields",
    "json_line",
    "level_label",
    "one_line",
]

FACTS: Final = frozenset(
    {
        *("event", "level", "severity_number", "logger", "timestamp", "event_name"),
        *("trace_id", "span_id", "trace_flags"),
        *("exception.type", "exception.message", "exception.stacktrace", "code.stacktrace"),
        *("code.file.path", "code.line.number", "code.function.name", "thread.id", "thread.name"),
        *("service.name", "service.version", "deployment.environment.name"),
    }
)
"""Keys that have a place of their own on a line, or none, and are not shown as `key=value`."""

_CONTROL: Final = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]"
)
"""C0, DEL, C1, line separators, everything that turns writing direction, and lone surrogates."""

_SHORT_ESCAPES: Final = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}
_BARE: Final = re.compile(r"[^\s\"'=\\]+")
_LONGEST_VALUE: Final = 300
"""Characters of one value on a line for people; the whole of it is in the record."""


def _escape(match: re.Match[str]) -> str:
    character = match.group()
    code = ord(character)
    return _SHORT_ESCAPES.get(character) or (f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}")


def clean(text: object) -> str:
    """Return *text* as one line without control characters; each is shown as its escape."""
    try:
        shown = text if isinstance(text, str) else str(text)
    except Exception as broken:  # noqa: BLE001 - a __str__ of the user's; a line is shown anyway
        shown = f"<{type(text).__name__}: __str__ raised {type(broken).__name__}>"
    return _CONTROL.sub(_escape, shown)


class Palette:
    """Escape sequences by meaning; all empty without colour."""

    __slots__ = ("accents", "bold", "dim", "green", "levels", "red", "reset", "yellow")

    def __init__(self, *, colour: bool) -> None:
        def code(sequence: str) -> str:
            return f"\x1b[{sequence}m" if colour else ""

        self.reset, self.bold, self.dim = code("0"), code("1"), code("2")
        self.red, self.green, self.yellow = code("31"), code("32"), code("33")
        # Only warnings are yellow, only errors are red: colour that means nothing hides colour
        # that does.
        self.levels = {
            5: self.dim, 9: code("34"), 10: self.green, 11: code("36"), 12: code("36"),
            13: self.yellow, 14: code("1;33"), 17: self.red, 18: self.red, 21: code("1;41;97"),
        }  # fmt: skip
        # One per trace, told apart on dark and light grounds; no red, yellow or green.
        self.accents = tuple(
            code(each) for each in ("36", "35", "34", "38;5;67", "38;5;133", "38;5;30")
        )

    def level(self, number: int) -> str:
        """Return the colour of a severity number: its own, or its family's."""
        return self.levels.get(number) or self.levels.get((number - 1) // 4 * 4 + 1, "")


_LABELS: Final = {
    "warning": "warn",
    "critical": "crit",
    "exception": "error",
    "compliance": "comply",
}


def level_label(level: object) -> str:
    """Return a level in eight columns."""
    name = clean(level).lower()
    return f"{_LABELS.get(name, name)[:8]:<8}"


def _value(value: Any) -> str:
    shown = clean(value if isinstance(value, str) else _compact(value))
    if len(shown) > _LONGEST_VALUE:
        shown = f"{shown[:_LONGEST_VALUE]}…"
    if isinstance(value, str) and not _BARE.fullmatch(shown):
        return '"' + shown.replace('"', '\\"') + '"'
    return shown


def _compact(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.6g}"
    if value is None or isinstance(value, (bool, int)):
        return str(value)
    return json.dumps(value, default=_text, ensure_ascii=False) if _plain(value) else _text(value)


def _plain(value: Any) -> bool:
    return isinstance(value, (dict, list, tuple))


def _text(value: Any) -> str:
    try:
        return str(value)
    except Exception as broken:  # noqa: BLE001 - a __str__ of the user's
        return f"<{type(value).__name__}: __str__ raised {type(broken).__name__}>"


def fields(
    event_dict: Mapping[str, Any], palette: Palette, hidden: frozenset[str] = frozenset()
) -> str:
    """Return everything that has no place of its own as `key=value`, in the event's order.

    Args:
        event_dict: The event, or a span's attributes.
        palette: The colours.
        hidden: Further keys that are not shown.
    """
    shown = []
    for key, value in event_dict.items():
        if key not in FACTS and key not in hidden:
            try:
                text = _value(value)
            except Exception as broken:  # noqa: BLE001 - cycles, broken reprs: show the rest anyway
                text = f"<{type(broken).__name__}>"
            shown.append(f"{palette.dim}{clean(key)}={palette.reset}{text}")
    return "  ".join(shown)


def duration(nanoseconds: int) -> str:
    """Return a length of time in the unit that people would use, three digits of it."""
    seconds = nanoseconds / 1e9
    for factor, unit in ((1e6, "µs"), (1e3, "ms")):
        if seconds * factor < 999.5:
            return f"{seconds * factor:.3g} {unit}"
    if seconds < 99.95:
        return f"{seconds:.3g} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s"


_FIRST: Final = ("level", "event", "logger", "service.name", "trace_id", "span_id")
"""What a JSON line begins with, after its time."""
_PLACED: Final = frozenset({*_FIRST, "timestamp", "severity_number", "trace_flags"})
"""Keys that have their place already, or none."""
as_json: Final = json.JSONEncoder(default=_text, ensure_ascii=False).encode
"""Returns any value as JSON; raises for keys that are no texts and for cycles."""


def json_line(event_dict: Mapping[str, Any], *, timestamp: str) -> str:
    """Return the event as one JSON object on one line; total, and one line whatever is in it."""
    ordered: dict[str, Any] = {"timestamp": timestamp}
    for key in _FIRST:
        if key in event_dict:
            ordered[key] = event_dict[key]
    for key, value in event_dict.items():
        if key not in _PLACED:
            ordered[key if type(key) is str else str(key)] = value
    try:
        line = as_json(ordered)
    except (TypeError, ValueError, RecursionError):  # odd keys inside, cycles, too deep
        line = as_json({str(key): _text(value) for key, value in ordered.items()})
    return one_line(line)


def one_line(line: str) -> str:
    """Return JSON without control characters: it has escaped those of ASCII, all but one."""
    if line.isascii() and "\x7f" not in line:
        return line
    return _CONTROL.sub(lambda found: f"\\u{ord(found.group()):04x}", line)
