"""Metrics for the last time."""

from __future__ import annotations

import _thread
from typing import TYPE_CHECKING

from otbridge.delivery.wake import Wake

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["LastMetrics"]


class LastMetrics:
    """Collects metrics when there is no time to wait for it in vain.

    In a thread of its own: the program's callbacks may hang, and a signal handler that collects
    may have interrupted somebody who holds the SDK's locks, which it would then wait for for ever.
    """

    def __init__(self) -> None:
        self._done = Wake()

    def collect(self, work: Callable[[], object], timeout: float) -> None:
        """Do *work*; return when that is done, or after *timeout* seconds."""

        def run() -> None:
            try:
                work()
            except BaseException:  # noqa: BLE001 - a callback's failure, which the SDK has logged
                pass
            finally:
                self._done.set()

        self._done.clear()
        try:
            # Not threading.Thread: that takes locks, too, which we may have interrupted.
            _thread.start_new_thread(run, ())
        except RuntimeError:  # the interpreter is ending and starts no threads any more
            run()
        self._done.wait(timeout)

    def give_up(self) -> None:
        """End the waiting."""
        self._done.set()
