"""One trace, from a click in the browser to the last agent's tool call, with its log lines.

    import otbridge

    otbridge.configure(service="checkout")        # optional
    log = otbridge.get_logger(__name__)
    log.info("order placed", order_id=7)
    with otbridge.span("charge", amount=12), otbridge.correlation("req-123"):
        ...

The package is laid out as the way of the data, outermost layer first; a layer imports only
what stands below it:

    cli                                 commands
    testing                             receivers and fakes for users' tests; tries OTLP clients
    hub                                 receivers -> store -> query -> live UI, forwarding
    _configure                          joins the SDK's parts, and is the only place that may
    agents | bridge | integrations      agent runs; the Python half of ts-bridge; frameworks
    telemetry                           log call or span -> OpenTelemetry signal -> delivery
    delivery | sinks                    queue -> batch -> retry -> sink, and the ledger
    wire | processors                   bytes <-> values without I/O; event -> enriched event
    config                              what a user may set
    context                             correlation, propagation, suppression
    semconv | typing                    names and protocols
    errors | _clock

Importing it loads none of that: a name is loaded when it is first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from otbridge import agents, bridge, errors, processors
    from otbridge._configure import configure, flush, shutdown, stats
    from otbridge.context.correlation import correlation
    from otbridge.context.propagation import extract, inject
    from otbridge.telemetry.logger import Logger, get_logger
    from otbridge.telemetry.span import span

__all__ = [
    "Logger",
    "__version__",
    "agents",
    "bridge",
    "configure",
    "correlation",
    "errors",
    "extract",
    "flush",
    "get_logger",
    "inject",
    "processors",
    "shutdown",
    "span",
    "stats",
]

__version__ = "0.1.0"

_HOMES = {
    "Logger": "otbridge.telemetry.logger",
    "configure": "otbridge._configure",
    "correlation": "otbridge.context.correlation",
    "extract": "otbridge.context.propagation",
    "flush": "otbridge._configure",
    "get_logger": "otbridge.telemetry.logger",
    "inject": "otbridge.context.propagation",
    "shutdown": "otbridge._configure",
    "span": "otbridge.telemetry.span",
    "stats": "otbridge._configure",
}
_MODULES = frozenset({"agents", "bridge", "errors", "processors"})


def __getattr__(name: str) -> Any:
    """Load a public name from where it lives, when it is first used."""
    from importlib import import_module

    if name in _HOMES:
        found = getattr(import_module(_HOMES[name]), name)
    elif name in _MODULES:
        found = import_module(f"otbridge.{name}")
    else:
        raise AttributeError(f"module 'otbridge' has no attribute {name!r}")
    globals()[name] = found  # from now on without coming through here
    return found


def __dir__() -> list[str]:
    """List the public names, also those that are not loaded yet."""
    return sorted(__all__)
