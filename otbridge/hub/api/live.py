"""`GET /api/v1/live`: a WebSocket that shows what arrives (docs/reference/hub-api.md, Live)."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

import msgspec

from otbridge.errors import QueryError
from otbridge.hub.asgi import error_body, respond
from otbridge.hub.live_filter import LiveFilter
from otbridge.hub.outlet import outlet_of, text_frame
from otbridge.hub.security import own_origin

if TYPE_CHECKING:
    from otbridge._clock import Clock
    from otbridge.hub.asgi import Receive, Scope, Send
    from otbridge.hub.live import LiveFeed, Viewer

__all__ = ["Live"]

_MAX_MESSAGE: Final = 16 << 10
"""Characters in a viewer's message; a filter has some hundred."""

_GOING_AWAY: Final = 1001
_TOO_BIG: Final = 1009


class Live:
    """The endpoint, an ASGI application.

    Args:
        feed: What is shown.
        version: The hub's, for the greeting.
        clock: For the greeting.
    """

    def __init__(self, feed: LiveFeed, version: str, clock: Clock) -> None:
        self._feed = feed
        self._version = version
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one viewer until it leaves, or the hub does."""
        if scope["type"] != "websocket":
            await respond(send, 400, "application/json", _NOT_A_WEBSOCKET)
            return
        await receive()  # websocket.connect
        if not own_origin(scope):
            await send({"type": "websocket.close", "code": 1008})  # before it opens: HTTP 403
            return
        await send({"type": "websocket.accept"})
        outlet = outlet_of(scope)
        outlet.write(text_frame(self._greeting()))
        viewer = self._feed.join(outlet)
        try:
            code = await _until_the_end(viewer, receive, send)
            if code:
                await send({"type": "websocket.close", "code": code})
        except OSError:
            return  # the viewer is gone; servers say so when we write to it
        finally:
            self._feed.leave(viewer)

    def _greeting(self) -> bytes:
        now = str(self._clock.time_ns())
        return msgspec.json.encode({"k": "hello", "version": self._version, "time_unix_nano": now})


async def _until_the_end(viewer: Viewer, receive: Receive, send: Send) -> int:
    """Return the code to close with when the feed has ended; 0 where the viewer has left."""
    listening = asyncio.create_task(_listen(viewer, receive, send))
    ending = asyncio.create_task(viewer.let_go.wait())
    try:
        await asyncio.wait({listening, ending}, return_when=asyncio.FIRST_COMPLETED)
        return listening.result() if listening.done() else _GOING_AWAY
    finally:
        for task in (listening, ending):
            task.cancel()
        await asyncio.gather(listening, ending, return_exceptions=True)


async def _listen(viewer: Viewer, receive: Receive, send: Send) -> int:
    """Follow the viewer's wishes until it leaves; return the code to close with, or 0."""
    while True:
        message = await receive()
        if message["type"] == "websocket.disconnect":
            return 0
        text = message.get("text") or ""
        if len(text) > _MAX_MESSAGE:
            return _TOO_BIG
        try:
            _follow(viewer, text)
        except QueryError as error:
            # Waits until the viewer reads, so that what it is told cannot pile up.
            await send({"type": "websocket.send", "text": _complaint(error).decode()})


def _follow(viewer: Viewer, text: str) -> None:
    try:
        asked = msgspec.json.decode(text)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        asked = None
    if not isinstance(asked, dict):
        raise QueryError(
            "The message is not a JSON object.", "", 'Send {"k": "filter", "service": "shop"}.'
        )
    if asked.get("k") == "filter":
        viewer.look_for(LiveFilter.of(asked))


def _complaint(error: QueryError) -> bytes:
    told = {"code": "bad_filter", "what": error.what, "why": error.why, "do": error.do}
    return msgspec.json.encode({"k": "error", "error": told})


_NOT_A_WEBSOCKET: Final = error_body(
    "websocket_expected",
    "The live feed is a WebSocket.",
    "This request did not ask for an upgrade.",
    "Connect to it with ws://, or ask GET /api/v1/traces.",
)
