"""The agents' stamp on spans, loaded when there is something to stamp."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opentelemetry import baggage
from opentelemetry.sdk.trace import SpanProcessor

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.sdk.trace import Span

__all__ = ["LazyStamp"]


class LazyStamp(SpanProcessor):
    """Stamps spans with the agent run they belong to.

    A run is told by baggage, which may come from another process; so the agents' package is only
    loaded (30 ms) in a process that meets baggage.
    """

    def __init__(self) -> None:
        self._stamp: SpanProcessor | None = None

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        """Stamp *span*, if there is any baggage at all."""
        if not baggage.get_all(parent_context):
            return
        if self._stamp is None:
            from otbridge.agents.stamp import StampProcessor

            self._stamp = StampProcessor()
        self._stamp.on_start(span, parent_context)
