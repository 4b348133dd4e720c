"""Signing in to the UI: a key is typed once, and a cookie stands for it from then on.

The cookie is not the key: it is random, lives here only, ends after twelve hours, with the hub,
with its key, or when its owner signs out. Scripts cannot read it, and browsers do not send it
along with requests that other sites cause.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

import msgspec

from otbridge.errors import LimitExceeded
from otbridge.hub.access.credentials import cookie
from otbridge.hub.access.key import Right
from otbridge.hub.access.secret import Secret, digest_of
from otbridge.hub.asgi import SlowBody, header, read_body, respond
from otbridge.hub.refusals import Refusal, refuse

if TYPE_CHECKING:
    from collections.abc import Callable

    from otbridge.hub.access.key import Key
    from otbridge.hub.access.keyring import Keyring
    from otbridge.hub.asgi import Header, Receive, Scope, Send

__all__ = ["SESSION_PATH", "SESSION_S", "Session", "Sessions"]

SESSION_PATH: Final = "/api/v1/session"

SESSION_S: Final = 12 * 3600.0
"""A working day; then the key has to be typed again."""

_MAX_SESSIONS: Final = 1_000
"""Beyond, the oldest ends."""

_MAX_BODY: Final = 4 << 10
_NO_STORE: Final[Header] = (b"cache-control", b"no-store")


@dataclass(slots=True)
class Session:
    """Somebody who has signed in."""

    key: Key
    ends_at: float
    """Monotonic seconds."""
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when its owner signs out."""


class _Typed(msgspec.Struct):
    token: str


class Sessions:
    """The sessions of a hub, and the ASGI application at `SESSION_PATH`.

    POST `{"token": "…"}` signs in, DELETE signs out, GET says who one is.

    Args:
        keyring: Who knows the keys.
        now: Returns monotonic seconds.
    """

    def __init__(self, keyring: Keyring, now: Callable[[], float]) -> None:
        self._keyring = keyring
        self._now = now
        self._sessions: OrderedDict[bytes, Session] = OrderedDict()

    def of(self, scope: Scope) -> Session | None:
        """Return the session whose cookie the request shows, if it still is one."""
        shown = cookie(scope, _cookie_name(scope))
        if not shown:
            return None
        session = self._sessions.get(digest_of(shown.encode("latin-1")))
        if session is None or session.ends_at <= self._now():
            return None
        return session if self._keyring.get(session.key.id) is not None else None

    def left_s(self, session: Session) -> float:
        """Return for how many seconds it still is one."""
        return max(0.0, session.ends_at - self._now())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; the guard has made sure that it is no other site's."""
        match scope.get("method"):
            case "POST":
                await self._sign_in(scope, receive, send)
            case "DELETE":
                await self._sign_out(scope, send)
            case "GET" | "HEAD":
                await self._tell(scope, send)
            case _:
                await refuse(scope, send, _WRONG_METHOD)

    async def _sign_in(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            body = await read_body(scope, receive, _MAX_BODY)
            typed = msgspec.json.decode(body, type=_Typed).token.strip()
        except (LimitExceeded, SlowBody, msgspec.MsgspecError, UnicodeError):
            await refuse(scope, send, _UNREADABLE)
            return
        principal = self._keyring.find(typed.encode(errors="replace"))
        key = None if principal is None else principal.key
        if key is None:
            await refuse(scope, send, _UNKNOWN)
            return
        if not key.grants(Right.READ):
            await refuse(scope, send, _NOT_FOR_READING)
            return
        secret = Secret.new("")
        self._sessions[secret.digest()] = Session(key, self._now() + SESSION_S)
        if len(self._sessions) > _MAX_SESSIONS:
            _, oldest = self._sessions.popitem(last=False)
            oldest.ended.set()
        set_cookie = _set_cookie(scope, secret.reveal(), round(SESSION_S))
        await respond(send, 204, "", b"", (set_cookie, _NO_STORE))

    async def _sign_out(self, scope: Scope, send: Send) -> None:
        shown = cookie(scope, _cookie_name(scope))
        session = self._sessions.pop(digest_of(shown.encode("latin-1")), None)
        if session is not None:
            session.ended.set()
        await respond(send, 204, "", b"", (_set_cookie(scope, "", 0), _NO_STORE))

    async def _tell(self, scope: Scope, send: Send) -> None:
        session = self.of(scope)
        told: dict[str, object] = {"needed": self._keyring.closed, "signed_in": session is not None}
        if session is not None:
            told |= {
                "key": session.key.id,
                "kind": session.key.kind.value,
                "ends_in_s": int(self.left_s(session)),
            }
        body = msgspec.json.encode(told)
        await respond(send, 200, "application/json", body, (_NO_STORE,))


def _cookie_name(scope: Scope) -> str:
    """Return the cookie's name, with the port in it.

    Browsers keep one jar for all ports of a machine: two hubs on one would otherwise sign each
    other out.
    """
    port = None
    try:
        port = urlsplit(f"//{header(scope, b'host')}").port
    except ValueError:
        pass  # the Host was checked before; a port beyond 65535 names no hub
    return f"otbridge_session_{port or ''}"


def _set_cookie(scope: Scope, value: str, life_s: int) -> Header:
    secure = "; Secure" if scope.get("scheme") in ("https", "wss") else ""
    text = (
        f"{_cookie_name(scope)}={value}; Max-Age={life_s}; Path=/; HttpOnly; "
        f"SameSite=Strict{secure}"
    )
    return b"set-cookie", text.encode()


_UNREADABLE: Final = Refusal(
    400,
    "bad_session",
    "This is not how one signs in.",
    "",
    'POST {"token": "otb_read_…"} as application/json.',
)
_UNKNOWN: Final = Refusal(
    401,
    "unknown_key",
    "The hub does not know this key.",
    "It was mistyped, or taken away.",
    "`otbridge hub keys add read` makes a new one.",
    ((b"www-authenticate", b"Bearer"),),
)
_NOT_FOR_READING: Final = Refusal(
    403,
    "forbidden",
    "This key only lets its bearer send.",
    "",
    "Sign in with a key of the kind read or admin.",
)
_WRONG_METHOD: Final = Refusal(
    405,
    "method_not_allowed",
    "A session is begun by POST, asked for by GET and ended by DELETE.",
    "",
    "",
    ((b"allow", b"GET, HEAD, POST, DELETE"),),
)
