"""Short-lived tokens for pages: your backend signs one per page load, the bridge checks it.

A browser can keep no secret and set no header on a WebSocket, so that the ticket travels in the
first frame and is worth little to a thief: it lets its bearer send telemetry to one project for
two minutes. Form: base64url(JSON) `.` base64url(HMAC-SHA256 of the first part).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from typing import TYPE_CHECKING, Final

from otbridge.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["MAX_LIFE_S", "Tickets", "issue_ticket"]

MAX_LIFE_S: Final = 120.0
"""A ticket's longest life: from the page's HTML to its first frame, with room for slow links."""

_MIN_SECRET_BYTES: Final = 16
"""128 bits: below, the signature could be guessed from one ticket at leisure."""


def issue_ticket(
    secret: str | bytes, project: str = "", *, life_s: float = MAX_LIFE_S, now: float | None = None
) -> str:
    """Return a ticket for one page, to be given to `init({token})`.

    Args:
        secret: At least 16 bytes, the same as the bridge's.
        project: What the bearer may write to.
        life_s: Seconds that it is valid for, at most `MAX_LIFE_S`.
        now: Unix seconds; the present by default.

    Raises:
        ConfigurationError: The secret is too short, or the life too long.
    """
    if not 0 < life_s <= MAX_LIFE_S:
        raise ConfigurationError(
            f"A ticket cannot live for {life_s:g} s.",
            f"It travels through a browser; its life is at most {MAX_LIFE_S:g} s.",
            "Issue one for each page load, and a new one when the bridge asks (close code 4401).",
        )
    expires = (time.time() if now is None else now) + life_s
    payload = json.dumps({"project": project, "exp": expires}, separators=(",", ":"))
    signed = _encode(payload.encode())
    return f"{signed}.{_signature(_key(secret), signed)}"


class Tickets:
    """Checks tickets; an `Authenticate` for a bridge.

    Args:
        secret: The secret that `issue_ticket` is called with.
        clock: Returns unix seconds.

    Raises:
        ConfigurationError: The secret is too short.
    """

    def __init__(self, secret: str | bytes, *, clock: Callable[[], float] = time.time) -> None:
        self._key = _key(secret)
        self._clock = clock

    def __call__(self, token: str | None, origin: str | None) -> str | None:  # noqa: ARG002 - an Authenticate
        """Return the ticket's project, or None where it is forged, late, or no ticket."""
        signed, _, signature = (token or "").partition(".")
        expected = _signature(self._key, signed)
        if not hmac.compare_digest(signature.encode(errors="replace"), expected.encode()):
            return None
        try:
            payload = json.loads(_decode(signed))
            project, expires = payload["project"], float(payload["exp"])
        except (ValueError, KeyError, TypeError):
            return None
        now = self._clock()
        # Whoever signed a longer life than allowed did not use issue_ticket.
        in_time = now < expires <= now + MAX_LIFE_S + 1.0
        return project if in_time and isinstance(project, str) else None


def _key(secret: str | bytes) -> bytes:
    key = secret.encode() if isinstance(secret, str) else secret
    if len(key) < _MIN_SECRET_BYTES:
        raise ConfigurationError(
            f"The secret for tickets has {len(key)} bytes.",
            f"Fewer than {_MIN_SECRET_BYTES} can be guessed.",
            "Make one with: python -c 'import secrets; print(secrets.token_urlsafe(32))'.",
        )
    return key


def _signature(key: bytes, signed: str) -> str:
    return _encode(hmac.digest(key, signed.encode(errors="replace"), hashlib.sha256))


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _decode(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
