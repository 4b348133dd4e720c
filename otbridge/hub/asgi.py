"""The few lines of ASGI that the hub's doors share.

The doors are plain ASGI, not a framework's routes: a request that brings telemetry is a header
check, a body and an answer, and each layer between would be paid for by every record.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import TYPE_CHECKING, Any

import msgspec

from otbridge.errors import LimitExceeded, OtbridgeError
from otbridge.hub.limits import BODY_BASE_S, BODY_BYTES_PER_S

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "App",
    "Header",
    "Message",
    "Receive",
    "Scope",
    "Send",
    "SlowBody",
    "error_body",
    "header",
    "headers_of",
    "read_body",
    "respond",
]

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]
Header = tuple[bytes, bytes]


class SlowBody(OtbridgeError):  # noqa: N818 - says what arrived
    """A request's body did not arrive in time, or its sender left."""


def headers_of(scope: Scope, name: bytes) -> list[bytes]:
    """Return every value of the header *name* (lower case), in order."""
    return [value for key, value in scope["headers"] if key == name]


def header(scope: Scope, name: bytes) -> str:
    """Return the first value of the header *name* (lower case); empty where there is none."""
    for key, value in scope["headers"]:
        if key == name:
            text: str = value.decode("latin-1")
            return text
    return ""


async def respond(
    send: Send, status: int, content_type: str, body: bytes, headers: Sequence[Header] = ()
) -> None:
    """Send a whole answer."""
    described: list[Header] = []
    if status not in (204, 304):  # these have no body to describe (RFC 9110 §8.6)
        described = [
            (b"content-type", content_type.encode()),
            (b"content-length", b"%d" % len(body)),
        ]
    await send(
        {
            "type": "http.response.start",
            "status": status,
            "headers": [*described, *headers],
        }
    )
    await send({"type": "http.response.body", "body": body})


def error_body(code: str, what: str, why: str = "", do: str = "") -> bytes:
    """Return an error in the API's one shape."""
    return msgspec.json.encode({"error": {"code": code, "what": what, "why": why, "do": do}})


async def read_body(scope: Scope, receive: Receive, limit: int) -> bytes:
    """Return the request's body.

    Raises:
        LimitExceeded: It has more than *limit* bytes, or says so.
        SlowBody: It did not arrive in time, or not whole.
    """
    announced = header(scope, b"content-length")
    if announced.isdigit() and int(announced[:20]) > limit:
        raise _too_large(limit)
    try:
        async with asyncio.timeout(BODY_BASE_S) as deadline:
            return await _read(receive, limit, deadline)
    except TimeoutError:
        raise SlowBody(
            "The request's body did not arrive in time.",
            f"It has {BODY_BASE_S:.0f} seconds, and one more for every "
            f"{BODY_BYTES_PER_S >> 10} KiB.",
            "Send smaller batches.",
        ) from None


async def _read(receive: Receive, limit: int, deadline: asyncio.Timeout) -> bytes:
    started = asyncio.get_running_loop().time()
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise SlowBody("The sender left before its request was complete.")
        part = message.get("body", b"")
        size += len(part)
        if size > limit:
            raise _too_large(limit)
        parts.append(part)
        if not message.get("more_body", False):
            return parts[0] if len(parts) == 1 else b"".join(parts)
        deadline.reschedule(started + BODY_BASE_S + size / BODY_BYTES_PER_S)


def _too_large(limit: int) -> LimitExceeded:
    return LimitExceeded(
        f"The request is larger than {limit:,} bytes.", "", "Send smaller batches, or compress."
    )
