"""The keys that a running hub knows; follows the file within a second."""

from __future__ import annotations

import asyncio
import hmac
import logging
from typing import TYPE_CHECKING, Final

from otbridge.errors import ConfigurationError
from otbridge.hub.access.key_file import read_keys
from otbridge.hub.access.principal import Principal
from otbridge.hub.access.secret import digest_of

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from pathlib import Path

    from otbridge.hub.access.key import Key

__all__ = ["Keyring"]

_LOOK_S: Final = 0.5
"""How often the file is looked at: a `stat`, some microseconds."""

_logger = logging.getLogger("otbridge.hub")


class Keyring:
    """Finds the key that a secret belongs to. It belongs to one event loop.

    A hub with a keys file, even one without keys, is closed: whoever comes needs a key. Closed it
    stays until it ends, whatever happens to the file, so that taking the last key away, or
    damaging the file, opens it to nobody.

    Args:
        path: The file.
        required: Whether it is closed without a file, too.

    Raises:
        ConfigurationError: The file cannot be used.
    """

    def __init__(self, path: Path, *, required: bool = False) -> None:
        self._path = path
        self.closed = required
        """Whether every door asks for a key."""
        self._by_digest: dict[bytes, Principal] = {}
        self._by_id: dict[str, Key] = {}
        self._stamp = self._look()
        self._revoked: dict[str, asyncio.Event] = {}
        self._listeners: list[Callable[[], None]] = []
        self._take(read_keys(path))

    def find(self, presented: bytes) -> Principal | None:
        """Return the bearer of the secret *presented*, or None where it is no key's."""
        digest = digest_of(presented)
        principal = self._by_digest.get(digest)
        key = None if principal is None else principal.key
        if key is None or not hmac.compare_digest(key.digest, digest):
            return None
        return principal

    def get(self, key_id: str) -> Key | None:
        """Return the key with this id, or None where it was taken away."""
        return self._by_id.get(key_id)

    @property
    def keys(self) -> Collection[Key]:
        """All keys."""
        return self._by_id.values()

    def origins(self) -> set[str]:
        """Return the pages that some public key may be used from."""
        return {origin for key in self._by_id.values() for origin in key.origins}

    def revoked(self, key_id: str) -> asyncio.Event:
        """Return what is set when this key is taken away.

        For the empty id: when an open hub closes, and those who are in without a key must go.
        """
        event = self._revoked.get(key_id)
        if event is None:
            event = self._revoked[key_id] = asyncio.Event()
            if (key_id not in self._by_id) if key_id else self.closed:
                event.set()
        return event

    def on_change(self, listener: Callable[[], None]) -> None:
        """Have *listener* called now and whenever there are other keys than before."""
        self._listeners.append(listener)
        listener()

    async def watch(self) -> None:
        """Follow the file for ever."""
        while True:
            await asyncio.sleep(_LOOK_S)
            self.refresh()

    def refresh(self) -> None:
        """Read the file again where it has changed. One that is damaged changes nothing."""
        stamp = self._look()
        if stamp == self._stamp:
            return
        self._stamp = stamp
        try:
            keys = read_keys(self._path)
        except ConfigurationError as error:
            _logger.warning("%s Until then the keys of before hold.", error)
            return
        self._take(keys)
        for listener in self._listeners:
            listener()

    def _take(self, keys: list[Key] | None) -> None:
        self.closed = self.closed or keys is not None
        self._by_digest = {key.digest: Principal.of(key) for key in keys or ()}
        self._by_id = {key.id: key for key in keys or ()}
        for key_id in [key_id for key_id in self._revoked if key_id not in self._by_id]:
            if key_id or self.closed:
                self._revoked.pop(key_id).set()

    def _look(self) -> tuple[int, int, int] | None:
        try:
            found = self._path.stat()
        except OSError:
            return None
        return found.st_mtime_ns, found.st_size, found.st_ino
