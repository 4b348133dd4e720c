"""Levels in words and numbers, and their OpenTelemetry severity.

| level | severity | text | standard library |
|---|---|---|---|
| trace | 1 TRACE | TRACE | 5 |
| debug | 5 DEBUG | DEBUG | 10 |
| info | 9 INFO | INFO | 20 |
| success | 10 INFO2 | SUCCESS | 20 |
| audit | 11 INFO3 | AUDIT | 20 |
| compliance | 12 INFO4 | COMPLIANCE | 20 |
| notice | 12 INFO4 | NOTICE | 25 |
| warning | 13 WARN | WARN | 30 |
| security | 14 WARN2 | SECURITY | 30 |
| error, exception | 17 ERROR | ERROR | 40 |
| failure | 18 ERROR2 | FAILURE | 40 |
| critical, fatal | 21 FATAL | FATAL | 50 |

Numbers are those of OpenTelemetry's logs data model (1 to 24); texts are its short names for the
usual levels, so that every backend colours them, and the level's own name for ours. Audit,
compliance and security sit inside INFO and WARN so that a filter on a usual level keeps them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

if TYPE_CHECKING:
    from otbridge.typing import EventDict

__all__ = ["Severity", "of_level", "of_number", "severity"]


class Severity(NamedTuple):
    """What a level means in OpenTelemetry."""

    number: int
    """1 (finest) to 24 (fatal)."""
    text: str


_LEVELS: Final[dict[str, Severity]] = {
    "trace": Severity(1, "TRACE"),
    "debug": Severity(5, "DEBUG"),
    "info": Severity(9, "INFO"),
    "msg": Severity(9, "INFO"),
    "sep": Severity(9, "INFO"),
    "success": Severity(10, "SUCCESS"),
    "audit": Severity(11, "AUDIT"),
    "compliance": Severity(12, "COMPLIANCE"),
    "notice": Severity(12, "NOTICE"),
    "warning": Severity(13, "WARN"),
    "warn": Severity(13, "WARN"),
    "security": Severity(14, "SECURITY"),
    "error": Severity(17, "ERROR"),
    "err": Severity(17, "ERROR"),
    "exception": Severity(17, "ERROR"),
    "failure": Severity(18, "FAILURE"),
    "critical": Severity(21, "FATAL"),
    "fatal": Severity(21, "FATAL"),
}


def of_level(level: object) -> Severity:
    """Return the severity of a level's name; an unknown name counts as INFO and keeps its text."""
    name = str(level)
    known = _LEVELS.get(name)
    if known is None:
        known = _LEVELS.get(name.lower()) or Severity(9, name.upper()[:32])
    return known


def of_number(levelno: int, name: str = "") -> Severity:
    """Return the severity of a standard library level.

    Between the usual levels it is interpolated: 10 steps there are 4 severities here. *name* is
    kept as the text unless it is a usual level's, or logging's stand-in for "no name".
    """
    known = _LEVELS.get(name.lower())
    if known is not None:
        return known
    number = max(1, min(24, 5 + (levelno - 10) * 4 // 10))
    return Severity(number, "" if name.startswith("Level ") else name.upper()[:32])


def severity(logger: Any, method_name: str, event_dict: EventDict) -> EventDict:  # noqa: ARG001
    """Add `level` (the method's name where the event has none) and `severity_number`."""
    level = event_dict.get("level")
    if level is None:
        level = event_dict["level"] = "error" if method_name == "exception" else method_name
    if "severity_number" not in event_dict:
        event_dict["severity_number"] = of_level(level).number
    return event_dict
