"""Lets a page's load join the trace of the request that served the page.

A browser sends no `traceparent` when it opens a page, but it can read the response's
`Server-Timing` header: the SDK looks there for an entry named `traceparent` and begins its trace
in it. Grafana Faro and Splunk's browser agent read the same entry.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

__all__ = ["PageContext"]

_Message = MutableMapping[str, Any]
_Receive = Callable[[], Awaitable[_Message]]
_Send = Callable[[_Message], Awaitable[None]]
_Application = Callable[[_Message, _Receive, _Send], Awaitable[None]]


class PageContext:
    """ASGI middleware: names the current span in `Server-Timing` on HTML responses.

        app.add_middleware(PageContext)

    It must run inside whatever starts the request's span, such as the FastAPI instrumentation.
    Without a span there is nothing to name, and the response stays as it is; so does everything
    that is not HTML. The header goes to everybody who may see the page: it holds two random ids
    and the sampling flag, and no other data.

    Args:
        app: The application that answers.
    """

    def __init__(self, app: _Application) -> None:
        self._app = app

    async def __call__(self, scope: _Message, receive: _Receive, send: _Send) -> None:
        """Serve one request (ASGI 3)."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_context(event: _Message) -> None:
            if event["type"] == "http.response.start":
                entry = _traceparent()
                headers = list(event.get("headers", ()))
                if entry is not None and _is_html(headers):
                    headers.append((b"server-timing", b'traceparent;desc="%b"' % entry))
                    event = {**event, "headers": headers}
            await send(event)

        await self._app(scope, receive, send_with_context)


def _is_html(headers: list[tuple[bytes, bytes]]) -> bool:
    return any(
        name.lower() == b"content-type" and value.lower().startswith(b"text/html")
        for name, value in headers
    )


def _traceparent() -> bytes | None:
    """Return the current span as W3C Trace Context writes it, or None where there is none."""
    from opentelemetry.trace import get_current_span

    context = get_current_span().get_span_context()
    if not context.is_valid:
        return None
    return b"00-%032x-%016x-%02x" % (context.trace_id, context.span_id, context.trace_flags)
