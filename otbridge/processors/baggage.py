"""Put chosen baggage entries on the event."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opentelemetry.baggage import get_all

if TYPE_CHECKING:
    from collections.abc import Iterable

    from otbridge.typing import EventDict, Processor

__all__ = ["baggage"]


def baggage(keys: Iterable[str]) -> Processor:
    """Make a processor that copies the baggage entries named in *keys*.

    An allow-list, because baggage comes from whoever calls us: everything else in it stays where
    it is and is only propagated.
    """
    allowed = tuple(dict.fromkeys(keys))

    def add(logger: Any, method_name: str, event_dict: EventDict) -> EventDict:  # noqa: ARG001
        entries = get_all()
        if entries:
            for key in allowed:
                if key in entries:
                    event_dict.setdefault(key, entries[key])
        return event_dict

    return add
