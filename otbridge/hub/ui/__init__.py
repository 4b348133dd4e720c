"""Serves the web UI and the browser SDK, both built from `ts-bridge/` into `dist/`.

Only files that were there when the hub started are served, from a table: no path is ever made
from a request, so there is nothing to traverse.
"""

from __future__ import annotations

import gzip
import hashlib
import mimetypes
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from otbridge.hub.asgi import header, respond
from otbridge.hub.security import DOCUMENT_HEADERS

if TYPE_CHECKING:
    from otbridge.hub.asgi import Header, Receive, Scope, Send

__all__ = ["DIST", "SDK_PATH", "Ui"]

DIST: Final = Path(__file__).parent / "dist"
"""Where `npm run build` puts the UI and `otbridge.js`."""

SDK_PATH: Final = "/otbridge.js"
"""The browser SDK as one module."""

_FOREVER: Final = b"public, max-age=31536000, immutable"
"""For files whose name holds a hash of their content."""

_COMPRESSIBLE: Final = ("text/", "application/json", "image/svg+xml", "application/javascript")
_MIN_COMPRESSED: Final = 1024
"""Below, gzip saves less than a network packet."""

_NOT_BUILT: Final = b"""<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>otbridge hub</title></head>
<body>
<h1>The hub is running. Its user interface is not built.</h1>
<p>Telemetry is received and stored, and the <a href="/api/v1/traces">API</a> answers.</p>
<p>To build the user interface in a checkout, install Node.js 20 or newer and run:</p>
<pre>npm --prefix ts-bridge ci
npm --prefix ts-bridge run build</pre>
<p>Then restart the hub.</p>
</body>
</html>
"""


@dataclass(slots=True)
class _File:
    path: Path
    media_type: str
    headers: tuple[Header, ...]
    _plain: bytes | None = field(default=None, init=False)
    _packed: bytes | None = field(default=None, init=False)
    _tag: bytes | None = field(default=None, init=False)

    def plain(self) -> bytes:
        if self._plain is None:
            self._plain = self.path.read_bytes()
        return self._plain

    def packed(self) -> bytes | None:
        """Return the content compressed, once; None where that is of no use."""
        if self._packed is None:
            plain = self.plain()
            if len(plain) < _MIN_COMPRESSED or not self.media_type.startswith(_COMPRESSIBLE):
                return None
            self._packed = gzip.compress(plain, 9, mtime=0)
        return self._packed

    def tag(self) -> bytes:
        if self._tag is None:
            self._tag = b'"%b"' % hashlib.sha256(self.plain()).hexdigest()[:20].encode()
        return self._tag


class Ui:
    """The files, an ASGI application for every path that is nobody else's.

    Args:
        folder: Where they are; may be missing, then a page says how to build them.
    """

    def __init__(self, folder: Path = DIST) -> None:
        self._files = _scan(folder)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        """Answer GET and HEAD; an unknown path is a place in the UI, which finds it by itself."""
        if scope["method"] not in ("GET", "HEAD"):
            await respond(
                send,
                405,
                "text/plain",
                b"Only GET is answered here.\n",
                ((b"allow", b"GET, HEAD"),),
            )
            return
        path = scope["path"]
        file = self._files.get("/index.html" if path == "/" else path)
        if file is None and _looks_like_a_file(path):
            await respond(send, 404, "text/plain", _missing(path))
            return
        file = file or self._files.get("/index.html")
        if file is None:
            await respond(send, 200, "text/html; charset=utf-8", _NOT_BUILT, DOCUMENT_HEADERS)
            return
        await _send_file(scope, send, file)


async def _send_file(scope: Scope, send: Send, file: _File) -> None:
    tag = file.tag()
    headers: list[Header] = [*file.headers, (b"etag", tag), (b"vary", b"Accept-Encoding")]
    if header(scope, b"if-none-match").encode("latin-1") == tag:
        await respond(send, 304, file.media_type, b"", headers)
        return
    body = file.plain()
    if "gzip" in header(scope, b"accept-encoding"):
        packed = file.packed()
        if packed is not None:
            body = packed
            headers.append((b"content-encoding", b"gzip"))
    await respond(send, 200, file.media_type, body, headers)


def _scan(folder: Path) -> dict[str, _File]:
    """Return the table of paths to files below *folder*."""
    files = {}
    for path in sorted(folder.rglob("*")) if folder.is_dir() else ():
        if path.is_file() and not path.is_symlink():
            name = "/" + path.relative_to(folder).as_posix()
            files[name] = _File(path, _media_type(path), _headers(name))
    return files


def _headers(name: str) -> tuple[Header, ...]:
    if name == SDK_PATH:
        # Public code without secrets, for pages of any origin to load.
        return (
            (b"access-control-allow-origin", b"*"),
            (b"cross-origin-resource-policy", b"cross-origin"),
            (b"cache-control", b"no-cache"),
        )
    hashed = name.startswith("/assets/")
    return (*DOCUMENT_HEADERS, (b"cache-control", _FOREVER if hashed else b"no-cache"))


def _media_type(path: Path) -> str:
    if path.suffix in (".js", ".mjs"):  # the machine's own table is wrong on some Windows systems
        return "text/javascript; charset=utf-8"
    kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    return f"{kind}; charset=utf-8" if kind.startswith("text/") else kind


def _looks_like_a_file(path: str) -> bool:
    """Whether the browser asked for a part of a page, for which the page itself is no answer."""
    return path == SDK_PATH or path.startswith("/assets/") or path == "/favicon.ico"


def _missing(path: str) -> bytes:
    if path == SDK_PATH:
        return (
            b"The browser SDK is not built. In a checkout run: npm --prefix ts-bridge ci && "
            b"npm --prefix ts-bridge run build\n"
        )
    return b"There is no such file.\n"
