"""The tracer that agent spans are made with: of whatever provider the program has.

`opentelemetry.trace.get_tracer` builds a new tracer at every call on some providers; here it is
kept for as long as the provider stays the same one.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

from opentelemetry import trace

from otbridge.context.start import start

if TYPE_CHECKING:
    from opentelemetry.trace import Tracer, TracerProvider

__all__ = ["SCOPE", "tracer"]

SCOPE: Final = "otbridge.agents"
"""Name of the instrumentation scope of our agent spans."""

_log = logging.getLogger(__name__)

_kept: tuple[TracerProvider | None, Tracer | None] = (None, None)
_started = False


def tracer() -> Tracer:
    """Return the tracer of the global provider.

    Where the program has set up none, otbridge starts with its defaults, once.
    """
    global _kept
    provider = trace.get_tracer_provider()
    if isinstance(provider, trace.ProxyTracerProvider) and not _started:
        _start()
        provider = trace.get_tracer_provider()
    kept_for, kept = _kept
    if kept is None or kept_for is not provider:
        kept = provider.get_tracer(SCOPE)
        _kept = (provider, kept)
    return kept


def _start() -> None:
    global _started
    _started = True
    try:
        start()
    except Exception:  # noqa: BLE001 - an agent's work goes on without telemetry
        _log.debug("otbridge could not start by itself", exc_info=True)
