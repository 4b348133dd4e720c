"""Time as an argument, so that tests can turn the clock themselves."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import threading

__all__ = ["Clock", "SystemClock"]


class Clock(Protocol):
    """Where the code that waits or measures gets its time from."""

    def time_ns(self) -> int:
        """Return wall-clock time in nanoseconds since the Unix epoch; it may jump."""
        ...

    def monotonic(self) -> float:
        """Return seconds from an arbitrary start; never goes back."""
        ...

    def wait(self, event: threading.Event, timeout: float | None) -> bool:
        """Wait until *event* is set or *timeout* seconds passed; return whether it is set."""
        ...


class SystemClock:
    """The machine's clocks."""

    __slots__ = ()

    def time_ns(self) -> int:
        """Return wall-clock time in nanoseconds since the Unix epoch."""
        return time.time_ns()

    def monotonic(self) -> float:
        """Return seconds from an arbitrary start."""
        return time.monotonic()

    def wait(self, event: threading.Event, timeout: float | None) -> bool:
        """Wait until *event* is set or *timeout* seconds passed; return whether it is set."""
        return event.wait(timeout)
