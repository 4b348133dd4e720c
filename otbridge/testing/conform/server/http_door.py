"""Sends requests over HTTP/1.1, each on a connection of its own, and takes what comes back."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Self

import httpx

from otbridge.testing.conform.server.answer import JSON, PROTOBUF, Answer

if TYPE_CHECKING:
    from collections.abc import Iterable

    from otbridge.testing.conform.server.target import Server
    from otbridge.typing import Signal

__all__ = ["HttpDoor"]

_MOST_READ = 80 << 20
"""Bytes of an answer that are read: more than any that has to be measured."""


class HttpDoor:
    """The server's OTLP/HTTP side.

    Args:
        server: Where it is.
    """

    protocol = "http"

    def __init__(self, server: Server) -> None:
        self._base = server.url.rstrip("/")
        self._headers = {"accept-encoding": "identity", **server.headers}
        # A connection that a server has ended after an error would look like a missing answer.
        self._client = httpx.Client(
            timeout=server.timeout_s,
            limits=httpx.Limits(max_keepalive_connections=0),
            trust_env=False,
            # To load certificates takes as long as ten requests over a plain connection.
            verify=server.url.startswith("https:"),
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def export(
        self,
        signal: Signal,
        body: bytes,
        content_type: str = PROTOBUF,
        *,
        encoding: str = "",
    ) -> Answer:
        """Send an Export request.

        Args:
            signal: Whose path to send it to.
            body: As it goes over the wire.
            content_type: What it says of itself; nothing where empty.
            encoding: Its Content-Encoding.
        """
        headers = {"content-type": content_type, "content-encoding": encoding}
        return self.request(
            "POST", f"/v1/{signal}", body, {name: value for name, value in headers.items() if value}
        )

    def export_json(self, signal: Signal, document: bytes) -> Answer:
        """Send an Export request in OTLP/JSON."""
        return self.export(signal, document, JSON)

    def request(
        self,
        method: str,
        path: str,
        body: bytes | Iterable[bytes] = b"",
        headers: dict[str, str] | None = None,
    ) -> Answer:
        """Send any request at all; an iterable *body* goes in chunks, without a length."""
        try:
            request = self._client.build_request(
                method,
                self._base + path,
                content=body,
                headers={**self._headers, **(headers or {})},
            )
            answer = self._client.send(request, stream=True)
            try:
                return _taken(answer)
            finally:
                answer.close()
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            return Answer("http", "", message=str(error) or type(error).__name__)


def _taken(answer: httpx.Response) -> Answer:
    body = _read(answer)
    message = ""
    if answer.headers.get("content-encoding") == "gzip":
        # A server that compresses unasked is to be blamed for that, and not for what it says.
        try:
            body = zlib.decompressobj(zlib.MAX_WBITS | 16).decompress(body, _MOST_READ)
        except zlib.error as error:
            message = f"(the answer cannot be inflated: {error})"
    return Answer("http", str(answer.status_code), body, _lower(answer), message)


def _read(answer: httpx.Response) -> bytes:
    """Return the body as it came."""
    parts = []
    size = 0
    for part in answer.iter_raw():
        parts.append(part)
        size += len(part)
        if size > _MOST_READ:
            break
    return b"".join(parts)


def _lower(answer: httpx.Response) -> dict[str, str]:
    return {name.lower(): value for name, value in answer.headers.items()}
