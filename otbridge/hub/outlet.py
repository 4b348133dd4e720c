"""Where the messages to a viewer go: frames that are made once, and written to many sockets.

ASGI's `websocket.send` makes a frame of its own for everybody, out of a text that it encodes again.
A hundred viewers are sent the same, so the hub's WebSocket protocol lets an application write
frames itself: an extension of ASGI, in the scope as `otbridge.outlet`.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["EXTENSION", "Outlet", "outlet_of", "text_frame"]

EXTENSION: Final = "otbridge.outlet"
"""The key in the scope's `extensions`; the outlet is its `outlet`."""

_TEXT: Final = 0x81
"""A text, whole in one frame (RFC 6455 §5.2); what a server sends is not masked."""


class Outlet(Protocol):
    """One open WebSocket. Used by the event loop only."""

    on_ready: Callable[[], None]
    """Called when it is ready again; set by its user."""

    @property
    def ready(self) -> bool:
        """Whether the peer has read enough of what was written before; never once it is closed."""

    def write(self, frame: bytes) -> None:
        """Send *frame* as soon as the peer reads; let go once the connection is closed."""


def outlet_of(scope: Any) -> Outlet:
    """Return the outlet of an accepted WebSocket.

    Raises:
        KeyError: The server is not the hub's own.
    """
    outlet: Outlet = scope["extensions"][EXTENSION]["outlet"]
    return outlet


def text_frame(text: bytes) -> bytes:
    """Return *text*, which is UTF-8, as one WebSocket frame."""
    size = len(text)
    if size < 126:
        return struct.pack(">BB", _TEXT, size) + text
    if size < 1 << 16:
        return struct.pack(">BBH", _TEXT, 126, size) + text
    return struct.pack(">BBQ", _TEXT, 127, size) + text
