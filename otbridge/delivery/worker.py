"""The thread of a pipeline: started late, woken seldom, ended in time."""

from __future__ import annotations

import math
import sys
import threading
from collections import deque
from typing import TYPE_CHECKING

from otbridge.context.suppression import suppress_this_thread, suppressed
from otbridge.delivery.linger import Linger
from otbridge.delivery.wake import Wake

if TYPE_CHECKING:
    from collections.abc import Callable

    from otbridge._clock import Clock
    from otbridge.delivery.pace import Pace
    from otbridge.delivery.queue import RecordQueue
    from otbridge.delivery.settings import BatchSettings
    from otbridge.delivery.spooling import Backlog

__all__ = ["Worker"]


class Worker:
    """Decides when a batch is due, and sees that only one thread at a time sends.

    Args:
        name: Of the thread.
        queue: What it waits for.
        batch: When a batch is due.
        clock: Tells the time, and waits.
        pace: Tells when it has to end.
        send: Sends one batch; returns its number of records, 0 where there is nothing to do.
        pause: Tells for how many seconds sending is pointless.
        close: Called last, when nothing will be sent any more.
        backlog: What waits on disk; None where there is no spool.
        look_in: Tells after how many seconds to look again although nothing comes.
    """

    def __init__(
        self,
        name: str,
        queue: RecordQueue,
        batch: BatchSettings,
        clock: Clock,
        pace: Pace,
        *,
        send: Callable[[], int],
        pause: Callable[[], float],
        close: Callable[[], None],
        backlog: Backlog | None = None,
        look_in: Callable[[], float | None] = lambda: None,
    ) -> None:
        self._name = name
        self._queue = queue
        self._clock = clock
        self._pace = pace
        self._send = send
        self._pause = pause
        self._close = close
        self._backlog = backlog
        self._look_in = look_in
        self._linger = Linger(batch)
        self._wake = Wake()
        self._is_ended = False
        self._look = Wake()  # not an Event: `close` sets it, which a signal handler may call
        self._last_moment = math.inf
        self._is_late = False
        self._flushes: deque[threading.Event] = deque()
        self._thread: threading.Thread | None = None
        self._starting = threading.Lock()
        self._sending = threading.Lock()

    def batches_of(self, settings: BatchSettings) -> None:
        """Wait for batches by these *settings* from now on."""
        self._linger.use(settings)

    # ------------------------------------------------------------------ callers' side

    def rouse(self) -> None:
        """Let a batch be looked for; called by the `put` that the worker waits for."""
        if self._is_late:
            self._turn_late()
        elif self._ensure_thread():
            self._wake.set()

    def hurry(self) -> None:
        """Let what waits be sent now. Does not wait for it."""
        self._flushes.append(Wake())
        if self._ensure_thread():
            self._pace.hurry.set()
            self._wake.set()

    def flush(self, timeout: float) -> bool:
        """Send what waits now; return whether that was done within *timeout* seconds."""
        done = threading.Event()
        self._flushes.append(done)
        if not self._ensure_thread():
            return self._turn_here(self._clock.monotonic() + timeout)
        self._pace.hurry.set()
        self._wake.set()
        return self._clock.wait(done, timeout)

    def close(self, timeout: float, reserve: float = 0.0) -> None:
        """Let the thread end within *timeout* seconds; called again, in fewer. Does not wait.

        Args:
            timeout: Seconds for all of it.
            reserve: Seconds of these in which nothing is sent any more.
        """
        now = self._clock.monotonic()
        self._last_moment = min(self._last_moment, now + timeout)
        self._pace.close(min(self._pace.deadline, now + timeout - reserve))
        self._wake.set()
        self._look.set()

    def end(self, timeout: float, reserve: float = 0.0, *, late: bool = False) -> bool:
        """Send what can be sent within *timeout* seconds and stop; return whether all was seen to.

        A thread that is still at work then ends by itself, and closes what it used.

        Args:
            timeout: Seconds for all of it; `close` may make them fewer.
            reserve: Seconds of these in which nothing is sent any more.
            late: Whether what is put from now on is sent by who puts it, while there is time.
        """
        self.close(timeout, reserve)
        if self._thread is not None and self._thread.is_alive():
            finished = self._wait_for_end()
        else:
            finished = not self._has_work or self._turn_here(self._pace.deadline)
            self._close()
        if late:
            self._is_late = True
            # What came when the thread had looked for the last time; once, for there may be threads
            # that log without end.
            self._turn_late(again=False)
        return finished

    def _wait_for_end(self) -> bool:
        while not self._is_ended:
            left = self._last_moment - self._clock.monotonic()
            if left <= 0 or sys.is_finalizing():  # then the thread stands still for ever
                return False
            self._clock.wait(self._look, left)
            self._look.clear()
        return True

    @property
    def is_sending(self) -> bool:
        """Whether a thread is at it."""
        return self._sending.locked()

    @property
    def _has_work(self) -> bool:
        return bool(self._queue) or self._backlog_due_in == 0.0

    def _ensure_thread(self) -> bool:
        """Return whether a thread is there, started now if need be."""
        if self._thread is not None and self._thread.is_alive():
            return True
        if not self._starting.acquire(blocking=False):
            return True  # somebody else is at it
        try:
            self._is_ended = False
            thread = threading.Thread(target=self._run, name=self._name, daemon=True)
            thread.start()
            self._thread = thread
        except RuntimeError:  # the interpreter is ending, or has no thread to give
            self._queue.wake_at_first()
            return False
        finally:
            self._starting.release()
        return True

    def _turn_here(self, deadline: float) -> bool:
        """Do the thread's work in the caller's, where none can be started any more.

        Python 3.12 and later start no threads while the interpreter ends.
        """
        if not self._sending.acquire(blocking=False):
            return False  # another caller is at it
        before, self._pace.deadline = self._pace.deadline, deadline
        try:
            with suppressed():
                self._turn()
            return not self._queue
        finally:
            self._pace.deadline = before
            self._sending.release()

    def _turn_late(self, *, again: bool = True) -> None:
        """Send what was put after the end, in the thread that put it: there is no other any more.

        Who finds another caller at it leaves it to that one, which looks again before it goes.
        """
        while self._has_work and self._sending.acquire(blocking=False):
            try:
                with suppressed():
                    settled = self._turn()
                    self._close()
            finally:
                self._sending.release()
            if not (again and settled) or self._clock.monotonic() >= self._pace.deadline:
                break
        self._queue.wake_at_first()

    # ------------------------------------------------------------------ the thread's side

    def _run(self) -> None:
        suppress_this_thread()
        try:
            with suppressed():
                while not self._pace.closing:
                    if self._backlog is not None:
                        self._backlog.look()
                    self._wait_for_work()
                    with self._sending:
                        self._turn()
                with self._sending:
                    self._turn()
                    self._close()
        finally:
            self._queue.wake_at_first()  # if something ended us: the next record starts another
            self._is_ended = True
            self._look.set()

    def _wait_for_work(self) -> None:
        """Return when a batch is due: full, old enough, or asked for."""
        pause = self._pause()
        if pause > 0 and not self._is_urgent:
            self._clock.wait(self._wake, pause)
        self._queue.wake_at_first()
        due_in = self._backlog_due_in
        backlog_only = False
        if not self._queue and due_in != 0.0 and not self._is_urgent:
            begin = self._clock.monotonic()
            backlog_only = not self._clock.wait(self._wake, _sooner(due_in, self._look_in()))
            self._linger.paused(self._clock.monotonic() - begin)
        self._wake.clear()
        self._queue.wake_at_batch(0 if self._backlog is None else self._backlog.records)
        if not (self._queue.has_batch or self._is_urgent or self._is_behind or backlog_only):
            self._clock.wait(self._wake, self._linger.next())
        self._wake.clear()
        self._queue.wake_never()

    @property
    def _backlog_due_in(self) -> float | None:
        return None if self._backlog is None else self._backlog.due_in

    @property
    def _is_behind(self) -> bool:
        return self._backlog_due_in == 0.0 and self._backlog is not None and self._backlog.is_behind

    @property
    def _is_urgent(self) -> bool:
        return bool(self._flushes) or self._pace.closing

    def _turn(self) -> bool:
        """Send what is due, then tell those who waited for it; return whether any was settled.

        What waits in memory and what waits on disk take turns: neither new records nor a long
        backlog keep the other waiting.
        """
        flushes = [self._flushes.popleft() for _ in range(len(self._flushes))]
        asked = bool(flushes) or self._pace.closing
        due = len(self._queue) if asked else 1
        backlog, settled = self._backlog, False
        left = 0 if backlog is None else backlog.records
        try:
            while True:
                # Who waits for what was there must not wait for what still comes.
                more = due > 0 or (self._queue.has_batch and not asked)
                sent = self._send() if more else 0
                due = due - sent if sent else 0
                # Likewise on disk: what came since waits until it is a batch that is worth it.
                caught_up = 0
                if backlog is not None and (left > 0 or backlog.is_behind):
                    caught_up = backlog.send_one()
                    left -= caught_up
                if not sent and not caught_up:
                    break
                settled = True
                if due <= 0 and not asked and self._queue and not self._queue.has_batch:
                    break
        finally:
            for done in flushes:
                done.set()
        return settled


def _sooner(one: float | None, other: float | None) -> float | None:
    return min((seconds for seconds in (one, other) if seconds is not None), default=None)
