"""Which names say that their value is a secret."""

from __future__ import annotations

import re
from typing import Final

__all__ = ["is_secret_name", "words_of"]

_WORDS: Final = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|\d+")

_SECRET_WORDS: Final = frozenset(
    [
        "password",
        "passwd",
        "passphrase",
        "pwd",
        "secret",
        "secrets",
        "token",
        "apikey",
        "authorization",
        "cookie",
        "cookies",
        "credential",
        "credentials",
        "bearer",
        "jwt",
        "cvv",
        "cvc",
        "csrf",
        "xsrf",
        "otp",
        "totp",
        "mfa",
        "pin",
        "ssn",
        "dsn",
    ]
)
_SECRET_PAIRS: Final = frozenset(
    {
        ("api", "key"), ("access", "key"), ("secret", "key"), ("private", "key"), ("signing", "key"),
        ("encryption", "key"), ("master", "key"), ("account", "key"), ("subscription", "key"),
        ("ssh", "key"), ("auth", "key"), ("pass", "word"), ("pass", "code"), ("connection", "string"),
        ("credit", "card"), ("card", "number"), ("session", "key"), ("refresh", "token"),
        ("set", "cookie"), ("client", "secret"), ("social", "security"), ("recovery", "code"),
    }
)  # fmt: skip
_HARMLESS_AFTER: Final = frozenset(
    [
        "count",
        "counts",
        "type",
        "types",
        "limit",
        "limits",
        "usage",
        "length",
        "size",
        "expiry",
        "expires",
        "ttl",
        "age",
        "status",
        "name",
        "enabled",
        "present",
        "id",
        "hint",
        "policy",
        "error",
        "errors",
    ]
)
"""A secret word followed by one of these names something about the secret: `token_count`."""


def words_of(name: str) -> list[str]:
    """Return the words of a name in lower case, whatever joins them: `apiKey`, `API_KEY`."""
    return [word.lower() for word in _WORDS.findall(name)]


def is_secret_name(words: list[str]) -> bool:
    """Return whether a name of these words is a secret's."""
    for position, word in enumerate(words):
        after = words[position + 1] if position + 1 < len(words) else ""
        if (word, after) in _SECRET_PAIRS:
            after = words[position + 2] if position + 2 < len(words) else ""
            if after not in _HARMLESS_AFTER:
                return True
        elif word in _SECRET_WORDS and after not in _HARMLESS_AFTER:
            return True
    return False
