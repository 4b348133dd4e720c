"""The life of a process: its ends, the signals that end it, its children.

Only hooks; what happens at each is given by the composition root as a `Life`. Registered once in a
process, and again by a forked child for itself.
"""

from __future__ import annotations

import atexit
import os
import threading
from typing import Final, Protocol

from otbridge.telemetry.children import Children
from otbridge.telemetry.os_exit import OsExit
from otbridge.telemetry.signals import Signals

__all__ = ["Life", "watch"]


class Life(Protocol):
    """What is done in the turns of a process's life. Nothing here raises."""

    def finish(self) -> None:
        """Deliver what can be delivered in the time for exits; the process ends after this."""
        ...

    def hurry(self) -> None:
        """Cut a `finish` short that is under way: somebody asks for the second time."""
        ...

    def secure(self) -> None:
        """Be ready for an end without a word: from now on it may come at any moment."""
        ...

    def waits(self) -> bool:
        """Return whether records are in memory that an end in this moment would cost."""
        ...

    def leave(self) -> None:
        """Save what is in memory, in a moment: the process ends by `os._exit`."""
        ...

    def forked(self) -> None:
        """Begin anew in a forked child."""
        ...


class _Watch:
    """Sees to it that a process finishes once, whichever of its ends come together."""

    def __init__(self) -> None:
        self._life: Life | None = None
        self._registered = False
        self._finished = False
        self._signals = Signals(finish=self._finish, hurry=self._hurry, secure=self._secure)
        self._children = Children(self._finish)
        self._os_exit = OsExit(waits=self._waits, leave=self._leave)

    def begin(self, life: Life) -> None:
        self._life = life
        self._finished = False
        if not self._registered:
            self._registered = True
            # Runs after the program's own threads have ended, while our daemon threads still live.
            atexit.register(self._finish)
            if hasattr(os, "register_at_fork"):
                os.register_at_fork(after_in_child=self._forked)
        self._children.begin()
        self._signals.take()
        self._os_exit.take()
        if not threading.main_thread().is_alive():
            self._finish()  # the first line of all is logged by another `atexit` function

    def _finish(self) -> None:
        if self._life is None or self._finished:
            return
        self._finished = True
        with self._signals.of_impatience():
            self._life.finish()

    def _hurry(self) -> None:
        if self._life is not None:
            self._life.hurry()

    def _secure(self) -> None:
        if self._life is not None:
            self._life.secure()

    def _waits(self) -> bool:
        return self._life is not None and self._life.waits()

    def _leave(self) -> None:
        if self._life is not None:
            self._life.leave()

    def _forked(self) -> None:
        self._finished = False
        self._signals.forget()
        if self._life is not None:
            self._life.forked()
        self._children.begin()


_watch: Final = _Watch()


def watch(life: Life) -> None:
    """Let *life* know when this process ends, is about to end, or has forked a child.

    May be called again, with another life. For what happens at which signal see
    `otbridge.telemetry.signals`.
    """
    _watch.begin(life)
