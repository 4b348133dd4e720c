"""Where a request shows its key. Never in the address: those end up in logs and histories."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from otbridge.hub.asgi import headers_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from otbridge.hub.asgi import Scope

__all__ = ["KEY_HEADER", "cookie", "presented"]

KEY_HEADER: Final = "x-otbridge-key"
"""For those who cannot set `Authorization`, or need it for something else."""

_AUTHORIZATION: Final = b"authorization"
_KEY_HEADER: Final = KEY_HEADER.encode()
_BEARER: Final = b"bearer "
_LONGEST: Final = 512
"""Bytes; ours have 53. Nothing longer is hashed."""


def presented(headers: Iterable[tuple[bytes, bytes]]) -> bytes | None:
    """Return the secret that *headers* (names in lower case) show, or None.

    `Authorization: Bearer SECRET`, or `x-otbridge-key: SECRET`.
    """
    for name, value in headers:
        if name == _AUTHORIZATION:
            if value[:7].lower() == _BEARER and len(value) <= _LONGEST:
                return value[7:].strip()
        elif name == _KEY_HEADER and len(value) <= _LONGEST:
            return value.strip()
    return None


def cookie(scope: Scope, wanted: str) -> str:
    """Return the value of the cookie *wanted*, empty where there is none (RFC 6265 §4.2)."""
    for value in headers_of(scope, b"cookie"):
        for pair in value.decode("latin-1").split(";"):
            key, _, text = pair.partition("=")
            if key.strip() == wanted:
                return text.strip()
    return ""
