"""Enriched event to OTLP log record: the one place that knows both.

Every log line comes through here exactly once, whichever way it was written: structlog, the
standard library, structlog through the standard library, loguru.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from otbridge.processors.limits import DROPPED
from otbridge.processors.severity import of_level
from otbridge.semconv import SPAN_STARTED
from otbridge.wire.otlp_logs import encode_context, encode_log_record
from otbridge.wire.otlp_request import Envelope

if TYPE_CHECKING:
    from collections.abc import Mapping

    from otbridge.typing import EventDict

__all__ = ["DEFAULT_SCOPE", "Put", "Recorder"]

Put = Callable[[Envelope, bytes, int], bool]
"""Hands an encoded record to delivery; False means not taken, and counted."""

DEFAULT_SCOPE: Final = "otbridge"
"""Scope of records whose logger has no name."""

_MOST_CACHED: Final = 4096

_FIELDS: Final = frozenset(
    {
        *("event", "level", "severity_number", "event_name", "event.name", "otel.event.name"),
        *("trace_id", "span_id", "trace_flags", DROPPED, "_record", "_from_structlog"),
    }
)
"""Keys that become fields of the record and are not repeated as attributes."""

_FIELDS_OF_OTHERS: Final = _FIELDS | {"logger", "timestamp"}
"""In events of structlog's own chains also what its `add_logger_name` and `TimeStamper` put there:
the scope says the one, and the record has a time of its own."""


class Recorder:
    """Encodes events for one resource and hands them to delivery.

    Args:
        put: Delivery's door.
        resource: Attributes of this process's resource.
    """

    __slots__ = ("_contexts", "_resource", "envelopes", "put")

    def __init__(self, put: Put, resource: Mapping[str, Any]) -> None:
        self.put: Final = put
        """Delivery's door."""
        self.envelopes: Final[dict[str, Envelope]] = {}
        """Those made so far, by scope."""
        self._resource = resource
        self._contexts: dict[tuple[str, str], bytes] = {}

    def set_resource(self, resource: Mapping[str, Any]) -> None:
        """Describe the process anew, after a fork."""
        self._resource = resource
        self.envelopes.clear()

    def envelope(self, scope: str) -> Envelope:
        """Return the envelope of records from the logger named *scope*."""
        found = self.envelopes.get(scope)
        if found is None:
            if len(self.envelopes) >= _MOST_CACHED:
                self.envelopes.clear()
            found = self.envelopes[scope] = Envelope.of(self._resource, scope)
        return found

    def record(
        self, event: EventDict, scope: str, at_ns: int, observed_ns: int, *, ours: bool = True
    ) -> bool:
        """Encode *event* and hand it over; returns whether it was taken.

        Args:
            event: An enriched event; it is not changed.
            scope: The logger's name.
            at_ns: Unix nanoseconds of the log call.
            observed_ns: Unix nanoseconds of its arrival here.
            ours: Whether it was made by a logger of ours, without other people's processors.
        """
        get = event.get
        name = get("event.name") or get("otel.event.name") or get("event_name") or ""
        if name == SPAN_STARTED:
            name = ""  # ours alone: a hub would take the record for a span
        number = get("severity_number")
        if type(number) is not int:
            number = of_level(get("level", "info")).number
        fields = _FIELDS if ours else _FIELDS_OF_OTHERS
        attributes = {key: value for key, value in event.items() if key not in fields}
        context = self._context(get("trace_id"), get("span_id"), get("trace_flags"))
        if context is None:  # a `trace_id` of the user's own, which is no trace id
            attributes |= {key: event[key] for key in ("trace_id", "span_id") if key in event}
        encoded = encode_log_record(
            at_ns,
            observed_ns,
            number,
            of_level(get("level", "info")).text,
            get("event"),
            attributes,
            context or b"",
            str(name),
            get(DROPPED, 0),
        )
        return self.put(self.envelope(scope or DEFAULT_SCOPE), encoded, number)

    def _context(self, trace_id: Any, span_id: Any, flags: Any) -> bytes | None:
        """Return the ids encoded; empty where there are none, None where they are no ids."""
        if trace_id is None:
            return b""
        try:
            known = self._contexts.get((trace_id, span_id))
            if known is None:
                if len(self._contexts) >= _MOST_CACHED:
                    self._contexts.clear()
                known = self._contexts[trace_id, span_id] = encode_context(
                    int(trace_id, 16), int(span_id or "0", 16), int(flags or "1", 16)
                )
        except (TypeError, ValueError):
            return None
        return known
