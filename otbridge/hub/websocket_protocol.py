"""uvicorn's WebSocket protocol, with limits on how a peer may send what is small enough.

The size of a message is limited by the library; in how many pieces it comes, and for how long, is
not: a million empty fragments are one message of no size. Rules: reliability checklist, line 13.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from uvicorn.protocols.utils import ClientDisconnected
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from otbridge.hub.limits import MAX_FRAGMENTS, MAX_UNSENT_PONG_BYTES, MESSAGE_S
from otbridge.hub.outlet import EXTENSION

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from websockets.frames import Frame
    from websockets.http11 import Request

__all__ = ["BoundedWebSocketProtocol"]

_TOO_BIG = 1009
_POLICY = 1008
_NO_TEXT = 1007


class BoundedWebSocketProtocol(WebSocketsSansIOProtocol):
    """Closes a connection whose message has too many pieces, or takes too long to be whole."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._fragments = 0
        self._message_timer: asyncio.TimerHandle | None = None
        self._outlet = _SocketOutlet(self)

    def handle_connect(self, event: Request) -> None:
        """Begin the application, which may write frames by itself once it has accepted."""
        super().handle_connect(event)
        if not self.close_sent:  # what is no WebSocket has no scope
            extensions: dict[str, Any] = self.scope["extensions"]
            extensions[EXTENSION] = {"outlet": self._outlet}

    def resume_writing(self) -> None:
        """Go on: the peer has read."""
        super().resume_writing()
        self._outlet.on_ready()

    async def send(self, message: Any) -> None:
        """Send, unless the connection has ended meanwhile: then the application hears of that.

        uvicorn tells it so only where the peer has ended it in order.
        """
        await self.writable.wait()
        if self.close_sent if self.handshake_complete else self.transport.is_closing():
            self.handshake_complete = True  # where it was not, nobody is there to complete it for
            raise ClientDisconnected
        await super().send(message)

    def send_receive_event_to_app(self) -> None:
        """Hand a whole message on, if a text is one."""
        if self.curr_msg_data_type == "text" and not _is_text(self.frames):
            self._end(_NO_TEXT, "The message is not UTF-8.")
            return
        super().send_receive_event_to_app()

    def handle_text(self, event: Frame) -> None:
        """Expect the rest of a message that is not whole."""
        self._expect_rest(event)
        super().handle_text(event)

    def handle_bytes(self, event: Frame) -> None:
        """Expect the rest of a message that is not whole."""
        self._expect_rest(event)
        super().handle_bytes(event)

    def handle_cont(self, event: Frame) -> None:
        """Take one more piece, if it is not one too many."""
        self._fragments += 1
        if self._fragments > MAX_FRAGMENTS:
            self._end(_TOO_BIG, "The message has too many fragments.")
            return
        if event.fin:
            self._forget_timer()
        super().handle_cont(event)

    def handle_ping(self) -> None:
        """Answer a ping, unless its sender does not read the answers."""
        if self.transport.get_write_buffer_size() > MAX_UNSENT_PONG_BYTES:
            self.transport.abort()
            return
        super().handle_ping()

    def connection_lost(self, exc: Exception | None) -> None:
        """Expect nothing more."""
        self._forget_timer()
        super().connection_lost(exc)

    def _expect_rest(self, event: Frame) -> None:
        self._forget_timer()
        self._fragments = 1
        if not event.fin:
            self._message_timer = self.loop.call_later(
                MESSAGE_S, self._end, _POLICY, "The message did not come to its end in time."
            )

    def _end(self, code: int, why: str) -> None:
        """Say why, and close: whoever sends like this does not wait for a good-bye."""
        self.frames = []
        if not self.transport.is_closing():
            self.conn.fail(code, why)
            self.handle_parser_exception()  # tells the application, and closes

    def _forget_timer(self) -> None:
        if self._message_timer is not None:
            self._message_timer.cancel()
            self._message_timer = None


class _SocketOutlet:
    """Writes frames past the library's own making of them."""

    def __init__(self, protocol: BoundedWebSocketProtocol) -> None:
        self._protocol = protocol
        self.on_ready: Callable[[], None] = _do_nothing

    @property
    def ready(self) -> bool:
        protocol = self._protocol
        return protocol.writable.is_set() and not (
            protocol.close_sent or protocol.disconnected or protocol.transport.is_closing()
        )

    def write(self, frame: bytes) -> None:
        protocol = self._protocol
        if not (protocol.close_sent or protocol.transport.is_closing()):
            protocol.transport.write(frame)


def _do_nothing() -> None:
    """Nobody has asked to be told."""


def _is_text(pieces: list[bytes]) -> bool:
    try:
        b"".join(pieces).decode()
    except UnicodeDecodeError:
        return False
    return True
