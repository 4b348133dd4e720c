"""Certificate files: read for a connection, and exchanged while we run (cert-manager, certbot).

What is in use was read when the connection was made; a look at the files' times, twice a minute,
tells when a new connection with new files is due.
"""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterable

__all__ = ["WatchedFiles", "client_context"]

_LOOK_SECONDS: Final = 30.0


def client_context(
    authorities: str | None = None, chain: str | None = None, key: str | None = None
) -> ssl.SSLContext:
    """Return what a connection of ours is encrypted by.

    Args:
        authorities: PEM file of the CAs to trust instead of the system's.
        chain: PEM file of our own certificate chain, for mutual TLS.
        key: PEM file of its key.

    Raises:
        OSError: A file cannot be read, or (`ssl.SSLError`) holds something else.
    """
    import ssl

    context = ssl.create_default_context(cafile=authorities)
    if chain:
        context.load_cert_chain(chain, key)
    return context


class WatchedFiles:
    """Tells whether one of a few files is another than before.

    Args:
        paths: The files; empty ones are left out.
        now: Monotonic seconds.
    """

    def __init__(
        self, paths: Iterable[str | None], now: Callable[[], float] = time.monotonic
    ) -> None:
        self._paths = [path for path in paths if path]
        self._now = now
        self._facts = self._look()
        self._next = now() + _LOOK_SECONDS

    def have_changed(self) -> bool:
        """Return True once after a change. Links are followed: Kubernetes exchanges only those."""
        if not self._paths or self._now() < self._next:
            return False
        self._next = self._now() + _LOOK_SECONDS
        facts = self._look()
        if facts == self._facts:
            return False
        self._facts = facts
        return True

    def _look(self) -> list[tuple[int, int, int] | None]:
        found: list[tuple[int, int, int] | None] = []
        for path in self._paths:
            try:
                facts = os.stat(path)  # noqa: PTH116 - pathlib would be the only use of it here
                found.append((facts.st_ino, facts.st_mtime_ns, facts.st_size))
            except OSError:
                found.append(None)  # in the middle of being exchanged
        return found
