"""Follows the log one entry after the other, into something that takes each at once.

What was received a moment ago is taken from memory, within a limit; what is not there any more, or
came to the hub before this one, is read from the log.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from time import monotonic
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    from otbridge.hub.receive_log.entries import Kept
    from otbridge.hub.receive_log.log import ReceiveLog

__all__ = ["QueueFollower"]

_logger = logging.getLogger("otbridge.hub")

_MAX_BYTES: Final = 16 << 20
"""Requests that wait in memory; more are read again."""

_PAUSE_S: Final = 1.0
"""Between two tries to read a log that cannot be read."""


class QueueFollower:
    """For the event loop; what it does, it does on a thread of its own.

    Args:
        log: What to follow.
        put: Takes an entry, in order; what it raises is logged, and it is not given that again.
    """

    def __init__(self, log: ReceiveLog, put: Callable[[Kept], None]) -> None:
        self.position = log.end
        """Everything before it was put."""
        self._log = log
        self._put = put
        self._changed = threading.Condition()
        self._fresh: deque[Kept] = deque()
        self._fresh_bytes = 0
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="otbridge-forward", daemon=True)

    def begin(self) -> None:
        """Begin at `position`."""
        self._thread.start()

    def offer(self, kept: Kept) -> None:
        """Take what was written to the log a moment ago."""
        size = len(kept.entry.request)
        with self._changed:
            if self._fresh_bytes + size <= _MAX_BYTES:
                self._fresh.append(kept)
                self._fresh_bytes += size
            self._changed.notify_all()

    def end(self, timeout: float) -> None:
        """Go on for *timeout* seconds at most, until everything was put. Blocks."""
        deadline = monotonic() + timeout
        with self._changed:
            while self._thread.is_alive() and self.position < self._log.end:
                if not self._changed.wait(deadline - monotonic()):
                    break
            self._closed = True
            self._changed.notify_all()
        if self._thread.is_alive():
            self._thread.join()

    def behind(self, begin: int) -> int:
        """Return how many records wait for somebody who began at *begin*."""
        return max(0, self._log.end - max(self.position, begin))

    def _run(self) -> None:
        reader = self._log.reader(self.position)
        while True:
            with self._changed:
                while not self._closed and self.position >= self._log.end:
                    self._changed.wait()
                if self._closed:
                    return
                kept = self._take_fresh()
            if kept is None:
                if reader.position != self.position:
                    reader = self._log.reader(self.position)
                try:
                    kept = reader.next()
                except OSError as error:
                    _logger.warning("The receive log cannot be read: %s", error)
                    with self._changed:
                        self._changed.wait(_PAUSE_S)
            if kept is not None:
                self._put_safely(kept)
            self._advance(reader.position if kept is None else kept.end)

    def _take_fresh(self) -> Kept | None:
        """Return the next entry if it is in memory."""
        while self._fresh and self._fresh[0].position <= self.position:
            kept = self._fresh.popleft()
            self._fresh_bytes -= len(kept.entry.request)
            if kept.position == self.position:
                return kept
        return None

    def _put_safely(self, kept: Kept) -> None:
        try:
            self._put(kept)
        except Exception as error:  # noqa: BLE001 - it must not keep all others from being put
            _logger.warning("A request could not be passed on: %r", error)

    def _advance(self, position: int) -> None:
        with self._changed:
            self.position = max(self.position, position)
            if self.position >= self._log.end:
                self._changed.notify_all()  # who waits for the end
