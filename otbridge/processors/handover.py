"""The last of our processors in somebody else's chain: hands the finished event to delivery.

Delivery stands in a layer above this one, so it connects itself here when it starts; and it is
started, by name, when the first event comes and nobody configured anything.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from structlog.contextvars import merge_contextvars

from otbridge.context.start import start

if TYPE_CHECKING:
    from otbridge.typing import EventDict

__all__ = ["Handover", "Recipient", "connect", "enrich"]


class Recipient(Protocol):
    """What takes events from a chain that is not ours."""

    def enrich(self, logger: Any, method_name: str, event_dict: EventDict, /) -> EventDict:
        """Return the event with ids and without secrets."""
        ...

    def accept(self, logger: Any, method_name: str, event_dict: EventDict, /) -> None:
        """Take the finished event for delivery; it must not be changed."""
        ...


_recipient: Recipient | None = None


def connect(recipient: Recipient | None) -> None:
    """Let *recipient* take the events from now on; None disconnects."""
    global _recipient
    _recipient = recipient


def _connected() -> Recipient | None:
    if _recipient is None:
        start()
    return _recipient


def enrich(logger: Any, method_name: str, event_dict: EventDict) -> EventDict:
    """Merge the context variables, add the ids, take the secrets out."""
    event_dict = merge_contextvars(logger, method_name, event_dict)
    recipient = _connected()
    return event_dict if recipient is None else recipient.enrich(logger, method_name, event_dict)


class Handover:
    """Hand each event over and pass it on unchanged."""

    __slots__ = ()

    def __call__(self, logger: Any, method_name: str, event_dict: EventDict) -> EventDict:
        """Hand *event_dict* over; never raises."""
        recipient = _connected()
        if recipient is not None:
            recipient.accept(logger, method_name, event_dict)
        return event_dict
