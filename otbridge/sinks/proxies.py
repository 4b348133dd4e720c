"""Which proxy the environment names for a destination, by the rules that curl and Go share.

`HTTPS_PROXY` or `HTTP_PROXY` by the destination's scheme, in lower or upper case; `ALL_PROXY`
where that is not set. `NO_PROXY` lists hosts that are reached directly: names with everything
below them, addresses, networks (`10.0.0.0/8`), each with a port if need be, or `*`. Loopback
addresses never go through a proxy. The upper-case `HTTP_PROXY` is not read in a CGI program, where
a client could set it by a header (httpoxy, CVE-2016-5385).
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import unquote, urlsplit

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Proxy", "find_proxy"]


class Proxy(NamedTuple):
    """An HTTP proxy."""

    scheme: str
    """Only `http` can be used; others are kept to be named in the error."""
    host: str
    port: int
    authorization: str
    """Value of Proxy-Authorization; empty without user and password."""


def find_proxy(
    scheme: str, host: str, port: int, environ: Mapping[str, str] | None = None
) -> Proxy | None:
    """Return the proxy for *host*, None where it is reached directly.

    Args:
        scheme: Of the destination: `http` or `https`.
        host: Name or address.
        port: TCP port.
        environ: Environment variables; the process's own by default.
    """
    environ = os.environ if environ is None else environ
    names = [f"{scheme}_proxy", f"{scheme}_proxy".upper(), "all_proxy", "ALL_PROXY"]
    if "REQUEST_METHOD" in environ:
        names = [name for name in names if name != "HTTP_PROXY"]
    address = next((environ[name].strip() for name in names if environ.get(name, "").strip()), "")
    exceptions = environ.get("no_proxy") or environ.get("NO_PROXY") or ""
    if not address or _is_loopback(host) or _is_exception(host, port, exceptions):
        return None
    return _parse(address)


def _parse(address: str) -> Proxy | None:
    try:
        url = urlsplit(address if "://" in address else f"http://{address}")
        port = url.port
    except ValueError:
        return Proxy("invalid", "", 0, "")
    if not url.hostname:
        return Proxy("invalid", "", 0, "")
    authorization = ""
    if url.username is not None:
        import base64

        pair = f"{unquote(url.username)}:{unquote(url.password or '')}"
        authorization = f"Basic {base64.b64encode(pair.encode()).decode()}"
    return Proxy(url.scheme, url.hostname, port or 80, authorization)


def _is_loopback(host: str) -> bool:
    return host in {"localhost", "::1"} or host.startswith("127.")


def _is_exception(host: str, port: int, exceptions: str) -> bool:
    return any(
        _matches(host.lower(), port, word.lower()) for word in exceptions.replace(",", " ").split()
    )


def _matches(host: str, port: int, word: str) -> bool:
    if word == "*":
        return True
    if "/" in word:
        return _is_in_network(host, word)
    name, colon, number = word.rpartition(":")
    if colon and number.isdigit() and (":" not in name or name.endswith("]")):
        if int(number) != port:
            return False
        word = name
    word = word.strip("[]").removeprefix("*").removeprefix(".")
    return host == word or (bool(word) and host.endswith(f".{word}"))


def _is_in_network(host: str, word: str) -> bool:
    import ipaddress

    try:
        return ipaddress.ip_address(host) in ipaddress.ip_network(word, strict=False)
    except ValueError:
        return False  # a name, or no network
