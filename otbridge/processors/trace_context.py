"""Put the ids of the current span on the event: `trace_id`, `span_id`, `trace_flags`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from opentelemetry.trace import get_current_span

if TYPE_CHECKING:
    from opentelemetry.trace import SpanContext

    from otbridge.typing import EventDict

__all__ = ["trace_context"]

_MOST_CACHED: Final = 1024

_hex: dict[int, tuple[SpanContext, str, str, str]] = {}
# Formatting two ids costs 0.7 µs, and most spans log more than once. Keyed by span id; the span
# context beside it makes sure that it is the same span.


def trace_context(logger: Any, method_name: str, event_dict: EventDict) -> EventDict:  # noqa: ARG001
    """Add the ids of the current span as hex; change nothing outside any span.

    Ids that the event already has are left alone: it was made for another span.
    """
    current = get_current_span().get_span_context()
    if not current.is_valid or "trace_id" in event_dict:
        return event_dict
    known = _hex.get(current.span_id)
    if known is None or known[0] is not current:
        if len(_hex) >= _MOST_CACHED:
            _hex.clear()
        known = _hex[current.span_id] = (
            current,
            f"{current.trace_id:032x}",
            f"{current.span_id:016x}",
            f"{current.trace_flags:02x}",
        )
    _, event_dict["trace_id"], event_dict["span_id"], event_dict["trace_flags"] = known
    return event_dict
