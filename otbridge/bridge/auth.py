"""Who may speak to a bridge: which pages, and with which token.

Browsers open WebSockets to any address without asking (cross-site WebSocket hijacking, as in
CVE-2025-24010), and a `text/plain` POST needs no preflight. So the `Origin` is checked by us, in
the handshake and before a body is read.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Iterable
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from otbridge.errors import ConfigurationError

__all__ = ["Authenticate", "OriginPolicy", "authenticated", "no_token_needed"]

Authenticate = Callable[[str | None, str | None], str | Awaitable[str | None] | None]
"""`(token, origin)` to the name of the project that the client may write to, or None to refuse.

Either may be None: the client sent no token; it is no browser and has no origin. May be async.
`otbridge.bridge.tickets.Tickets` is one; `no_token_needed` is the default.
"""

_DEFAULT_PORTS: Final = {"http": 80, "https": 443}


def no_token_needed(token: str | None, origin: str | None) -> str | None:  # noqa: ARG001 - an Authenticate
    """Let everybody in, to the project without a name."""
    return ""


async def authenticated(
    authenticate: Authenticate, token: str | None, origin: str | None
) -> str | None:
    """Ask *authenticate*, whether it is a plain or an async function."""
    answer = authenticate(token, origin)
    return await answer if inspect.isawaitable(answer) else answer


class OriginPolicy:
    """The allow-list of pages (bridge-protocol, rule 9).

    Always on it: the page's own origin being that of the request, and pages of this machine
    (localhost, *.localhost, 127.0.0.0/8, [::1], any port). A request without an origin comes
    from no browser; it could claim any, so that refusing it would protect nobody.

    Args:
        allowed: Origins as browsers send them, e.g. `https://shop.example`; `null` for files and
            sandboxed frames; `*` for every page there is.

    Raises:
        ConfigurationError: One of them is no origin.
    """

    def __init__(self, allowed: Iterable[str] = ()) -> None:
        origins = list(allowed)
        self._any = "*" in origins
        self._null = "null" in origins
        self._allowed = {_checked(origin) for origin in origins if origin not in {"*", "null"}}
        self._also: set[_Origin] = set()

    def also(self, origins: Iterable[str]) -> None:
        """Allow these too, in place of those of the last call.

        Raises:
            ConfigurationError: One of them is no origin.
        """
        self._also = {_checked(origin) for origin in origins}

    def allows(self, origin: str | None, host: str | None) -> bool:
        """Say whether a page of *origin* may speak to us.

        Args:
            origin: The `Origin` header.
            host: The `Host` header of the same request.
        """
        if origin is None or self._any:
            return True
        if origin == "null":
            return self._null
        page = _split(origin)
        if page is None:
            return False
        if page in self._allowed or page in self._also or _is_local(page.name):
            return True
        # Without a port, Host means the default one of the page's scheme: a proxy in front may
        # have taken off the TLS, so that our own scheme says nothing.
        return page == _split(f"{page.scheme}://{host}")


class _Origin(NamedTuple):
    scheme: str
    name: str
    port: int


def _checked(origin: str) -> _Origin:
    parts = _split(origin)
    if parts is None:
        raise ConfigurationError(
            f"{origin!r} is no origin.",
            "An origin is a scheme, a host and perhaps a port, without a path.",
            "Write it as the browser sends it, for example https://shop.example.",
        )
    return parts


def _split(origin: str) -> _Origin | None:
    """Return the parts of *origin*, or None for what is not exactly one."""
    try:
        url = urlsplit(origin)
        port = url.port
    except ValueError:
        return None
    name = url.hostname
    plain = not (url.path or url.query or url.fragment or "@" in url.netloc)
    if url.scheme not in _DEFAULT_PORTS or not name or not plain or origin != origin.strip():
        return None
    return _Origin(url.scheme, name, port or _DEFAULT_PORTS[url.scheme])


def _is_local(name: str) -> bool:
    if name == "localhost" or name.endswith(".localhost") or name == "::1":
        return True
    numbers = name.split(".")
    return (
        len(numbers) == 4
        and numbers[0] == "127"
        and all(part.isascii() and part.isdecimal() for part in numbers)
    )
