"""Who may talk to the hub: by which name, and from which pages.

A hub on a developer's machine asks nobody for a key, so a web page anywhere must be kept from
using the browser as its way in. Two checks do that, on every route and before anything else happens:

- The *Host* header has to be one of the hub's own names. A page of `evil.test` that has its name
  resolve to 127.0.0.1 (DNS rebinding) is same-origin to the browser, but still says evil.test.
- The *Origin* header, which pages cannot forge, decides who may send telemetry (pages on this
  machine, and those configured) and who may read it (the hub's own pages).
"""

from __future__ import annotations

from ipaddress import ip_address
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from otbridge.hub.asgi import Header, header, headers_of, respond
from otbridge.hub.refusals import Refusal, refuse

if TYPE_CHECKING:
    from collections.abc import Iterable

    from otbridge.hub.asgi import App, Receive, Scope, Send

__all__ = ["DOCUMENT_HEADERS", "HostGuard", "Origins", "is_loopback", "own_origin"]

_LOCAL_NAMES: Final = frozenset({"localhost", "127.0.0.1", "[::1]"})

_POLICY: Final = (
    "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; object-src 'none'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)

DOCUMENT_HEADERS: Final[tuple[Header, ...]] = (
    (b"content-security-policy", _POLICY.encode()),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
)
"""For the UI's files: what telemetry says must never become code, here or in a frame."""

_PREFLIGHT_S: Final = 600
"""How long a browser may remember a preflight's answer."""


class HostGuard:
    """Lets requests through that call the hub by one of its names.

    Args:
        app: What they are for.
        names: Names beside those of the loopback interface.
        any_address: Whether a plain IP address is a name too, as it has to be for a hub that
            listens on all of a machine's. No DNS server can have one point elsewhere.
    """

    def __init__(self, app: App, names: Iterable[str] = (), *, any_address: bool = False) -> None:
        self._app = app
        self._names = _LOCAL_NAMES | {name.lower() for name in names}
        self._any_address = any_address

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve the request, or answer 421 (400 where it has not exactly one Host)."""
        hosts = headers_of(scope, b"host")
        if len(hosts) == 1 and self._is_own(_name(hosts[0])):
            await self._app(scope, receive, send)
            return
        if scope["type"] == "websocket":
            await _refuse_upgrade(send)
            return
        status = 421 if len(hosts) == 1 else 400
        await refuse(scope, send, _UNKNOWN_HOST._replace(status=status))

    def _is_own(self, name: str) -> bool:
        return name in self._names or (self._any_address and _is_address(name))


class Origins:
    """Which pages may send telemetry from a browser.

    Args:
        allowed: Origins such as `https://shop.example`, beside all on this machine.
    """

    def __init__(self, allowed: Iterable[str] = ()) -> None:
        self.allowed = frozenset(origin.lower().rstrip("/") for origin in allowed)
        """The configured ones, normalised."""
        self._also: frozenset[str] = frozenset()

    def also(self, origins: Iterable[str]) -> None:
        """Let pages of these send too, in place of those of the last call."""
        self._also = frozenset(origins)

    def may_send(self, origin: str) -> bool:
        """Whether a page of *origin* may send; no origin means that no browser is involved."""
        if not origin:
            return True
        name = origin.lower()
        return name in self.allowed or name in self._also or _is_local(origin)

    def headers(self, origin: str) -> tuple[Header, ...]:
        """Return the CORS headers of an answer to *origin*; never with credentials."""
        if not origin or not self.may_send(origin):
            return ((b"vary", b"Origin"),)
        return (
            (b"access-control-allow-origin", origin.encode("latin-1")),
            (b"access-control-expose-headers", b"Retry-After"),
            (b"vary", b"Origin"),
        )

    async def preflight(self, scope: Scope, send: Send) -> None:
        """Answer an OPTIONS request: 204 with permission, or 403."""
        origin = header(scope, b"origin")
        if not origin or not self.may_send(origin):
            await self.refuse(scope, send)
            return
        headers = [
            *self.headers(origin),
            (b"access-control-allow-methods", b"POST, OPTIONS"),
            # Exporters may be configured with headers of any name; none gives any right here.
            (b"access-control-allow-headers", _asked_headers(scope)),
            (b"access-control-max-age", b"%d" % _PREFLIGHT_S),
            # Asked for by browsers when a public page reaches for this machine.
            (b"access-control-allow-private-network", b"true"),
        ]
        await respond(send, 204, "text/plain", b"", headers)

    async def refuse(self, scope: Scope, send: Send) -> None:
        """Answer 403 to a page that may not send."""
        await refuse(scope, send, _UNKNOWN_ORIGIN)


_UNKNOWN_HOST: Final = Refusal(
    421,
    "unknown_host",
    "The hub does not know itself by the name in the Host header.",
    "A page elsewhere could reach it under a name of its own (DNS rebinding).",
    "Use http://127.0.0.1, or start the hub with --allow-host NAME.",
)

_UNKNOWN_ORIGIN: Final = Refusal(
    403,
    "unknown_origin",
    "Pages of this origin may not send to the hub.",
    "Only pages on this machine may, and those that are configured.",
    "Start the hub with --allow-origin ORIGIN.",
    ((b"vary", b"Origin"),),
)


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach what listens on the address *host*."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def own_origin(scope: Scope) -> bool:
    """Whether a request comes from the hub's own pages, or from no page at all.

    The Host header was checked before, so that an origin that equals it is the hub's.
    """
    origin = header(scope, b"origin")
    if not origin:
        return True
    return urlsplit(origin).netloc.lower() == header(scope, b"host").lower()


def _asked_headers(scope: Scope) -> bytes:
    asked = b", ".join(headers_of(scope, b"access-control-request-headers"))
    return asked if 0 < len(asked) <= 1024 else b"content-type, content-encoding"


def _name(host: bytes) -> str:
    """Return the name in a Host header, without the port."""
    text = host.decode("latin-1").lower()
    name, colon, port = text.rpartition(":")
    return name if colon and port.isdigit() else text


def _is_address(name: str) -> bool:
    try:
        ip_address(name.removeprefix("[").removesuffix("]"))
    except ValueError:
        return False
    return True


def _is_local(origin: str) -> bool:
    """Whether *origin* is a page served from this machine (RFC 6761 §6.3 for *.localhost)."""
    try:
        parts = urlsplit(origin)
        name = parts.hostname or ""
    except ValueError:
        return False
    if parts.scheme not in ("http", "https") or parts.username is not None or parts.path:
        return False
    return name in ("localhost", "127.0.0.1", "::1") or name.endswith(".localhost")


async def _refuse_upgrade(send: Send) -> None:
    """Refuse a WebSocket before it opens; the server answers 403."""
    await send({"type": "websocket.close", "code": 1008})
