"""The outermost layer of the hub's HTTP port: whatever happens inside, it answers and goes on."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

from otbridge.hub.asgi import error_body
from otbridge.hub.refusals import Refusal, refuse

if TYPE_CHECKING:
    from collections.abc import Iterable

    from otbridge.hub.asgi import App, Header, Message, Receive, Scope, Send

__all__ = ["Unfailing"]

_logger = logging.getLogger("otbridge.hub")

_NOSNIFF: Final[Header] = (b"x-content-type-options", b"nosniff")

_SERVER_ERROR: Final = 1011
"""WebSocket close code (RFC 6455 §7.4.1)."""


class Unfailing:
    """Answers 503 where a fault of ours would have been a 500.

    To a sender 503 means: keep it, and come again. To the log it means a stack trace.

    Args:
        app: What may fail.
    """

    def __init__(self, app: App) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve the request."""
        answer = _Answer(send)
        try:
            await self._app(scope, receive, answer.send)
        except Exception as error:
            if scope["type"] == "websocket" and isinstance(error, OSError):
                return  # the peer is gone; servers say so when we write to it
            if not isinstance(error, _FrameworkFailed):
                _logger.exception("A request to %s failed.", scope["path"])
            if scope["type"] == "websocket":
                await _end_websocket(scope, send, opened=answer.begun)
            elif answer.begun:
                raise  # the server then cuts the connection, so that half is not taken for whole
            else:
                await refuse(scope, send, _FAULT)


class _Answer:
    """What is sent, watched."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.begun = False

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            if message["status"] == 500:
                raise _FrameworkFailed
            message["headers"] = _with_nosniff(message.get("headers", ()))
        if message["type"] in ("http.response.start", "websocket.accept"):
            self.begun = True
        await self._send(message)


async def _end_websocket(scope: Scope, send: Send, *, opened: bool) -> None:
    if opened or "websocket.http.response" not in scope.get("extensions", {}):
        await send({"type": "websocket.close", "code": _SERVER_ERROR})
        return
    headers = [(b"content-type", b"application/json"), (b"retry-after", b"5")]
    await send({"type": "websocket.http.response.start", "status": 503, "headers": headers})
    await send({"type": "websocket.http.response.body", "body": _FAULT_BODY})


def _with_nosniff(headers: Iterable[Header]) -> list[Header]:
    """Tell browsers, in every answer, to believe the Content-Type: texts in it are not ours."""
    kept = [(name, value) for name, value in headers if name != _NOSNIFF[0]]
    return [*kept, _NOSNIFF]


class _FrameworkFailed(Exception):  # noqa: N818 - never leaves this file
    """A framework was about to answer 500; it raises the reason itself."""


_FAULT = Refusal(
    503,
    "fault",
    "The hub could not answer this request.",
    "This is a fault of the hub's; its log says where.",
    "Try again; if it stays, report it with the log.",
    ((b"retry-after", b"5"),),
)
_FAULT_BODY = error_body(_FAULT.code, _FAULT.what, _FAULT.why, _FAULT.do)
