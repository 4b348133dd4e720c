"""Has a store's files written by a process of its own, so that neither waits for the other's Python.

The hub's process takes requests and answers questions; turning spans into rows, words and tallies
is more work than all of that, and takes another core. Requests go over as the bytes that came, to
be decoded again there: that costs less than to hand over what they were decoded into.

A process that dies is started again. Who waited for it is told, and the receive log has everything.
"""

from __future__ import annotations

import logging
import subprocess
import sys
import threading
from collections import deque
from concurrent.futures import Future
from multiprocessing import Pipe
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from otbridge.errors import StoreError
from otbridge.hub.store.sqlite.writing.messages import Answer, Ask, Holdings, Opening
from otbridge.hub.store.sqlite.writing.writer import busy, closed
from otbridge.hub.store.writer import MAX_WAITING_BYTES, Size
from otbridge.wire.rows import Batch

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from otbridge._clock import Clock
    from otbridge.hub.store.sqlite.files.days import Folder
    from otbridge.hub.store.vocabulary import Expired, Retention
    from otbridge.wire.rows import SpanRow

__all__ = ["WriterApart"]

_logger = logging.getLogger("otbridge.hub")

_END_S: Final = 10.0
"""In which what waits has to be written at the end; the receive log has the rest."""

_NOTHING: Final = Size(0, 0)


class _Work(NamedTuple):
    """Something to be done, and who waits for it."""

    method: str
    arguments: tuple[Any, ...]
    done: Future[Any]
    batch: Batch | None = None
    size: Size = _NOTHING


class WriterApart:
    """Does what `DayFilesWriter` does, elsewhere. Any thread may call the methods.

    Args:
        folder: Where the files are; the other process holds it until `close`.
        clock: Where the time comes from.
        retention: How much is kept.

    Raises:
        StoreError: The folder cannot be used, is in use, or holds files that are not ours.
    """

    def __init__(self, folder: Folder, clock: Clock, retention: Retention) -> None:
        self._folder = folder
        self._clock = clock
        self._retention = retention
        self._changed = threading.Condition()
        self._queue: deque[_Work] = deque()
        self._weight = 0
        self._closed = False
        self._tell_of_deleted: Callable[[], None] = _nobody
        self._gone = Holdings((), 0, 0, 0)
        self.waiting = 0
        """Records that are not stored yet."""
        self.holdings = self._gone
        """What is on disk, and what was not stored again since the hub began."""
        self._child = self._start()
        self._thread = threading.Thread(target=self._run, name="otbridge-store", daemon=True)
        self._thread.start()

    # ---------------------------------------------------------------- any thread

    def submit(self, batch: Batch) -> Future[None]:
        """Have *batch* stored; see `Store.submit`."""
        done: Future[None] = Future()
        size = Size.of(batch)
        # Without its rows it waits in a third of the memory.
        light = batch if batch.request is None else _without_rows(batch)
        work = _Work("submit", (light,), done, batch if batch.resent else None, size)
        with self._changed:
            if self._weight and self._weight + size.weight > MAX_WAITING_BYTES:
                done.set_exception(busy(self.waiting))
                return done
            self._put(work)
        return done

    def mark_lost(self, producer: str) -> Future[list[SpanRow]]:
        """Give the open spans of *producer* the verdict "lost"."""
        return self._have_done("mark_lost", producer)

    def mark_open(self, spans: Sequence[tuple[bytes, bytes]]) -> Future[list[SpanRow]]:
        """Take the verdict back."""
        return self._have_done("mark_open", list(spans))

    def expire(self) -> Future[Expired]:
        """Delete what is more than is to be kept."""
        return self._have_done("expire")

    def on_deleted(self, tell: Callable[[], None]) -> None:
        """Have *tell* called when files were deleted, for whoever has them open."""
        self._tell_of_deleted = tell

    def close(self) -> None:
        """Store what is waiting and end the process; may be called twice."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._thread.join()

    def _have_done(self, method: str, *arguments: Any) -> Future[Any]:
        done: Future[Any] = Future()
        with self._changed:
            self._put(_Work(method, arguments, done))
        return done

    def _put(self, work: _Work) -> None:
        # Running from the start: who gives up waiting does not call back what is on its way.
        work.done.set_running_or_notify_cancel()
        if self._closed:
            work.done.set_exception(closed())
            return
        self._weight += work.size.weight
        self.waiting += work.size.rows
        self._queue.append(work)
        self._changed.notify()

    # ---------------------------------------------------------------- the thread that asks

    def _run(self) -> None:
        while True:
            with self._changed:
                while not self._queue and not self._closed:
                    self._changed.wait()
                if not self._queue:
                    break
                work = self._queue.popleft()
            try:
                self._living().ask(self._clock.time_ns(), work)
            except StoreError as error:
                self._refuse_all(work, error)
        self._child.end()

    def _living(self) -> _Child:
        if not self._child.is_alive:
            self._child.end()
            self._child = self._start()
        return self._child

    def _refuse_all(self, work: _Work, error: StoreError) -> None:
        """Tell everybody at once: to start it takes long enough that they should come later."""
        with self._changed:
            left = [work, *self._queue]
            self._queue.clear()
        for one in left:
            self._settle(one, error, None)

    def _start(self) -> _Child:
        return _Child(self._folder, Opening(self._clock.time_ns(), self._retention), self)

    # ---------------------------------------------------------------- the thread that hears

    def heard(self, work: _Work | None, answer: Answer) -> None:
        """Take an answer from the process; None asked for the first one."""
        if answer.holdings is not None:
            self._take_stock(answer.holdings)
        if work is not None:
            self._settle(work, answer.error, answer.value)

    def died(self, left: list[_Work]) -> None:
        """Take note that the process is gone, with what it was asked for."""
        self._gone = self.holdings
        for work in left:
            self._settle(work, _died(), None)

    def _take_stock(self, now: Holdings) -> None:
        before, gone = self.holdings, self._gone
        self.holdings = now._replace(
            deleted_bytes=gone.deleted_bytes + now.deleted_bytes,
            duplicates=gone.duplicates + now.duplicates,
        )
        if set(before.days) - set(now.days):
            self._tell_of_deleted()

    def _settle(self, work: _Work, error: StoreError | None, value: Any) -> None:
        with self._changed:
            self._weight -= work.size.weight
            self.waiting -= work.size.rows
        if error is not None:
            work.done.set_exception(error)
        elif work.method != "submit":
            work.done.set_result(value)
        else:
            if work.batch is not None:
                work.batch.known_logs = value
            work.done.set_result(None)


class _Child:
    """One life of the process."""

    def __init__(self, folder: Folder, opening: Opening, owner: WriterApart) -> None:
        self._owner = owner
        self._asking = threading.Lock()
        self._waiting: dict[int, _Work] = {}
        self._last = 0
        self._ending = False
        self.is_alive = True
        self._line, theirs = Pipe()
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
                [
                    sys.executable,
                    "-m",
                    "otbridge.hub.store.sqlite.writing.writing_process",
                    str(theirs.fileno()),
                    str(folder.path),
                ],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                start_new_session=True,  # Ctrl-C is for the hub, which ends it in time
            )
        self._await_ready(opening)
        self._thread = threading.Thread(target=self._hear, name="otbridge-stored", daemon=True)
        self._thread.start()

    def _await_ready(self, opening: Opening) -> None:
        try:
            self._line.send(opening)
            answer: Answer = self._line.recv()
        except (EOFError, OSError):
            answer = Answer(0, _died(), None, None)
        if answer.error is not None:
            self._line.close()
            self._process.wait()
            raise answer.error
        self._owner.heard(None, answer)

    def ask(self, now_ns: int, work: _Work) -> None:
        """Have *work* done; its owner hears of it."""
        with self._asking:
            if not self.is_alive:
                raise _died()
            self._last += 1
            self._waiting[self._last] = work
        try:
            self._line.send(Ask(self._last, now_ns, work.method, work.arguments))
        except OSError:
            pass  # it has ended: the thread that hears tells all who wait

    def end(self) -> None:
        """Have it write what it was given, and wait until it has ended."""
        if self.is_alive:
            self._ending = True
            closing = _Work("close", (), Future())
            try:
                self.ask(0, closing)
            except StoreError:
                pass  # it has ended by itself meanwhile
        try:
            self._process.wait(_END_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._thread.join()
        self._line.close()

    def _hear(self) -> None:
        while True:
            try:
                answer: Answer = self._line.recv()
            except (EOFError, OSError):
                break
            self._owner.heard(self._waiting.pop(answer.number), answer)
        with self._asking:
            self.is_alive = False
            left = list(self._waiting.values())
            self._waiting.clear()
        if not self._ending:
            code = self._process.wait()
            _logger.warning("The process that writes the store ended by itself (%s).", code)
        self._owner.died(left)


def _without_rows(batch: Batch) -> Batch:
    return Batch(key=batch.key, resent=batch.resent, settled=batch.settled, request=batch.request)


def _died() -> StoreError:
    return StoreError(
        "The process that writes the store has ended.", "", "It is started anew: try again."
    )


def _nobody() -> None:
    """Tell nobody."""
