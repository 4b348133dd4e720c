"""One kept-alive HTTP/1.1 connection on which no peer can hold us longer than we said.

The standard library's timeout counts for each read; a peer that sends one byte every few seconds
outlives it. Here the whole exchange has one deadline, and one ceiling on what is read.
"""

from __future__ import annotations

import http.client
import io
import os
import selectors
import socket
import time
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from otbridge.errors import LimitExceeded

if TYPE_CHECKING:
    import ssl
    from collections.abc import Mapping

__all__ = ["HttpConnection", "Response"]

_CONNECT_SECONDS: Final = 5.0
"""A black-holed SYN is given up after this, however long the request may take."""
_STEP: Final = 1 << 16


class Response(NamedTuple):
    """A whole answer."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes


class HttpConnection:
    """A connection to one host, opened when first needed and again when it broke.

    Not for several threads at a time. In a forked child it forgets the parent's socket without
    closing it down for the parent.

    Args:
        host: Name or address.
        port: TCP port.
        tls: Context for https; None for plain http.
    """

    def __init__(self, host: str, port: int, tls: ssl.SSLContext | None) -> None:
        self._host = host
        self._port = port
        self._tls = tls
        self._connection: http.client.HTTPConnection | None = None
        self._sock: _TimedSocket | None = None
        self._pid = 0

    def post(
        self, path: str, body: bytes, headers: Mapping[str, str], timeout: float, limit: int
    ) -> Response:
        """Send one POST and return the whole answer, all within *timeout* seconds.

        Raises:
            OSError: no connection, a broken one, or the time was up (TimeoutError).
            http.client.HTTPException: the peer does not speak HTTP.
            LimitExceeded: the answer's body is longer than *limit* bytes.
        """
        deadline = time.monotonic() + timeout
        connection = self._usable(deadline)
        try:
            connection.request("POST", path, body, dict(headers))
            answer = connection.getresponse()
            content = _read(answer, limit)
        except BaseException:
            self.close()  # the stream's position is unknown now
            raise
        if answer.will_close:
            self.close()
        return Response(answer.status, answer.headers, content)

    def close(self) -> None:
        """Close the connection, if there is one; a later post opens a new one."""
        connection, self._connection, self._sock = self._connection, None, None
        if connection is not None:
            connection.close()

    def _usable(self, deadline: float) -> http.client.HTTPConnection:
        sock, connection = self._sock, self._connection
        if sock is None or connection is None or self._pid != os.getpid() or _is_stale(sock.raw):
            self.close()  # after a fork: our descriptor only, the parent's connection stays up
            sock = self._sock = _TimedSocket(self._open(deadline))
            kind = http.client.HTTPConnection if self._tls is None else http.client.HTTPSConnection
            connection = self._connection = kind(self._host, self._port)
            connection.sock = sock  # so it never connects by itself
            self._pid = os.getpid()
        sock.deadline = deadline
        return connection

    def _open(self, deadline: float) -> socket.socket:
        seconds = min(_CONNECT_SECONDS, _remaining(deadline))
        raw = socket.create_connection((self._host, self._port), seconds)
        try:
            # Headers and body go out in two writes; without this the second waits for an ACK.
            raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._tls is not None:
                raw.settimeout(_remaining(deadline))
                raw = self._tls.wrap_socket(raw, server_hostname=self._host)
        except BaseException:
            raw.close()
            raise
        return raw


class _TimedSocket:
    """As much of a socket as http.client uses, with one deadline over all operations."""

    def __init__(self, raw: socket.socket) -> None:
        self.raw = raw
        self.deadline = 0.0

    def sendall(self, data: bytes) -> None:
        self.raw.settimeout(_remaining(self.deadline))
        self.raw.sendall(data)

    def makefile(self, mode: str) -> io.BufferedReader:  # noqa: ARG002 - http.client's call
        return io.BufferedReader(_TimedReader(self), _STEP)

    def close(self) -> None:
        self.raw.close()


class _TimedReader(io.RawIOBase):
    """Reads from the socket; closing it leaves the socket open for the next request."""

    def __init__(self, sock: _TimedSocket) -> None:
        super().__init__()
        self._sock = sock

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._sock.raw.settimeout(_remaining(self._sock.deadline))
        return self._sock.raw.recv_into(buffer)


def _read(answer: http.client.HTTPResponse, limit: int) -> bytes:
    parts, size = [], 0
    while piece := answer.read1(_STEP):
        size += len(piece)
        if size > limit:
            raise LimitExceeded(f"The answer is longer than {limit:,} bytes.")
        parts.append(piece)
    if answer.length:
        raise http.client.IncompleteRead(b"", answer.length)
    answer.close()  # read1 leaves an answer open whose length is known; the socket stays open
    return b"".join(parts)


def _remaining(deadline: float) -> float:
    seconds = deadline - time.monotonic()
    if seconds <= 0:
        raise TimeoutError("the time for the request is up")
    return seconds


def _is_stale(sock: socket.socket) -> bool:
    """Return whether an idle connection has something to read: its end, most likely."""
    with selectors.DefaultSelector() as selector:
        selector.register(sock, selectors.EVENT_READ)
        return bool(selector.select(0))
