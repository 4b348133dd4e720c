"""How far each follower of the log is, in a file of its own.

What is written here may lag behind: then a follower is given again what it has, and knows it. It
never runs ahead: a position is stored when everything before it is safe where the follower keeps
it.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from otbridge.delivery.spool.slots import Slots

if TYPE_CHECKING:
    from collections.abc import Mapping

    from otbridge.delivery.spool.files import Files

__all__ = ["Positions"]


class Positions:
    """The file.

    Args:
        files: The file system.
        path: Where it is; made where there is none.

    Raises:
        OSError: It cannot be opened or made.
    """

    def __init__(self, files: Files, path: str) -> None:
        try:
            fd = files.open(path)
        except FileNotFoundError:
            fd = files.create(path)
        self._slots = Slots(files, fd)
        self._stored = self._load()

    def _load(self) -> dict[str, int]:
        try:
            stored: Any = json.loads(self._slots.load() or b"{}")
            return {str(name): int(position) for name, position in stored.items()}
        except (OSError, ValueError, TypeError, AttributeError):
            return {}  # as after the loss of the file: everything that is there is followed again

    def get(self, name: str) -> int | None:
        """Return where *name* was; None for one that nobody has heard of."""
        return self._stored.get(name)

    def all(self) -> dict[str, int]:
        """Return all of them."""
        return dict(self._stored)

    def store(self, positions: Mapping[str, int]) -> None:
        """Replace what is stored; return when it will survive a loss of power.

        Raises:
            OSError: It may not; what was stored before is still there.
        """
        if positions == self._stored:
            return
        self._slots.store(json.dumps(positions, separators=(",", ":")).encode())
        self._slots.sync()
        self._stored = dict(positions)

    def close(self) -> None:
        """Close the file."""
        try:
            self._slots.close()
        except OSError:
            pass  # nothing is left to be saved by it
