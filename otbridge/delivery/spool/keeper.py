"""The thread that does what need not be done inside a log call."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from otbridge._clock import Clock

__all__ = ["Keeper"]


class Keeper:
    """Calls *tend* again and again, in a daemon thread that is started when it is first needed.

    Args:
        tend: Does the work and returns after how many seconds to come again. Does not raise.
        clock: Waits.
    """

    def __init__(self, tend: Callable[[], float], clock: Clock) -> None:
        self._tend = tend
        self._clock = clock
        self.forget()

    def forget(self) -> None:
        """Begin anew: in a forked child, where the thread is not."""
        self._wake = threading.Event()
        self._thread: threading.Thread | None = None
        self._stopping = False
        self._starting: int | None = None

    def rouse(self) -> bool:
        """Let the thread come soon, started if there is none; False where it cannot come."""
        if self._stopping:
            return False
        if self._starting == threading.get_ident():
            return True  # a signal handler came in the middle of this: Event is not reentrant
        self._starting = threading.get_ident()
        try:
            if self._thread is None or not self._thread.is_alive():
                thread = threading.Thread(target=self._run, name="otbridge-spool", daemon=True)
                thread.start()
                self._thread = thread
            self._wake.set()
        except RuntimeError:
            return False  # the interpreter is ending
        finally:
            self._starting = None
        return True

    def stop(self, timeout: float) -> None:
        """End the thread; wait for it, at most *timeout* seconds."""
        self._stopping = True
        self._wake.set()
        thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join(timeout)

    def _run(self) -> None:
        while not self._stopping:
            self._wake.clear()
            self._clock.wait(self._wake, self._tend())
