"""Asks for a key at every door of the HTTP port, once the hub has keys or is on a network.

Three doors look after themselves, because their keys come later than the head of a request: the
bridge (in its first frame or body), signing in, and what is nobody's secret (the code of the UI
and of the browser SDK, and whether the hub is well).
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from otbridge.hub.access.credentials import presented
from otbridge.hub.access.key import Right
from otbridge.hub.access.principal import Principal, set_principal
from otbridge.hub.access.sessions import SESSION_PATH
from otbridge.hub.access.tickets import TICKET_PATH
from otbridge.hub.asgi import error_body, header
from otbridge.hub.refusals import Refusal, refuse
from otbridge.hub.security import own_origin

if TYPE_CHECKING:
    from otbridge.hub.access.keyring import Keyring
    from otbridge.hub.access.sessions import Session, Sessions
    from otbridge.hub.asgi import App, Receive, Scope, Send
    from otbridge.hub.ledger import HubLedger
    from otbridge.hub.security import Origins

__all__ = ["AccessGuard"]

_SENDING: Final = frozenset({"/v1/traces", "/v1/logs", "/v1/metrics", TICKET_PATH})
_FREE: Final = frozenset({"/v1/bridge", "/healthz", "/otbridge.js", "/favicon.ico", SESSION_PATH})
_CHANGING: Final = frozenset({"POST", "PUT", "PATCH", "DELETE"})
_SHARING: Final = ("POST", "/api/v1/links")
"""Whoever may look may show others what they look at; how much of that is kept is bounded where it
is saved."""

_REVOKED: Final = 4401
"""WebSocket close code, the bridge's for a token that is not accepted."""


class AccessGuard:
    """Lets requests through whose key fits the door, and notes in the scope whose they are.

    Args:
        app: What they are for.
        keyring: Who knows the keys.
        sessions: Who knows the cookies.
        login: What people see who have not signed in.
        origins: Which pages may read a refusal.
        ledger: Who counts what is turned away.
    """

    def __init__(
        self,
        app: App,
        *,
        keyring: Keyring,
        sessions: Sessions,
        login: App,
        origins: Origins,
        ledger: HubLedger,
    ) -> None:
        self._app = app
        self._keyring = keyring
        self._sessions = sessions
        self._login = login
        self._origins = origins
        self._ledger = ledger

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve the request, or say which key it takes."""
        path: str = scope["path"]
        if scope["type"] == "websocket":
            await self._websocket(scope, receive, send)
            return
        if path.startswith("/api/") and scope["method"] in _CHANGING and _of_another_site(scope):
            await self._refuse(scope, send, _CROSS_SITE)
            return
        right = _right_for(scope, path) if self._keyring.closed else None
        if right is None:
            await self._app(scope, receive, send)
            return
        principal, _ = self._identify(scope, right)
        refusal = _refusal(principal, right, scope)
        if refusal is None and principal is not None:
            set_principal(scope, principal)
            await self._app(scope, receive, send)
        elif principal is None and _is_a_place_in_the_ui(scope, path):
            await self._login(scope, receive, send)
        else:
            await self._refuse(scope, send, refusal or _NO_KEY)

    def _identify(self, scope: Scope, right: Right) -> tuple[Principal | None, Session | None]:
        """Return who shows a known key or, where it is about reading, a session's cookie.

        A cookie comes along with whatever a page causes, so it lets nobody send.
        """
        secret = presented(scope["headers"])
        if secret is not None:
            return self._keyring.find(secret), None
        session = None if right is Right.WRITE else self._sessions.of(scope)
        return (None, None) if session is None else (Principal.of(session.key), session)

    async def _refuse(self, scope: Scope, send: Send, refusal: Refusal) -> None:
        self._ledger.turned_away(refusal.code)
        headers = refusal.headers
        if scope["path"] in _SENDING:  # the page that caused it may read why
            headers = (*headers, *self._origins.headers(header(scope, b"origin")))
        await refuse(scope, send, refusal._replace(headers=headers))

    async def _websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] == "/v1/bridge":
            await self._app(scope, receive, send)
            return
        principal, session = Principal(), None
        if self._keyring.closed:
            found, session = self._identify(scope, Right.READ)
            refusal = _refusal(found, Right.READ, scope)
            if refusal is not None or found is None:
                await receive()  # websocket.connect
                self._ledger.turned_away((refusal or _NO_KEY).code)
                await _deny(scope, send, refusal or _NO_KEY)
                return
            principal = found
        set_principal(scope, principal)
        await self._until_revoked(principal, session, scope, receive, send)

    async def _until_revoked(
        self,
        principal: Principal,
        session: Session | None,
        scope: Scope,
        receive: Receive,
        send: Send,
    ) -> None:
        """Serve a connection while its key, and its session, are good."""
        key_id = "" if principal.key is None else principal.key.id
        ends = [asyncio.create_task(self._keyring.revoked(key_id).wait())]
        if session is not None:
            ends.append(asyncio.create_task(session.ended.wait()))
        serving = asyncio.ensure_future(self._app(scope, receive, send))
        left_s = None if session is None else self._sessions.left_s(session)
        try:
            await asyncio.wait(
                {serving, *ends}, timeout=left_s, return_when=asyncio.FIRST_COMPLETED
            )
        finally:
            for task in ends:
                task.cancel()
            if not serving.done():
                serving.cancel()
                await asyncio.wait({serving})
                await send({"type": "websocket.close", "code": _REVOKED})
        if not serving.cancelled():
            serving.result()


def _right_for(scope: Scope, path: str) -> Right | None:
    """Return what the door asks for, None where everybody may come in."""
    if path in _SENDING:
        return None if scope["method"] == "OPTIONS" else Right.WRITE
    if path in _FREE or path.startswith(("/assets/", "/login/")):
        return None
    if (scope["method"], path) == _SHARING:
        return Right.READ
    if path.startswith("/api/") and scope["method"] in _CHANGING:
        return Right.ADMIN
    return Right.READ


def _refusal(principal: Principal | None, right: Right, scope: Scope) -> Refusal | None:
    key = None if principal is None else principal.key
    if key is None:
        return _NO_KEY
    if not key.grants(right):
        return _FORBIDDEN
    if not key.public or key.fits(header(scope, b"origin")):
        return None
    return _WRONG_PAGE


def _of_another_site(scope: Scope) -> bool:
    """Whether a page elsewhere may have caused a request that changes something.

    Such a page can send forms and plain text with the cookie, but no JSON without asking, and it
    cannot forge `Sec-Fetch-Site` or `Origin`.
    """
    kind = header(scope, b"content-type").partition(";")[0].strip().lower()
    site = header(scope, b"sec-fetch-site")
    return (
        kind != "application/json"
        or site not in ("", "same-origin", "none")
        or not own_origin(scope)
    )


def _is_a_place_in_the_ui(scope: Scope, path: str) -> bool:
    return not path.startswith(("/api/", "/v1/")) and scope["method"] in ("GET", "HEAD")


async def _deny(scope: Scope, send: Send, refusal: Refusal) -> None:
    """Refuse a WebSocket before it opens, with a reason where the server can carry one."""
    if "websocket.http.response" not in scope.get("extensions", {}):
        await send({"type": "websocket.close", "code": 1008})
        return
    body = error_body(refusal.code, refusal.what, refusal.why, refusal.do)
    headers = [(b"content-type", b"application/json"), *refusal.headers]
    await send(
        {"type": "websocket.http.response.start", "status": refusal.status, "headers": headers}
    )
    await send({"type": "websocket.http.response.body", "body": body})


_NO_KEY: Final = Refusal(
    401,
    "no_key",
    "This hub takes nobody without a key that it knows.",
    "None was shown, or it was taken away, or the session is over.",
    "In a browser load the page again and sign in. Programs send `Authorization: Bearer KEY`, with"
    " a key from `otbridge hub keys add`.",
    ((b"www-authenticate", b"Bearer"),),
)
_FORBIDDEN: Final = Refusal(
    403,
    "forbidden",
    "This key does not open this door.",
    "Ingest and write keys send, read keys read, admin keys do both.",
    "Make a key of the right kind with `otbridge hub keys add`.",
)
_WRONG_PAGE: Final = Refusal(
    403,
    "unknown_origin",
    "This key may not be used by pages of this origin.",
    "It is public, and bound to the pages that it was made for.",
    "Add a key with their --origin; servers use a key of the kind write.",
)
_CROSS_SITE: Final = Refusal(
    403,
    "cross_site",
    "This request may have been caused by a page of another site.",
    "What changes something has to be JSON, and come from the hub's own page or from a program.",
    "Send Content-Type: application/json.",
)
