"""Keep one event from growing without bound: number of attributes and length of texts."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from otbridge.typing import EventDict, Processor

__all__ = ["DROPPED", "limits"]

DROPPED: Final = "otbridge.dropped_attributes"
"""Key of the event that says how many attributes it lost to the limit; over OTLP it is the
record's `dropped_attributes_count`."""

_KEPT: Final = (
    *("event", "level", "severity_number", "logger", "timestamp"),
    *("trace_id", "span_id", "trace_flags", "correlation.id", "exception.", "code."),
)
"""Starts of the names of what makes an event readable; it is few and bounded, and always stays."""

_OWN_LIMIT: Final = {
    "exception.stacktrace": sys.maxsize,
    "code.stacktrace": sys.maxsize,
    "trace_id": 32,
    "span_id": 16,
}
"""Stack traces have a larger limit of their own, in `exceptions`; and an id is whole or none."""


def limits(attributes: int = 128, text: int = 32_768) -> Processor:
    """Make a processor that cuts texts and drops surplus attributes, and says so.

    Args:
        attributes: Most attributes kept; the last ones go (OpenTelemetry's default is 128).
        text: Most characters of a text kept, the message included. Texts inside lists and
            mappings are left to the encoder's own limits.
    """

    def cut(logger: Any, method_name: str, event_dict: EventDict) -> EventDict:  # noqa: ARG001
        if len(event_dict) > attributes:
            event_dict = _first(event_dict, attributes)
        for key, value in event_dict.items():
            if type(value) is str and len(value) > max(text, _OWN_LIMIT.get(key, 0)):
                # Assigning to an existing key does not disturb the iteration.
                event_dict[key] = f"{value[:text]}… (cut: {len(value)} characters)"
        return event_dict

    return cut


def _first(event_dict: EventDict, attributes: int) -> EventDict:
    """Return what makes *event_dict* readable and the first so many *attributes* of the others."""
    room = attributes
    kept: EventDict = {}
    for key, value in event_dict.items():
        if key.startswith(_KEPT):
            kept[key] = value
        elif room:
            room -= 1
            kept[key] = value
    surplus = len(event_dict) - len(kept)
    if surplus:
        kept[DROPPED] = surplus
    return kept
