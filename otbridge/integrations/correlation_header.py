"""The correlation id as a plain header, for callers and proxies that know nothing of baggage."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from otbridge.context.correlation import correlation, current_correlation
from otbridge.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, MutableMapping

    Scope = MutableMapping[str, Any]
    Message = MutableMapping[str, Any]
    Receive = Callable[[], Awaitable[Message]]
    Send = Callable[[Message], Awaitable[None]]
    AsgiApp = Callable[[Scope, Receive, Send], Awaitable[None]]

__all__ = ["CORRELATION_HEADER", "CorrelationMiddleware", "header_name", "header_value"]

CORRELATION_HEADER: Final = "x-correlation-id"

_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # a token of RFC 9110, section 5.6.2


def header_name(name: Any) -> str:
    """Return *name* in lower case.

    Raises:
        ConfigurationError: it cannot be the name of a header.
    """
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise ConfigurationError(
            f"correlation_header={name!r} is not the name of a header.",
            "Names consist of letters, digits and -_.!#$%&'*+^`|~ (RFC 9110).",
            f"Use a name like {CORRELATION_HEADER!r}.",
        )
    return str(name).lower()


def header_value(identifier: str) -> str:
    """Return *identifier* as a header may hold it: printable ASCII, `?` for anything else."""
    return "".join(sign if " " <= sign <= "~" else "?" for sign in identifier)


class CorrelationMiddleware:
    """ASGI: puts a request under the correlation id that it brings, and says it in the answer.

    An id in baggage wins over one in the header: it has come the whole way. A request with
    neither gets none; it has its trace id.

    Args:
        app: The application.
        header: The header's name, in lower case.
    """

    def __init__(self, app: AsgiApp, header: str = CORRELATION_HEADER) -> None:
        self._app = app
        self._header = header_name(header).encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return
        identifier = current_correlation()
        if identifier is not None:
            await self._app(scope, receive, self._answering(send, identifier))
            return
        brought = self._brought(scope)
        if not brought:
            await self._app(scope, receive, send)
            return
        with correlation(brought) as identifier:
            await self._app(scope, receive, self._answering(send, identifier))

    def _brought(self, scope: Scope) -> str:
        for name, value in scope.get("headers", ()):
            if name.lower() == self._header:
                return str(value.decode("latin-1")).strip()
        return ""

    def _answering(self, send: Send, identifier: str) -> Send:
        value = header_value(identifier).encode()

        async def sending(message: Message) -> None:
            if message["type"] in {"http.response.start", "websocket.accept"}:
                headers = list(message.get("headers", ()))
                if all(name.lower() != self._header for name, _ in headers):
                    message = {**message, "headers": [*headers, (self._header, value)]}
            await send(message)

        return sending
