"""The run, the agents and the conversation on every span below, whoever makes it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opentelemetry.sdk.trace import SpanProcessor

from otbridge.agents.place import Place

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.sdk.trace import Span

__all__ = ["StampProcessor"]


class StampProcessor(SpanProcessor):
    """Stamps spans at their start with what baggage says of the run they are part of.

    `otbridge.run.id`, `otbridge.agent.path`, `gen_ai.conversation.id`, `session.id` and `user.id`,
    on database and HTTP spans too, so that all that an agent caused can be found. What a span
    says itself is left alone. Outside of agents it costs one look into the context.
    """

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        """Stamp *span*."""
        stamps = Place.of(parent_context).as_attributes()
        if stamps:
            said = span.attributes or {}
            missing = {key: value for key, value in stamps.items() if key not in said}
            if missing:
                span.set_attributes(missing)
