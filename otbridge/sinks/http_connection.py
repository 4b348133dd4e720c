"""One kept-alive HTTP/1.1 connection on which no peer can hold us longer than we said.

`http.client` sets its timeout for each read, so a peer that sends one byte every few seconds
outlives it, and writes head and body apart. Here the whole exchange has one deadline and one
ceiling on what is read, and a request is one write: every further system call is a chance for
busy callers to keep the interpreter lock from us for five milliseconds.
"""

from __future__ import annotations

import encodings.idna  # noqa: F401 - the resolver loads it on first use: not in a thread, please
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

    from otbridge.sinks.proxies import Proxy

__all__ = ["HttpConnection", "Response"]

_CONNECT_SECONDS: Final = 5.0
"""A black-holed SYN is given up after this, however long the request may take."""
_FRESH_SECONDS: Final = 1.0
"""A connection used less than this ago is taken to be alive without looking."""
_STEP: Final = 1 << 16


class Response(NamedTuple):
    """A whole answer."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes


class HttpConnection:
    """A connection to one host, opened when first needed and again when it broke.

    Not for several threads at a time. A forked child opens its own and leaves its parent's alone.

    Args:
        host: Name or address.
        port: TCP port.
        tls: Context for https; None for plain http.
        proxy: Goes between; None for a direct connection.
    """

    def __init__(
        self, host: str, port: int, tls: ssl.SSLContext | None, proxy: Proxy | None = None
    ) -> None:
        self._host = host
        self._port = port
        self._tls = tls
        self._proxy = proxy
        name = f"[{host}]" if ":" in host else host
        self._authority = name if port == (443 if tls else 80) else f"{name}:{port}"
        self._sock: _TimedSocket | None = None
        self._pid = 0
        self._used_at = 0.0
        self.has_sent = False
        """Whether any byte of the last request may have left: no answer then proves nothing."""

    def post(
        self, path: str, body: bytes, headers: Mapping[str, str], timeout: float, limit: int
    ) -> Response:
        """Send one POST and return the whole answer, all within *timeout* seconds.

        Args:
            path: The request's target, e.g. `/v1/logs`.
            body: The request's body.
            headers: Further headers; checked before, for they are written as they are.
            timeout: Seconds for everything from connecting on.
            limit: Longest body of an answer that is read, in bytes.

        Raises:
            OSError: no connection, a broken one, or the time was up (TimeoutError).
            http.client.HTTPException: the peer does not speak HTTP.
            LimitExceeded: the answer's body is longer than *limit* bytes.
        """
        deadline = time.monotonic() + timeout
        self.has_sent = False
        sock = self._usable(deadline)
        self.has_sent = True
        sock.deadline = deadline
        try:
            sock.sendall(self._head(path, headers, len(body)) + body)
            answer = http.client.HTTPResponse(sock, method="POST")  # type: ignore[arg-type]  # it only calls makefile
            answer.begin()
            content = _read(answer, limit)
        except BaseException:
            self.close()  # the stream's position is unknown now
            raise
        self._used_at = time.monotonic()
        if answer.will_close:
            self.close()
        return Response(answer.status, answer.headers, content)

    def close(self) -> None:
        """Close the connection, if there is one; a later post opens a new one."""
        sock, self._sock = self._sock, None
        if sock is not None:
            sock.close()

    def _head(self, path: str, headers: Mapping[str, str], length: int) -> bytes:
        proxy = self._proxy
        if proxy is not None and self._tls is None:  # it has to be told the whole address
            path = f"http://{self._authority}{path}"
        lines = [f"POST {path} HTTP/1.1", f"Host: {self._authority}", f"Content-Length: {length}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        if proxy is not None and self._tls is None and proxy.authorization:
            lines.append(f"Proxy-Authorization: {proxy.authorization}")
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")

    def _usable(self, deadline: float) -> _TimedSocket:
        sock = self._sock
        if sock is None or self._pid != os.getpid() or self._is_stale(sock):
            self.close()  # after a fork: our descriptor only, the parent's connection stays up
            sock = self._sock = _TimedSocket(self._open(deadline))
            self._pid = os.getpid()
        return sock

    def _is_stale(self, sock: _TimedSocket) -> bool:
        """Return whether an idle connection has something to read: its end, most likely."""
        if time.monotonic() - self._used_at < _FRESH_SECONDS:
            return False
        with selectors.DefaultSelector() as selector:
            selector.register(sock.raw, selectors.EVENT_READ)
            return bool(selector.select(0))

    def _open(self, deadline: float) -> socket.socket:
        seconds = min(_CONNECT_SECONDS, _remaining(deadline))
        raw = socket.create_connection(self._next_hop(), seconds)
        try:
            raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._tls is not None:
                if self._proxy is not None:
                    self._tunnel(raw, self._proxy, deadline)
                raw.settimeout(_remaining(deadline))
                raw = self._tls.wrap_socket(raw, server_hostname=self._host)
        except BaseException:
            raw.close()
            raise
        return raw

    def _next_hop(self) -> tuple[str, int]:
        proxy = self._proxy
        if proxy is None:
            return self._host, self._port
        if proxy.scheme != "http":
            raise OSError(
                f"The proxy that the environment names is {proxy.scheme}, and only http:// is "
                "possible here; NO_PROXY makes exceptions."
            )
        return proxy.host, proxy.port

    def _tunnel(self, raw: socket.socket, proxy: Proxy, deadline: float) -> None:
        """Have the proxy connect us (RFC 9110 §9.3.6); what it says in refusing is passed on."""
        name = f"[{self._host}]" if ":" in self._host else self._host
        target = f"{name}:{self._port}"
        lines = [f"CONNECT {target} HTTP/1.1", f"Host: {target}"]
        if proxy.authorization:
            lines.append(f"Proxy-Authorization: {proxy.authorization}")
        raw.settimeout(_remaining(deadline))
        raw.sendall(("\r\n".join(lines) + "\r\n\r\n").encode("latin-1"))
        head = b""
        while b"\r\n\r\n" not in head:
            raw.settimeout(_remaining(deadline))
            piece = raw.recv(1)  # not one byte of what comes behind: that is TLS's
            if not piece or len(head) > _STEP:
                raise OSError("The proxy has not answered in HTTP.")
            head += piece
        status = head.split(b"\r\n", 1)[0].decode("latin-1").split(" ", 1)[-1]
        if not status.startswith("2"):
            raise OSError(f"The proxy {proxy.host}:{proxy.port} refuses: {status}")


class _TimedSocket:
    """As much of a socket as an exchange needs, with one deadline over all operations."""

    def __init__(self, raw: socket.socket) -> None:
        self.raw = raw
        self.deadline = 0.0

    def sendall(self, data: bytes) -> None:
        self.raw.settimeout(_remaining(self.deadline))
        self.raw.sendall(data)

    def makefile(self, mode: str) -> io.BufferedReader:  # noqa: ARG002 - as HTTPResponse calls it
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
    return b"".join(parts)


def _remaining(deadline: float) -> float:
    seconds = deadline - time.monotonic()
    if seconds <= 0:
        raise TimeoutError("the time for the request is up")
    return seconds
