"""A clock that goes only when told to, so that waiting costs a test no time."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["FakeClock"]

_REAL_SECONDS: Final = 5.0
"""Real time after which a test that waits for our threads is told that it waits in vain."""
_GLANCE_SECONDS: Final = 0.001
"""How often a waiting thread looks whether its event was set, which nobody else tells us."""


class FakeClock:
    """Implements `otbridge._clock.Clock`.

    Args:
        start_ns: What `time_ns` says at first: 2026-01-01T00:00:00Z where nothing is said.
        skips: Whether a wait with a timeout takes no real time: the clock advances by itself.
    """

    def __init__(self, start_ns: int = 1_767_225_600_000_000_000, *, skips: bool = False) -> None:
        self._start_ns = start_ns
        self._seconds = 0.0
        self._skips = skips
        self.waited: list[float | None] = []
        """The timeouts of all waits so far, in their order."""
        self._changed = threading.Condition()
        self._waits: dict[int, tuple[float | None, float | None]] = {}

    def time_ns(self) -> int:
        """Return wall-clock time in nanoseconds since the Unix epoch."""
        return self._start_ns + round(self._seconds * 1e9)

    def monotonic(self) -> float:
        """Return the seconds by which the clock was advanced so far."""
        return self._seconds

    def wait(self, event: threading.Event, timeout: float | None) -> bool:
        """Wait until *event* is set or the clock was advanced by *timeout* seconds."""
        me = threading.get_ident()
        with self._changed:
            self.waited.append(timeout)
            if self._skips and timeout is not None and not event.is_set():
                self._seconds += timeout
                return False
            end = None if timeout is None else self._seconds + timeout
            self._waits[me] = (end, timeout)
            self._changed.notify_all()
            try:
                while not event.is_set() and (end is None or self._seconds < end):
                    self._changed.wait(_GLANCE_SECONDS)
            finally:
                del self._waits[me]
                self._changed.notify_all()
        return event.is_set()

    def advance(self, seconds: float) -> None:
        """Let *seconds* pass; who waited for less goes on."""
        with self._changed:
            self._seconds += seconds
            self._changed.notify_all()

    def wait_for_waiter(
        self, accept: Callable[[float | None], bool] = lambda _: True
    ) -> float | None:
        """Return, once a thread waits on this clock, the timeout it waits with.

        Args:
            accept: Which timeouts count, e.g. `lambda seconds: seconds is not None`.

        Raises:
            TimeoutError: nobody did so within five real seconds.
        """
        found: list[float | None] = []

        def look() -> bool:
            found[:] = [
                timeout
                for end, timeout in self._waits.values()
                if (end is None or end > self._seconds) and accept(timeout)
            ]
            return bool(found)

        with self._changed:
            if not self._changed.wait_for(look, _REAL_SECONDS):
                raise TimeoutError(f"Nobody waits on the clock as expected: {self._waits}")
            return found[0]
