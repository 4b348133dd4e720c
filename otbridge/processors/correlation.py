"""Put the correlation id on the event."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opentelemetry import baggage

from otbridge.semconv import CORRELATION_ID

if TYPE_CHECKING:
    from otbridge.typing import EventDict

__all__ = ["correlation"]


def correlation(logger: Any, method_name: str, event_dict: EventDict) -> EventDict:  # noqa: ARG001
    """Add `correlation.id` where one is in force and the event names none itself."""
    identifier = baggage.get_baggage(CORRELATION_ID)
    if identifier is not None:
        event_dict.setdefault(CORRELATION_ID, str(identifier))
    return event_dict
