"""The bridge for your own application: `app.mount("/telemetry", asgi_app())`."""

from __future__ import annotations

import hashlib
from importlib import resources
from typing import TYPE_CHECKING, Final

from otbridge.bridge.asgi import BridgeApp
from otbridge.bridge.auth import no_token_needed
from otbridge.bridge.relay import RelayConsumer
from otbridge.bridge.responses import Answer, HttpError, header, respond
from otbridge.bridge.tickets import Tickets

if TYPE_CHECKING:
    from collections.abc import Iterable

    from otbridge.bridge.auth import Authenticate
    from otbridge.bridge.ingest import Consumer
    from otbridge.bridge.rate import RateLimit
    from otbridge.bridge.responses import Scope
    from otbridge.bridge.session import Receive, Send

__all__ = ["MountedBridge", "asgi_app"]

_BRIDGE_PATHS: Final = frozenset({"", "/", "/v1/bridge", "/v1/bridge/"})
_SCRIPT_PATH: Final = "/otbridge.js"
_SCRIPT_FOLDER: Final = ("hub", "ui", "dist")
"""Where the build puts the browser SDK, inside the package."""


def asgi_app(
    *,
    origins: Iterable[str] = (),
    secret: str | bytes | None = None,
    authenticate: Authenticate | None = None,
    rate: RateLimit | None = None,
    consumer: Consumer | None = None,
) -> MountedBridge:
    """Return an ASGI application that takes what your pages send.

    Mount it anywhere; the address of the mount is the `url` that the page's `init` is given.
    What it takes leaves by the same delivery as the application's own telemetry. It also serves
    the browser SDK as `otbridge.js`, so that a page needs one script tag.

    Args:
        origins: Pages allowed beside those of the same origin and of localhost, for example
            `["https://shop.example"]`.
        secret: Where given, pages need a ticket: `issue_ticket(secret)` in your backend.
        authenticate: Your own check of tokens, in place of *secret*.
        rate: What one client may send; by default 2 MiB a second, with bursts of 16 MiB.
        consumer: Takes the telemetry in place of the application's own delivery.

    Raises:
        ConfigurationError: An origin is none, or the secret is too short.
    """
    check = authenticate
    if check is None:
        check = Tickets(secret) if secret is not None else no_token_needed
    return MountedBridge(
        BridgeApp(consumer or RelayConsumer(), origins=origins, authenticate=check, rate=rate)
    )


class MountedBridge:
    """Routes the paths below a mount: the bridge, and the browser SDK.

    The bridge answers at `v1/bridge` and at the mount itself; `bridge` is the application behind,
    for `close()` in your lifespan and for `stats()`.
    """

    def __init__(self, bridge: BridgeApp) -> None:
        self.bridge = bridge

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection or request (ASGI 3)."""
        if scope["type"] == "lifespan":
            await self.bridge(scope, receive, send)
            return
        path = _path_below_mount(scope)
        if path in _BRIDGE_PATHS:
            await self.bridge(scope, receive, send)
        elif scope["type"] == "websocket":
            await receive()  # websocket.connect; ASGI has the application wait for it
            await send({"type": "websocket.close", "code": 4404})
        elif path == _SCRIPT_PATH and scope["method"] == "GET":
            await respond(send, _script(scope))
        else:
            what = f"There is nothing at {path[:200]!r} of this mount."
            do = "The bridge is at v1/bridge, the browser SDK at otbridge.js."
            await respond(send, HttpError(404, "not_found", what, do=do).answer())


def _path_below_mount(scope: Scope) -> str:
    """Return the path without the part that the mount stands for (ASGI's `root_path`)."""
    path, root = str(scope["path"]), str(scope.get("root_path", ""))
    return path[len(root) :] if root and path.startswith(root) else path


def _script(scope: Scope) -> Answer:
    """Return the browser SDK; it is public code, so that every page may load it."""
    file = resources.files("otbridge").joinpath(*_SCRIPT_FOLDER, "otbridge.js")
    try:
        code = file.read_bytes()  # some 40 kB from the page cache; a new build shows at once
    except OSError:
        what = "The browser SDK has not been built."
        do = "Run `poe ui` in the source tree; the published package contains it."
        return HttpError(404, "not_built", what, do=do).answer()
    etag = f'"{hashlib.sha256(code).hexdigest()[:16]}"'
    headers = {
        "content-type": "text/javascript; charset=utf-8",
        "etag": etag,
        "cache-control": "no-cache",
        "access-control-allow-origin": "*",
        "cross-origin-resource-policy": "cross-origin",
        "x-content-type-options": "nosniff",
    }
    if header(scope, b"if-none-match") == etag:
        return Answer(304, headers=headers)
    return Answer(200, code, headers)
