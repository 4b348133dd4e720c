"""A text that must not be seen: made, hashed, and never printed by accident."""

from __future__ import annotations

import re
import secrets
from hashlib import sha256
from typing import Final, NoReturn

__all__ = ["Secret", "digest_of"]

_PREFIX: Final = re.compile(r"(?:otb_[a-z]+_)?")

_BYTES: Final = 32
"""256 bits of randomness: beyond guessing, so that a plain hash at rest is enough."""


class Secret:
    """A secret text that shows only its prefix, wherever it is printed, formatted or logged.

    Args:
        text: The secret.
    """

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    @classmethod
    def new(cls, prefix: str) -> Secret:
        """Return a new random one that begins with *prefix*."""
        return cls(prefix + secrets.token_urlsafe(_BYTES))

    def reveal(self) -> str:
        """Return the text itself; for the one place that has to send or show it."""
        return self._text

    def digest(self) -> bytes:
        """Return what may be kept of it."""
        return digest_of(self._text.encode())

    def __repr__(self) -> str:
        prefix = _PREFIX.match(self._text)
        return f"{prefix[0] if prefix else ''}***"

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return format(repr(self), spec)

    def __reduce__(self) -> NoReturn:
        raise TypeError("A secret is not to be copied into a file or another process.")


def digest_of(secret: bytes) -> bytes:
    """Return the SHA-256 of *secret*: a table that is looked up by it gives no timing away."""
    return sha256(secret).digest()
