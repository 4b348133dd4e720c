"""Who is at the door, once that is known; travels with the request."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

    from otbridge.hub.access.key import Key

__all__ = ["ANYBODY", "Principal", "principal_of", "set_principal"]

_FIELD: Final = "otbridge.principal"


class Principal(NamedTuple):
    """The bearer of a key, or anybody, where the hub asks for none."""

    key: Key | None = None
    """None: the hub is open, and everybody is believed."""
    tenant: str = ""
    """Whose records are written and read; always the key's, never what a request says."""

    @classmethod
    def of(cls, key: Key) -> Principal:
        """Return the bearer of *key*."""
        return cls(key, key.tenant)

    @property
    def public(self) -> bool:
        """Whether nothing they say is to be believed."""
        return self.key is not None and self.key.public


ANYBODY: Final = Principal()
"""Whoever comes to an open hub."""


def set_principal(scope: Any, principal: Principal) -> None:
    """Note in an ASGI *scope* who is asking."""
    scope[_FIELD] = principal


def principal_of(scope: Mapping[str, Any]) -> Principal:
    """Return who is asking, as the guard has found out."""
    found: Principal = scope.get(_FIELD, ANYBODY)
    return found
