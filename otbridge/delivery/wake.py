"""An event that may be set in the middle of being set."""

from __future__ import annotations

import threading

__all__ = ["Wake"]


class Wake(threading.Event):
    """A `threading.Event` for one waiting thread, safe to set from a signal handler.

    The standard one holds a lock while it is set. A signal handler that logs in that moment, in
    the same thread, would wait for that lock for ever. Here set and clear are one operation on a
    bare lock each: locked means not set.
    """

    def __init__(self) -> None:
        super().__init__()
        self._bare = threading.Lock()
        self._bare.acquire()

    def is_set(self) -> bool:
        """Return whether it is set."""
        return not self._bare.locked()

    def set(self) -> None:
        """Wake the waiting thread, or let its next wait end at once."""
        try:
            self._bare.release()
        except RuntimeError:
            pass  # it was set already

    def clear(self) -> None:
        """Make the next wait wait."""
        self._bare.acquire(blocking=False)

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until it is set, at most *timeout* seconds; return whether it is."""
        woken = self._bare.acquire(timeout=-1 if timeout is None else max(0.0, timeout))
        if woken:
            self.set()  # it stays set until it is cleared
        return woken
