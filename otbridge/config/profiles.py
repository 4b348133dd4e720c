"""Named sets of settings; anything set elsewhere is stronger."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["PROFILES"]

PROFILES: Final[Mapping[str, Mapping[str, Any]]] = {
    # Everything visible at once, as one wants it at one's own desk.
    "development": {"level": "debug", "console": "auto", "callsite": True, "live": "auto"},
    # Quiet and self-contained: a test run must not talk to whatever listens on this machine.
    "testing": {
        "level": "debug", "console": "off", "logs": "none", "traces": "none", "metrics": "none",
        "live": "off", "exit_timeout": 0.5, "spool": False,
    },
    # As production, with the detail that one misses when something is wrong.
    "staging": {"level": "debug", "console": "json", "callsite": True, "live": "off"},
    # Lines for the machine that collects them; no call site, which costs about 1 µs per call.
    "production": {"level": "info", "console": "json", "callsite": False, "live": "off"},
}  # fmt: skip
