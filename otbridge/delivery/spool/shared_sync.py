"""One sync for everybody who waits for one.

A sync takes milliseconds in which other threads go on writing. Whoever comes meanwhile waits for
the one under way and, where that began too early for its record, shares the next.

A sync that failed is a failure for all whose records it was to cover. It is never tried again for
them: after an error the kernel takes the lost pages for clean, and a second sync would succeed.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["SharedSync"]


class SharedSync:
    """Syncs one stream.

    Args:
        sync: Syncs; calls what it is given with the number behind the last record that it
            covers before it begins. Raises OSError.
    """

    def __init__(self, sync: Callable[[Callable[[int], None]], None]) -> None:
        self._sync = sync
        self._turn = threading.Condition()
        self._leader: int | None = None
        self._covers = 0
        self._reached = 0
        self._failed = 0
        self._error: OSError | None = None

    def reach(self, end: int) -> None:
        """Return when all records below *end* will survive a loss of power.

        Called by a signal handler in the middle of a sync of its own thread, it returns at once.

        Raises:
            OSError: they may not.
        """
        me = threading.get_ident()
        with self._turn:
            while self._leader not in (None, me) and end > max(self._reached, self._failed):
                self._turn.wait()
            if end <= self._failed:
                raise OSError(*(self._error.args if self._error is not None else ()))
            if self._leader == me or end <= self._reached:
                return
            self._leader = me
        self._lead()

    def now(self) -> None:
        """Sync once more, whoever waits for it.

        Raises:
            OSError: it did not work.
        """
        me = threading.get_ident()
        with self._turn:
            while self._leader not in (None, me):
                self._turn.wait()
            if self._leader == me:
                return
            self._leader = me
        self._lead()

    def _lead(self) -> None:
        error: OSError | None = None
        done = False
        try:
            self._sync(self._note)
            done = True
        except OSError as raised:
            error = raised
            raise
        finally:
            with self._turn:
                if done:
                    self._reached = max(self._reached, self._covers)
                elif error is not None:
                    self._failed, self._error = max(self._failed, self._covers), error
                self._leader = None
                self._turn.notify_all()

    def _note(self, end: int) -> None:
        self._covers = end
