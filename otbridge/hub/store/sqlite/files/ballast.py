"""A file that takes up room on the disk, for the moment at which there is none."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["BALLAST_BYTES", "Ballast"]

BALLAST_BYTES: Final = 16 << 20
"""Room for one more transaction of full size, and for its checkpoint."""


class Ballast:
    """16 MiB that can be had back at once.

    On a full disk SQLite can neither commit, nor delete, nor checkpoint, nor open a file that was
    not closed. Letting the ballast go is the one thing that always works.

    Args:
        path: Where it lies.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    @property
    def size(self) -> int:
        """Bytes that are held back: all of them, or none."""
        try:
            return self._path.stat().st_size
        except OSError:
            return 0

    def lay(self) -> None:
        """Take the room, unless it is taken; where the disk has none, nothing happens."""
        if self.size == BALLAST_BYTES:
            return
        try:
            number = os.open(self._path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        except OSError:
            return
        try:
            _fill(number)
        except OSError:  # half a ballast on a full disk would only make it fuller
            self._path.unlink(missing_ok=True)
        finally:
            os.close(number)

    def shed(self) -> bool:
        """Give the room back; return whether there was any."""
        try:
            self._path.unlink()
        except OSError:
            return False
        return True


def _fill(number: int) -> None:
    """Make the disk really give its blocks: a file that is merely long takes none."""
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(number, 0, BALLAST_BYTES)
        return
    block = bytes(1 << 20)  # macOS
    for offset in range(0, BALLAST_BYTES, len(block)):
        os.pwrite(number, block, offset)
