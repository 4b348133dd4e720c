"""One sync for everybody who waits for one, without a timer.

While the disk syncs one group of requests the next one gathers. A request alone is synced at once,
and a flood in groups as large as the disk is slow.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

    from otbridge.hub.receive_log.entries import Entry, Kept
    from otbridge.hub.receive_log.log import ReceiveLog

    Then = Callable[[Kept], None]
    Otherwise = Callable[[], None]

__all__ = ["GroupCommit"]

_logger = logging.getLogger("otbridge.hub")


class _Waiting(NamedTuple):
    entry: Entry
    then: Then
    otherwise: Otherwise
    done: asyncio.Future[None]


class GroupCommit:
    """Writes to *log* for the event loop, on a thread of its own that begins with the first entry.

    Args:
        log: Where to; nobody else appends to it.
    """

    def __init__(self, log: ReceiveLog) -> None:
        self._log = log
        self._changed = threading.Condition()
        self._pending: list[_Waiting] = []
        self._closed = False
        self._thread: threading.Thread | None = None

    def write(self, entry: Entry, then: Then, otherwise: Otherwise) -> asyncio.Future[None]:
        """Write *entry*; the future is resolved when it is safe, and fails with OSError if not.

        Args:
            entry: What to write.
            then: Called when it is safe, on the event loop, in the log's order, before the future
                is resolved; also where nobody waits for that any more.
            otherwise: Called in its place where it is not.
        """
        loop = asyncio.get_running_loop()
        done: asyncio.Future[None] = loop.create_future()
        if self._closed:
            done.set_exception(OSError("the log is closed"))
            otherwise()
            return done
        if self._thread is None:
            self._thread = threading.Thread(
                target=self._run, args=(loop,), name="otbridge-log", daemon=True
            )
            self._thread.start()
        with self._changed:
            self._pending.append(_Waiting(entry, then, otherwise, done))
            self._changed.notify()
        return done

    def close(self) -> None:
        """Write what is waiting, and end. Blocks; may be called twice."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        if self._thread is not None:
            self._thread.join()

    def _run(self, loop: asyncio.AbstractEventLoop) -> None:
        while True:
            with self._changed:
                while not self._pending and not self._closed:
                    self._changed.wait()
                group, self._pending = self._pending, []
            if not group:
                return
            self._commit(group, loop)

    def _commit(self, group: list[_Waiting], loop: asyncio.AbstractEventLoop) -> None:
        try:
            kept = self._log.append([waiting.entry for waiting in group])
        except OSError as error:
            _tell(loop, _refuse, group, error)
        except Exception as error:
            if len(group) > 1:  # one that cannot be written must not take its neighbours with it
                for waiting in group:
                    self._commit([waiting], loop)
                return
            _logger.exception("A request cannot be written down.")
            _tell(loop, _refuse, group, OSError(f"{type(error).__name__}: {error}"))
        else:
            _tell(loop, _acknowledge, group, kept)


def _tell(loop: asyncio.AbstractEventLoop, call: Callable[..., None], *arguments: object) -> None:
    try:
        loop.call_soon_threadsafe(call, *arguments)
    except RuntimeError:
        pass  # the loop has ended, and everybody who waited with it


def _acknowledge(group: list[_Waiting], kept: list[Kept]) -> None:
    for waiting, safe in zip(group, kept, strict=True):
        _run_safely(waiting.then, safe)
        if not waiting.done.done():
            waiting.done.set_result(None)


def _refuse(group: list[_Waiting], problem: OSError) -> None:
    for waiting in group:
        _run_safely(waiting.otherwise)
        if not waiting.done.done():
            waiting.done.set_exception(problem)


def _run_safely(call: Callable[..., None], *arguments: object) -> None:
    try:
        call(*arguments)
    except Exception:
        # The request is on disk, and its neighbours wait for their answers.
        _logger.exception("What was written down cannot be followed up.")
