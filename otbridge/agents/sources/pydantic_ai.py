"""pydantic-ai: its own OpenTelemetry spans, with our rule about content.

    from otbridge.agents.sources import pydantic_ai

    pydantic_ai.instrument()

Its agents then run in whatever trace is current: below a handoff of ours, in a request, or where
`agents.continue_from` goes on with another process's run.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from otbridge.agents import content
from otbridge.errors import ConfigurationError

if TYPE_CHECKING:
    from opentelemetry.metrics import MeterProvider
    from opentelemetry.trace import TracerProvider

__all__ = ["instrument"]

_FORMAT: Final = 5
"""pydantic-ai's own number for its spans' form: GenAI attributes, and agents' totals under names of
their own, so that nobody adds them to the model calls'."""


def instrument(
    *,
    capture_content: bool | None = None,
    tracer_provider: TracerProvider | None = None,
    meter_provider: MeterProvider | None = None,
) -> None:
    """Trace all pydantic-ai agents of this process that have no settings of their own.

    Args:
        capture_content: Whether prompts, answers, arguments and results are kept. pydantic-ai
            keeps them by default; here `OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT`
            decides, and without it they are not. Binary content never is.
        tracer_provider: Where the spans go; the global provider by default.
        meter_provider: Where the metrics go; the global provider by default.

    Raises:
        ConfigurationError: pydantic-ai is missing, or too old to be told this.
    """
    try:
        from pydantic_ai import Agent, InstrumentationSettings

        settings = InstrumentationSettings(
            tracer_provider=tracer_provider,
            meter_provider=meter_provider,
            include_content=content.is_captured(capture_content),
            include_binary_content=False,
            # Repeats the tools' whole definitions with every call, which are content, too.
            include_model_request_parameters=False,
            version=_FORMAT,
            use_aggregated_usage_attribute_names=True,
        )
    except (ImportError, TypeError, ValueError) as error:
        raise ConfigurationError(
            f"pydantic-ai cannot be instrumented: {error}.",
            "Its agents are traced by pydantic-ai 2 itself, with the settings given here.",
            "Install it: pip install 'otbridge[pydantic-ai]'",
        ) from error
    Agent.instrument_all(settings)
