"""The tracer that agent spans are made with: of whatever provider the program has.

`opentelemetry.trace.get_tracer` builds a new tracer at every call on some providers; here it is
kept for as long as the provider stays the same one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from opentelemetry import trace

if TYPE_CHECKING:
    from collections.abc import Callable

    from opentelemetry.trace import Tracer, TracerProvider

__all__ = ["on_first_span", "tracer"]

SCOPE: Final = "otbridge.agents"
"""Name of the instrumentation scope of our agent spans."""

_kept: tuple[TracerProvider | None, Tracer | None] = (None, None)
_first_span: Callable[[], object] | None = None


def on_first_span(prepare: Callable[[], object]) -> None:
    """Have *prepare* called once, before the first span.

    It is how a program that never configured anything still gets its spans delivered: this
    package does not know who delivers.
    """
    global _first_span
    _first_span = prepare


def tracer() -> Tracer:
    """Return the tracer of the global provider."""
    global _kept, _first_span
    if _first_span is not None:
        prepare, _first_span = _first_span, None
        prepare()
    provider = trace.get_tracer_provider()
    kept_for, kept = _kept
    if kept is None or kept_for is not provider:
        kept = provider.get_tracer(SCOPE)
        _kept = (provider, kept)
    return kept
