"""Loading modules in a thread without endangering forks.

A sink loads its libraries when it first sends, and otbridge loads itself when the first line is
logged. A fork in that moment, by another thread, would leave the child with import locks whose
holder does not exist there: its own first line would wait for ever. So a fork waits until the
loading is done.

The standard library's thread pool has a lock of its own that it takes before a fork and gives back
after it, from the moment on in which it is loaded. That moment has to be before all others:
- before a fork waits here, or it would give back, after the fork, what it has not taken before;
- before a provider of OpenTelemetry's SDK is made. The provider detects its resource anew in a
  child, with a thread pool, and would there wait for the lock before it is given back (SDK 1.45).
"""

from __future__ import annotations

import os
import threading
from typing import Final

try:
    import concurrent.futures.thread  # noqa: F401 - see above
except RuntimeError:
    pass  # first loaded when the interpreter is ending: nobody forks any more

__all__ = ["loading"]

_LONGEST_SECONDS: Final = 2.0
"""A fork waits no longer: it may itself hold an import lock that the loading waits for."""


class _Loading:
    """A lock around imports: `with loading: import grpc`."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._held_for_fork = False
        if hasattr(os, "register_at_fork"):  # not on Windows, which has no fork either
            os.register_at_fork(
                before=self._before_fork,
                after_in_parent=self._after_in_parent,
                after_in_child=self._after_in_child,
            )

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(self, *_: object) -> None:
        self._lock.release()

    def _before_fork(self) -> None:
        self._held_for_fork = self._lock.acquire(timeout=_LONGEST_SECONDS)

    def _after_in_parent(self) -> None:
        if self._held_for_fork:
            self._lock.release()

    def _after_in_child(self) -> None:
        self._lock = threading.RLock()


loading: Final = _Loading()
