"""uvicorn's HTTP protocol, with limits on who may stay, and answers that our senders can read.

uvicorn gives up on idle connections only between requests, and when it has too many it refuses
whoever asks next. A stranger who opens connections and sends half a head on each would keep them
all (Slowloris), and with them everybody else out. Here the one that has been silent for longest
goes instead. A head that goes on and on is cut off, whatever its lines are. Rules: reliability
checklist, lines 14 and 24.
"""

from __future__ import annotations

from ipaddress import ip_address
from typing import TYPE_CHECKING, Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from otbridge.errors import OtbridgeError
from otbridge.hub.limits import (
    BODY_BASE_S,
    BODY_BYTES_PER_S,
    HEAD_S,
    MAX_BODY_BYTES,
    MAX_CONNECTIONS,
    MAX_CONNECTIONS_PER_ADDRESS,
    MAX_HEAD_BYTES,
)
from otbridge.hub.receivers.status import JSON, status_body

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Iterable

    from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

__all__ = ["HurriedProtocol"]


class HurriedProtocol(HttpToolsProtocol):
    """Closes a connection whose request has not shown its whole head in time, or if need be before."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._head_timer: asyncio.TimerHandle | None = None
        self._in_head = False
        self._in_body = False
        self._head_bytes = 0
        self._silent_since = 0.0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Expect a head, if there is room for one more connection."""
        super().connection_made(transport)
        self._silent_since = self.loop.time()
        if not (self._make_room(self.connections, MAX_CONNECTIONS) and self._make_room_here()):
            self.connections.discard(self)
            self._refuse(503, _FULL, b"retry-after: 1\r\n")
            return
        self._expect_head()

    def data_received(self, data: bytes) -> None:
        """Expect the rest of a head, where none is complete."""
        if self.transport.is_closing():
            return
        if self._head_timer is None and not self._in_body and self._is_silent():
            self._expect_head()
        # What the head begins in may end a body, and is not counted: at most one read of 256 KiB.
        began_before = self._in_head
        super().data_received(data)
        if self._in_head and began_before:
            self._head_bytes += len(data)
            if self._head_bytes > MAX_HEAD_BYTES and not self.transport.is_closing():
                self._refuse(431, _LARGE_HEAD)

    def on_message_begin(self) -> None:
        """Count from here."""
        self._in_head = True
        self._head_bytes = 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Expect nothing more: bodies have a limit of their own."""
        self._in_head = False
        self._in_body = True
        self._forget_head()
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """Expect nothing more of this request."""
        self._in_body = False
        self._forget_head()
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """Be silent from now on, unless a further request waits."""
        self._silent_since = self.loop.time()
        if self._in_body:  # refused before it was whole: what is left of it is thrown away
            self._forget_head()
            self._head_timer = self.loop.call_later(_REST_S, self.transport.close)
        super().on_response_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        """Expect nothing more."""
        self._forget_head()
        super().connection_lost(exc)

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - says less than we do
        """Answer what is no HTTP in the shape that OTLP's clients read."""
        self._refuse(400, _NO_HTTP)

    def _is_silent(self) -> bool:
        """Whether no request is under way: nothing came yet, half a head, or all is answered."""
        cycle: RequestResponseCycle | None = self.cycle
        return (cycle is None or cycle.response_complete) and not self.pipeline

    def _make_room_here(self) -> bool:
        address = self.client[0] if self.client else ""
        if not address or _is_this_machine(address):
            return True  # its programs are many, and trusted with more than this
        everybody: set[Any] = self.connections
        mine = [each for each in everybody if each.client and each.client[0] == address]
        return self._make_room(mine, MAX_CONNECTIONS_PER_ADDRESS)

    def _make_room(self, connections: Iterable[Any], limit: int) -> bool:
        """Close the longest silent of *connections* where they are more than *limit*.

        Returns:
            Whether there is room for this one: not where all others are busy.
        """
        present = list(connections)
        if len(present) <= limit:
            return True
        silent = [
            each
            for each in present
            if isinstance(each, HurriedProtocol) and each is not self and each._is_silent()  # noqa: SLF001 - of this class
        ]
        if not silent:
            return False
        victim = min(silent, key=lambda each: each._silent_since)  # noqa: SLF001 - of this class
        self.connections.discard(victim)  # now: the transport tells it only after this turn
        victim.transport.close()
        return True

    def _refuse(self, status: int, reason: OtbridgeError, more: bytes = b"") -> None:
        """Answer without a request that could be read, and close."""
        self._forget_head()
        body = status_body(JSON, status, reason)
        phrase = _PHRASES[status]
        head = b"HTTP/1.1 %d %s\r\ncontent-type: application/json\r\n" % (status, phrase)
        rest = b"content-length: %d\r\nconnection: close\r\n" % len(body)
        self.transport.write(head + rest + more + b"\r\n" + body)
        self.transport.close()

    def _expect_head(self) -> None:
        self._head_timer = self.loop.call_later(HEAD_S, self.transport.close)

    def _forget_head(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None


def _is_this_machine(address: str) -> bool:
    try:
        found = ip_address(address)
    except ValueError:  # a socket file has no such address
        return True
    # What listens on all addresses sees IPv4's as ::ffff:127.0.0.1 (RFC 4291 §2.5.5.2).
    mapped = getattr(found, "ipv4_mapped", None)
    return (mapped or found).is_loopback


_REST_S = BODY_BASE_S + MAX_BODY_BYTES / BODY_BYTES_PER_S
"""As long as the largest body that is taken may need; a sender that is cut off while it still sends
may never read its refusal (RFC 9112 §9.6)."""

_PHRASES = {
    400: b"Bad Request",
    431: b"Request Header Fields Too Large",
    503: b"Service Unavailable",
}

_LARGE_HEAD = OtbridgeError(
    f"The headers of the request have more than {MAX_HEAD_BYTES >> 10} KiB.",
    "",
    "Send less baggage, and fewer cookies.",
)
_NO_HTTP = OtbridgeError(
    "The request is not HTTP.",
    "",
    "Send HTTP/1.1; gRPC has a port of its own; TLS takes --tls-cert and --tls-key.",
)
_FULL = OtbridgeError(
    "The hub has as many connections as it takes, and all are busy.", "", "Try again in a second."
)
