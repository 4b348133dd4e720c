"""What has to be known about a folder besides its segments: cursors and losses."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from otbridge.delivery.spool.slots import Slots
    from otbridge.typing import Signal

__all__ = ["Book"]


class Book:
    """Cursors, ends and losses of one folder, stored together so that they always agree.

    Not for several threads at a time: its folder's lock is held around every call.

    Args:
        slots: Where it is stored; None for a folder whose book cannot be opened, which is then
            kept in memory: no worse than what happens without it, which is sending twice.
    """

    def __init__(self, slots: Slots | None) -> None:
        self._slots = slots
        self.cursors: dict[str, dict[str, int]] = {}
        """Stream to destination to the number of the first record that it does not have yet."""
        self.floors: dict[str, int] = {}
        """Stream to the number of its first record that is still there; what is below was
        delivered or counted, also where its file has not been unlinked yet."""
        self.lost: dict[Signal, Counter[str]] = {}
        """Signal to reason to records."""
        self.torn = 0
        """Writes that were cut off; nobody was told that their records were safe."""

    def load(self) -> None:
        """Read what was stored; nothing where it is damaged."""
        try:
            stored: Any = json.loads(self._slots.load() or b"{}") if self._slots else {}
            self.cursors = {name: dict(of) for name, of in stored.get("cursors", {}).items()}
            self.floors = dict(stored.get("floors", {}))
            self.lost = {signal: Counter(of) for signal, of in stored.get("lost", {}).items()}
            self.torn = int(stored.get("torn", 0))
        except (OSError, ValueError, TypeError, AttributeError):
            pass  # as after the loss of the file: everything that is there is sent again

    def save(self) -> None:
        """Store everything; best effort, because a full disk must not keep it from being freed."""
        if self._slots is None:
            return
        content = {
            "cursors": self.cursors,
            "floors": self.floors,
            "lost": self.lost,
            "torn": self.torn,
        }
        try:
            self._slots.store(json.dumps(content, separators=(",", ":")).encode())
        except OSError:
            pass  # a later save has all of it; until then a crash means sending twice

    def sync(self) -> None:
        """Return when what was saved will survive a loss of power; best effort, as above."""
        if self._slots is not None:
            try:
                self._slots.sync()
            except OSError:
                pass

    def lose(self, signal: Signal, reason: str, records: int) -> None:
        """Count records that no destination will have."""
        if records:
            self.lost.setdefault(signal, Counter())[reason] += records

    def close(self) -> None:
        """Close the file."""
        slots, self._slots = self._slots, None
        if slots is not None:
            try:
                slots.close()
            except OSError:
                pass  # nothing is left to be saved by it
