"""Loading a transport in the worker's thread without endangering forks.

A sink loads its libraries when it first sends, which is in a thread. A fork in that moment would
leave the child with import locks whose holder does not exist there: its own first send would wait
for ever. So a fork waits until the loading is done.
"""

from __future__ import annotations

import os
import threading
from typing import Final

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
