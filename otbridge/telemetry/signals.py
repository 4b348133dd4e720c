"""The signals that end a process: what waits is delivered first, the status stays as it was.

| signal | handler when otbridge starts | what we do |
|---|---|---|
| SIGTERM, SIGHUP | none: Python would die of it without a word | finish, then die of it |
| the same, in process 1 | none: the kernel spares a container's first process | secure |
| SIGTERM | the program's own | secure, then call it: it stays in charge |
| either | ignored (`nohup`) | nothing |
| SIGINT | any | nothing: Python raises KeyboardInterrupt, and exits as it always does |

During `finish`, whichever way it began, each of these signals, and SIGINT too, ends the waiting at
once. SIGKILL and SIGQUIT leave no time for anything; for `os._exit` see `os_exit`.
"""

from __future__ import annotations

import os
import signal
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

__all__ = ["Signals"]

_ENDING: Final = tuple(
    getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)
)
"""What asks a process to end, besides SIGINT. No SIGHUP on Windows."""


class Signals:
    """Our handlers.

    Args:
        finish: Delivers what can be delivered before the end.
        hurry: Cuts that short.
        secure: Prepares for an end that may come at any moment.
    """

    def __init__(
        self,
        *,
        finish: Callable[[], None],
        hurry: Callable[[], None],
        secure: Callable[[], None],
    ) -> None:
        self._finish = finish
        self._hurry = hurry
        self._secure = secure
        self._theirs: dict[int, Any] = {}
        self._calling: int | None = None
        self._finishing = False
        self._died_of: int | None = None

    def forget(self) -> None:
        """Begin anew in a forked child; its handlers are its parent's."""
        self._calling = None
        self._finishing = False
        self._died_of = None

    def take(self) -> None:
        """Set our handlers where the table says so; only the main thread may."""
        if threading.current_thread() is not threading.main_thread():
            return
        for number in _ENDING:
            current = signal.getsignal(number)
            if current == self._received:
                continue
            is_theirs = callable(current) and number == signal.SIGTERM
            if (current is signal.SIG_DFL or is_theirs) and _set(number, self._received):
                self._theirs[number] = current if is_theirs else None

    @contextmanager
    def of_impatience(self) -> Iterator[None]:
        """Let signals hurry what is done inside; SIGINT, too, which would raise in its midst."""
        self._finishing = True
        is_pythons = signal.getsignal(signal.SIGINT) is signal.default_int_handler
        taken = is_pythons and _set(signal.SIGINT, self._interrupted)
        try:
            yield
        finally:
            self._finishing = False
            if taken:
                _set(signal.SIGINT, signal.default_int_handler)
            if self._died_of is not None:
                _die_of(self._died_of)

    def _interrupted(self, _number: int, _frame: FrameType | None) -> None:
        self._hurry()

    def _received(self, number: int, frame: FrameType | None) -> None:
        theirs = self._theirs.get(number)
        if theirs is not None and self._calling != number:
            self._secure()
            self._calling = number  # it may call us in turn, as the one that was there before it
            try:
                theirs(number, frame)
            finally:
                self._calling = None
        elif os.getpid() == 1:
            self._secure()
        elif self._finishing:
            self._died_of = number  # once the waiting is over, to which this puts an end
            self._hurry()
        else:
            self._finish()
            _die_of(number)


def _set(number: int, handler: Any) -> bool:
    """Set a handler; return whether that was possible."""
    try:
        signal.signal(number, handler)
    except (ValueError, OSError):  # not the main thread, or an interpreter inside another program
        return False
    return True


def _die_of(number: int) -> None:
    """End this process as if nobody had handled the signal, so that its parent sees why."""
    if _set(number, signal.SIG_DFL):
        os.kill(os.getpid(), number)
