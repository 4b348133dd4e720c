"""Tells the event loop what the store's thread has done: many batches with one call."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from otbridge.hub.ledger import HubLedger
    from otbridge.typing import Signal

__all__ = ["Notices"]


class Notices:
    """Books what was stored, and wakes who waits for a position.

    Args:
        ledger: Written to on the event loop only.
        reached: Returns how far the store is.
    """

    def __init__(self, ledger: HubLedger, reached: Callable[[], int]) -> None:
        self._ledger = ledger
        self._reached = reached
        self.position = reached()
        """How far the ledger knows it to be."""
        self._lock = threading.Lock()
        self._stored: list[tuple[Signal, int]] = []
        self._is_told = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._waiters: list[tuple[int, asyncio.Future[None]]] = []

    def listen(self) -> None:
        """Have the running event loop told."""
        if self._loop is None:
            self._loop = asyncio.get_running_loop()

    def stored(self, signal: Signal, count: int) -> None:
        """Take note of *count* records that are in the store; before `position` says so."""
        with self._lock:
            self._stored.append((signal, count))

    def rouse(self) -> None:
        """Have the event loop told, after `position` has moved; from any thread."""
        with self._lock:
            told, self._is_told = self._is_told, True
        if not told:
            self.call(self._tell)

    def call(self, work: Callable[[], None]) -> None:
        """Have *work* done on the event loop, if there still is one."""
        if self._loop is None:
            return
        try:
            self._loop.call_soon_threadsafe(work)
        except RuntimeError:
            pass  # it has ended; what is in the log is gone on with by the next hub

    async def reached(self, position: int, within_s: float) -> bool:
        """Return whether the store, and the ledger, reach *position* in *within_s* seconds."""
        if self.position >= position:
            return True
        waiter = asyncio.get_running_loop().create_future()
        self._waiters.append((position, waiter))
        try:
            async with asyncio.timeout(within_s):
                await waiter
        except TimeoutError:
            return False
        finally:
            self._waiters = [entry for entry in self._waiters if entry[1] is not waiter]
        return True

    def _tell(self) -> None:
        with self._lock:
            self._is_told = False
            self.position = self._reached()
            stored, self._stored = self._stored, []
        for signal, count in stored:
            self._ledger.stored(signal, count)
        for position, waiter in self._waiters:
            if position <= self.position and not waiter.done():
                waiter.set_result(None)
