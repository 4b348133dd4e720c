"""The Python half of ts-bridge: takes what browsers and Node send, in any ASGI application.

    from otbridge.bridge import asgi_app

    app.mount("/telemetry", asgi_app())

The way of a batch: `asgi` (a socket or a POST) -> `session` or `posts` (one peer) -> `ingest`
(once each) -> `otlp` (an OTLP request that says where it came from) -> a `Consumer`: the
application's own delivery (`relay`), or a hub.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from otbridge.bridge.asgi import BridgeApp
    from otbridge.bridge.ingest import BridgeBusy, Consumer
    from otbridge.bridge.mount import asgi_app
    from otbridge.bridge.page_context import PageContext
    from otbridge.bridge.rate import RateLimit
    from otbridge.bridge.tickets import issue_ticket

__all__ = [
    "BridgeApp",
    "BridgeBusy",
    "Consumer",
    "PageContext",
    "RateLimit",
    "asgi_app",
    "issue_ticket",
]

_HOMES = {
    "BridgeApp": "asgi",
    "BridgeBusy": "ingest",
    "Consumer": "ingest",
    "PageContext": "page_context",
    "RateLimit": "rate",
    "asgi_app": "mount",
    "issue_ticket": "tickets",
}


def __getattr__(name: str) -> Any:
    """Load a public name when it is first used, so that issuing a ticket loads no protobuf."""
    from importlib import import_module

    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value
