"""`os._exit`: the one end that Python offers no hook for, and programs do come to.

Children of `os.fork` leave by it, daemons' first parents, workers of process pools, watchdogs. What
waits in memory then would be gone, and nobody could count it. So otbridge stands in for the function
once something has been recorded, as coverage.py does on request:

- a process in which nothing waits leaves at once, as ever: so does every child that records nothing;
- what waits is sent within a moment, or put on disk; both in a thread of its own that is not waited
  for longer, for who calls `os._exit` may do so because something hangs, perhaps the disk;
- whatever happens here, the process ends, with the status that was asked for.

Who wants to leave without all that has `posix._exit`. Who took the function before we came
(`from os import _exit`) has that one already.
"""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, Final, NoReturn

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["OsExit"]

_PATIENCE_SECONDS: Final = 1.0
"""What an end that should take no time may take, if everything hangs."""


class OsExit:
    """Stands in for `os._exit`.

    Args:
        waits: Whether there is anything in memory that would be lost.
        leave: Saves it, in a fraction of a second.
    """

    def __init__(self, *, waits: Callable[[], bool], leave: Callable[[], None]) -> None:
        self._waits = waits
        self._leave = leave
        self._theirs: Callable[[int], NoReturn] = os._exit

    def take(self) -> None:
        """Take the function's place; again if somebody else has taken it meanwhile."""
        if os._exit != self._exit:
            self._theirs = os._exit
            os._exit = self._exit

    def _exit(self, status: int) -> NoReturn:
        try:
            if self._waits():
                thread = threading.Thread(target=self._leave, name="otbridge-exit", daemon=True)
                thread.start()
                thread.join(_PATIENCE_SECONDS)
        except BaseException:  # noqa: BLE001 - not even an interrupt keeps who wants to go
            pass
        finally:
            self._theirs(status)
