"""Looks at the hub's process from outside: its memory, and what it complains of."""

from __future__ import annotations

import statistics
import threading
import time
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from tests.hub.hub_process import HubProcess

__all__ = ["Watch"]

_EVERY_S = 0.1

_MEBIBYTE = 1 << 20


class Watch:
    """Watches from `__enter__` to `__exit__`."""

    def __init__(self, hub: HubProcess) -> None:
        self._hub = hub
        self._over = threading.Event()
        self._threads = [
            threading.Thread(target=self._listen, daemon=True),
            threading.Thread(target=self._measure, daemon=True),
        ]
        self.complaints: list[str] = []
        """Lines on the hub's standard error."""
        self._resident: list[int] = []

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._threads[1].join()

    @property
    def tracebacks(self) -> int:
        return sum("Traceback" in line for line in self.complaints)

    @property
    def peak_mebibytes(self) -> float:
        return max(self._resident) / _MEBIBYTE

    @property
    def rise_mebibytes(self) -> float:
        """How much larger the hub is in the last tenth than in the middle, by medians."""
        seen = self._resident
        tenth = max(1, len(seen) // 10)
        middle = seen[len(seen) // 2 : len(seen) // 2 + tenth]
        return (statistics.median(seen[-tenth:]) - statistics.median(middle)) / _MEBIBYTE

    def _listen(self) -> None:
        assert self._hub.process.stderr is not None
        for line in self._hub.process.stderr:
            self.complaints.append(line.decode("utf-8", "replace").rstrip())

    def _measure(self) -> None:
        while not self._over.is_set() and self._hub.process.poll() is None:
            try:
                self._resident.append(self._hub.resident_bytes())
            except (OSError, ValueError):
                return  # it has just died, which is for others to say
            time.sleep(_EVERY_S)
