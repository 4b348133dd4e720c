"""A relay between a client and a receiver that sees what neither of them tells."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from typing import Final, Self

__all__ = ["Tap", "closed_port"]

_STEP: Final = 1 << 16


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
        """Connections that clients have opened."""
        self.sent = 0
        """Bytes that clients have sent."""
        self.client_ended: list[float] = []
        """When clients have ended a connection, in monotonic seconds."""
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
            with self._lock:
                self.connections += 1
                number = self.connections
            threading.Thread(target=self._serve, args=(client, number), daemon=True).start()

    def _serve(self, client: socket.socket, number: int) -> None:
        with client:
            if number <= self._broken:
                with contextlib.suppress(OSError):
                    client.recv(_STEP)
                return
            try:
                receiver = socket.create_connection(("127.0.0.1", self._target))
            except OSError:  # gone: the client sees a connection that ends
                return
            with receiver:
                self._join(client, receiver)

    def _join(self, client: socket.socket, receiver: socket.socket) -> None:
        with self._lock:
            self._open |= {client, receiver}
        back = threading.Thread(target=self._copy, args=(receiver, client), daemon=True)
        back.start()
        self._copy(client, receiver, from_client=True)
        back.join()
        with self._lock:
            self._open -= {client, receiver}

    def _copy(
        self, source: socket.socket, sink: socket.socket, *, from_client: bool = False
    ) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(_STEP):
                if from_client:
                    self.sent += len(data)
                sink.sendall(data)
        if from_client:
            self.client_ended.append(time.monotonic())
        with contextlib.suppress(OSError):
            sink.shutdown(socket.SHUT_WR)


def closed_port() -> int:
    """Return a port on which nobody listens at the moment."""
    with socket.create_server(("127.0.0.1", 0)) as found:
        port: int = found.getsockname()[1]
    return port
