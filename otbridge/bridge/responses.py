"""The HTTP side of the bridge: CORS, bodies within limits, and answers in one shape."""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Iterable, MutableMapping
from typing import TYPE_CHECKING, Any, Final

from otbridge.errors import OtbridgeError

if TYPE_CHECKING:
    from otbridge.bridge.session import Receive, Send

__all__ = ["Answer", "HttpError", "Scope", "header", "preflight", "read_body", "respond"]

Scope = MutableMapping[str, Any]

BODY_S: Final = 10.0
"""For a body to arrive (1 MiB at 100 KiB/s); longer is a slow-sending attack."""

PREFLIGHT_S: Final = 600
"""For which a browser may remember a preflight's answer; Chromium caps it at 7200."""


class HttpError(OtbridgeError):
    """A request that is answered with an error.

    Args:
        status: The HTTP status.
        code: One low-cardinality word for programs.
        retry_s: Seconds after which the client should come again, for `Retry-After`.
        what: See `OtbridgeError`, as *why* and *do*.
    """

    def __init__(
        self,
        status: int,
        code: str,
        what: str,
        why: str = "",
        do: str = "",
        *,
        retry_s: float | None = None,
    ) -> None:
        super().__init__(what, why, do)
        self.status = status
        self.code = code
        self.retry_s = retry_s

    def answer(self) -> Answer:
        """Return the answer that tells the client."""
        error = {"code": self.code, "what": self.what, "why": self.why, "do": self.do}
        headers = {} if self.retry_s is None else {"retry-after": str(math.ceil(self.retry_s))}
        return Answer(self.status, json.dumps({"error": error}).encode(), headers)


class Answer:
    """An HTTP response that fits in memory."""

    __slots__ = ("body", "headers", "status")

    def __init__(
        self, status: int, body: bytes = b"", headers: dict[str, str] | None = None
    ) -> None:
        self.status = status
        self.body = body
        self.headers = {"content-type": "application/json"} if body else {}
        self.headers |= headers or {}

    def for_origin(self, origin: str | None) -> Answer:
        """Let a page of *origin*, which must be an allowed one, read this answer."""
        self.headers["vary"] = "Origin"
        if origin is not None:
            self.headers["access-control-allow-origin"] = origin
        return self


def preflight() -> Answer:
    """Return the answer to a CORS preflight; without credentials, which the bridge never reads."""
    return Answer(
        204,
        headers={
            "access-control-allow-methods": "POST",
            "access-control-allow-headers": "content-type",
            "access-control-max-age": str(PREFLIGHT_S),
        },
    )


def header(scope: Scope, name: bytes) -> str | None:
    """Return the request header *name* (lower case), or None."""
    for key, value in scope["headers"]:
        if key == name:
            return bytes(value).decode("latin-1")
    return None


async def read_body(scope: Scope, receive: Receive, limit: int) -> bytes:
    """Return the request's body.

    Raises:
        HttpError: It is larger than *limit* (413), or does not come within `BODY_S` (408).
    """
    length = header(scope, b"content-length") or ""
    if length.isdecimal() and int(length[:19]) > limit:
        raise _too_large(limit)
    chunks: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(BODY_S):
            while True:
                event = await receive()
                if event["type"] != "http.request":
                    raise HttpError(400, "malformed", "The client left before the end of the body.")
                chunk = event.get("body", b"")
                size += len(chunk)
                if size > limit:
                    raise _too_large(limit)
                chunks.append(chunk)
                if not event.get("more_body", False):
                    return b"".join(chunks)
    except TimeoutError:
        raise HttpError(408, "slow", f"The body did not come within {BODY_S:g} s.") from None


def _too_large(limit: int) -> HttpError:
    return HttpError(
        413,
        "too_large",
        "The body is too large.",
        f"The bridge takes at most {limit} bytes by POST.",
        "Send fewer batches at a time.",
    )


async def respond(send: Send, answer: Answer, *, prefix: str = "http") -> None:
    """Send *answer*; with the prefix `websocket.http` it refuses a WebSocket."""
    headers = dict(answer.headers)
    if answer.status not in {204, 304}:  # RFC 9110, 8.6: those have no content to measure
        headers["content-length"] = str(len(answer.body))
    await send(
        {
            "type": f"{prefix}.response.start",
            "status": answer.status,
            "headers": _encoded(headers.items()),
        }
    )
    await send({"type": f"{prefix}.response.body", "body": answer.body})


def _encoded(headers: Iterable[tuple[str, str]]) -> list[tuple[bytes, bytes]]:
    return [(name.encode(), value.encode("latin-1")) for name, value in headers]
