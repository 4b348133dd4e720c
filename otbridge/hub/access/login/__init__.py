"""The page on which people sign in to the UI."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from otbridge.hub.asgi import respond
from otbridge.hub.security import DOCUMENT_HEADERS

if TYPE_CHECKING:
    from otbridge.hub.asgi import App, Receive, Scope, Send

__all__ = ["LOGIN_FILES", "login_page"]

_FOLDER: Final = Path(__file__).parent


async def login_page(scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001
    """Answer 401 with the page; it is the same for every address, and leads back to it."""
    headers = (
        *DOCUMENT_HEADERS,
        (b"cache-control", b"no-store"),
        (b"www-authenticate", b"Bearer"),
    )
    body = (_FOLDER / "login.html").read_bytes()
    if scope["method"] == "HEAD":
        body = b""
    await respond(send, 401, "text/html; charset=utf-8", body, headers)


def _file(name: str, media_type: str) -> App:
    async def serve(scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001
        if scope["method"] not in ("GET", "HEAD"):
            await respond(send, 405, "text/plain", b"", ((b"allow", b"GET, HEAD"),))
            return
        headers = (*DOCUMENT_HEADERS, (b"cache-control", b"no-cache"))
        await respond(send, 200, media_type, (_FOLDER / name).read_bytes(), headers)

    return serve


LOGIN_FILES: Final[dict[str, App]] = {
    "/login/login.js": _file("login.js", "text/javascript; charset=utf-8"),
    "/login/login.css": _file("login.css", "text/css; charset=utf-8"),
}
"""The page's parts by path; the content security policy allows nothing inline."""
