"""A relay between a client and a receiver that sees what neither of them tells."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from typing import TYPE_CHECKING, Final, Self

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Tap", "closed_port"]

_STEP: Final = 1 << 16
_EXPORTS: Final = (b"POST ", b"PRI * HTTP/2.0")
"""How an exporter's connection begins: HTTP/1.1's request, or HTTP/2's preface."""


class Tap:
    """Relays TCP connections, and counts.

    Args:
        target: The receiver's port on the loopback interface.
        port: Where to listen; 0 for a free port.
        broken: How many connections, the first ones, are ended as soon as the client has sent
            something; the receiver never hears of them.
    """

    def __init__(self, target: int, *, port: int = 0, broken: int = 0) -> None:
        self.connections = 0
        """Connections on which clients have begun to export; questions to the receiver's other
        pages, as a client may ask to learn what it is, are relayed and not counted."""
        self.sent = 0
        """Bytes that clients have sent."""
        self.client_ended: list[float] = []
        """When clients have ended one of those, in monotonic seconds."""
        self._target = target
        self._broken = broken
        self._listener = socket.create_server(("127.0.0.1", port))
        self.port: int = self._listener.getsockname()[1]
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        threading.Thread(target=self._accept, name="tap", daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError):  # wakes accept
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        with self._lock:
            for side in self._open:
                with contextlib.suppress(OSError):
                    side.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:  # closed
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client, contextlib.suppress(OSError):  # one side is gone: so is the connection
            first = client.recv(_STEP)
            exports = first.startswith(_EXPORTS)
            with self._lock:
                self.connections += exports
                if exports and self.connections <= self._broken:
                    return
            with socket.create_connection(("127.0.0.1", self._target)) as receiver:
                self._join(client, receiver, first)
            if exports:
                self.client_ended.append(time.monotonic())

    def _join(self, client: socket.socket, receiver: socket.socket, first: bytes) -> None:
        with self._lock:
            self._open |= {client, receiver}
        back = threading.Thread(target=_copy, args=(receiver, client), daemon=True)
        back.start()
        self._count(first)
        receiver.sendall(first)
        _copy(client, receiver, self._count)
        # The client has ended its side. A receiver that hangs would keep the other one open.
        with contextlib.suppress(OSError):
            receiver.shutdown(socket.SHUT_RDWR)
        back.join()
        with self._lock:
            self._open -= {client, receiver}

    def _count(self, data: bytes) -> None:
        self.sent += len(data)


def _copy(
    source: socket.socket,
    sink: socket.socket,
    told: Callable[[bytes], None] = lambda _: None,
) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(_STEP):
            told(data)
            sink.sendall(data)
    with contextlib.suppress(OSError):
        sink.shutdown(socket.SHUT_WR)


def closed_port() -> int:
    """Return a port on which nobody listens at the moment."""
    with socket.create_server(("127.0.0.1", 0)) as found:
        port: int = found.getsockname()[1]
    return port
