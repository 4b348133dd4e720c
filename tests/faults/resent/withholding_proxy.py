"""A TCP proxy that lets requests through and can keep the answers to itself."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from typing import Self

_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


class _Pair:
    """A client's connection, and ours to the server for it."""

    def __init__(self, client: socket.socket, server: socket.socket, *, withheld: bool) -> None:
        self.client = client
        self.server = server
        self.withheld = withheld

    def pass_requests(self) -> None:
        """Pass on what the client says, until it ends."""
        with contextlib.suppress(OSError):
            while data := self.client.recv(1 << 16):
                self.server.sendall(data)
            self.server.shutdown(socket.SHUT_WR)

    def pass_answers(self) -> None:
        """Pass on, or swallow, what the server says."""
        with contextlib.suppress(OSError):
            while data := self.server.recv(1 << 16):
                if not self.withheld:
                    self.client.sendall(data)
            self.client.shutdown(socket.SHUT_WR)

    def reset(self) -> None:
        """End both as a crash does: without a word."""
        for sock in (self.client, self.server):
            with contextlib.suppress(OSError):
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
                sock.shutdown(socket.SHUT_RDWR)
            sock.close()


class WithholdingProxy:
    """Stands before the server at *host*:*port*, from `__enter__` on."""

    def __init__(self, host: str, port: int) -> None:
        self._to = (host, port)
        self._pairs: list[_Pair] = []
        self._withholds = False
        self._listener = socket.create_server(("127.0.0.1", 0))

    @property
    def port(self) -> int:
        """The port that it listens on."""
        number: int = self._listener.getsockname()[1]
        return number

    def withhold(self) -> None:
        """Pass no answer on any more, on any connection."""
        self._withholds = True
        for pair in self._pairs:
            pair.withheld = True

    def release(self, *, reset: bool) -> None:
        """Pass answers on new connections; the present ones are reset, or silent for ever."""
        self._withholds = False
        if reset:
            self.cut()

    def cut(self) -> None:
        """Reset every connection."""
        pairs, self._pairs = self._pairs, []
        for pair in pairs:
            pair.reset()

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection(self._to)
                pair = _Pair(client, server, withheld=self._withholds)
                self._pairs.append(pair)
                threading.Thread(target=pair.pass_requests, daemon=True).start()
                threading.Thread(target=pair.pass_answers, daemon=True).start()
