"""The one thread of a store that writes: takes what is waiting together, and tells the senders.

While a group is written, more batches gather; the next group takes them. So a single batch is
written at once, and a flood in large groups, without a timer.
"""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections import deque
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, ClassVar, Final, NamedTuple, TypeVar

from otbridge.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Callable

    from otbridge.hub.store import StoreFull
    from otbridge.wire.rows import Batch, LogRow, MetricsRow, SpanRow

__all__ = ["MAX_WAITING_BYTES", "Size", "Submitted", "Writer"]

MAX_WAITING_BYTES: Final = 64 * 1024 * 1024
"""Bytes that may wait, Python's share included; then senders are told to come back."""

_ROW_OVERHEAD: Final = 600
"""What a row takes beside its protobuf bytes: the object and its decoded columns, measured."""

_MAX_GROUP: Final = 20_000
"""Rows in one group; more would make the first of them wait for the last too long."""

_Result = TypeVar("_Result")


class _Job(NamedTuple):
    """Something to do between two groups, and who waits for it."""

    work: Callable[[], Any]
    done: Future[Any]


class Size(NamedTuple):
    """How much a batch is."""

    rows: int
    weight: int
    """What it takes in memory, about."""

    @classmethod
    def of(cls, batch: Batch) -> Size:
        """Return the size of *batch*."""
        records: tuple[SpanRow | LogRow | MetricsRow, ...]
        records = (*batch.spans, *batch.open_spans, *batch.logs, *batch.metrics)
        rows = len(records)
        return cls(rows, sum(len(row.data) for row in records) + rows * _ROW_OVERHEAD)


class Submitted(NamedTuple):
    """A batch that waits, and its sender."""

    batch: Batch
    done: Future[None]
    size: Size


class Writer(ABC):
    """Has batches written, in the order in which they come. Any thread may call the methods.

    A kind of store says how it writes; its own attributes have to be there before this is made,
    for the thread begins here.
    """

    max_group_bytes: ClassVar[int] = MAX_WAITING_BYTES
    """Bytes in one group, where what waits is not limit enough."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._queue: deque[Submitted | _Job] = deque()
        self._weight = 0
        self._closed = False
        self.waiting = 0
        """Records that are not stored yet."""
        self.duplicates = 0
        """Spans and batches that were not stored again."""
        self._thread = threading.Thread(target=self._run, name="otbridge-store", daemon=True)
        self._thread.start()

    # ---------------------------------------------------------------- what kinds of stores say

    @abstractmethod
    def _write(self, batches: list[Batch]) -> int:
        """Store *batches* together, and return how much of them was there already."""

    @abstractmethod
    def _error_of(self, error: Exception) -> StoreError:
        """Return what senders are told when `_write`, or a job, raised another error."""

    @abstractmethod
    def _says_closed(self) -> StoreError:
        """Return what is said to who comes after the end."""

    @abstractmethod
    def _says_busy(self) -> StoreFull:
        """Return what is said while too much waits."""

    def _is_everybodys(self, problem: StoreError) -> bool:  # noqa: ARG002 - for who can tell
        """Whether each batch of a group would meet *problem* by itself, too."""
        return False

    def _pause(self) -> None:  # noqa: B027 - most do not
        """Wait for more, where that is worth it. Called with the lock held."""

    def _end(self) -> None:  # noqa: B027 - most have nothing open
        """Give back what the thread has open, at its end."""

    # ---------------------------------------------------------------- any thread

    def submit(self, batch: Batch) -> Future[None]:
        """Have *batch* stored; see `Store.submit`."""
        done: Future[None] = Future()
        # Running from the start: a sender that gives up must not take its batch out of a group.
        done.set_running_or_notify_cancel()
        size = Size.of(batch)
        with self._changed:
            if self._closed:
                done.set_exception(self._says_closed())
            elif self._weight and self._weight + size.weight > MAX_WAITING_BYTES:
                done.set_exception(self._says_busy())
            else:
                self._weight += size.weight
                self.waiting += size.rows
                self._queue.append(Submitted(batch, done, size))
                self._changed.notify()
        return done

    def call(self, work: Callable[[], _Result]) -> Future[_Result]:
        """Have *work* done by the writing thread, after all that was submitted before."""
        done: Future[_Result] = Future()
        done.set_running_or_notify_cancel()
        with self._changed:
            if self._closed:
                done.set_exception(self._says_closed())
            else:
                self._queue.append(_Job(work, done))
                self._changed.notify()
        return done

    def close(self) -> None:
        """Store what is waiting and end the thread; may be called twice."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._thread.join()

    # ---------------------------------------------------------------- the thread

    def _run(self) -> None:
        while True:
            with self._changed:
                while not self._queue and not self._closed:
                    self._changed.wait()
                if not self._queue:
                    break
                self._pause()
                taken = self._take()
            if isinstance(taken, _Job):
                self._answer(taken)
            else:
                self._store(taken)
        self._end()

    def _has_job(self) -> bool:
        return any(isinstance(item, _Job) for item in self._queue)

    def _take(self) -> list[Submitted] | _Job:
        """Take the next job, or the batches up to it that fit into one group."""
        first = self._queue[0]
        if isinstance(first, _Job):
            self._queue.popleft()
            return first
        group: list[Submitted] = []
        rows = weight = 0
        while self._queue:
            item = self._queue[0]
            if isinstance(item, _Job):
                break
            rows += item.size.rows
            weight += item.size.weight
            if group and (rows > _MAX_GROUP or weight > self.max_group_bytes):
                break
            group.append(item)
            self._queue.popleft()
        return group

    def _store(self, group: list[Submitted]) -> None:
        """Store the group together; where that fails, each batch by itself."""
        problem = self._try([item.batch for item in group])
        alone = problem is not None and len(group) > 1 and not self._is_everybodys(problem)
        for item in group:
            # One batch that cannot be stored must not take its neighbours with it.
            own_problem = self._try([item.batch]) if alone else problem
            with self._changed:
                self._weight -= item.size.weight
                self.waiting -= item.size.rows
            if own_problem is None:
                item.done.set_result(None)
            else:
                item.done.set_exception(own_problem)

    def _try(self, batches: list[Batch]) -> StoreError | None:
        """Store *batches*; return why not, where they were not stored."""
        try:
            self.duplicates += self._write(batches)
        except Exception as error:  # noqa: BLE001 - the senders hear of it, and the thread lives on
            return self._as_store_error(error)
        return None

    def _answer(self, job: _Job) -> None:
        try:
            result = job.work()
        except Exception as error:  # noqa: BLE001 - the caller hears of it, and the thread lives on
            job.done.set_exception(self._as_store_error(error))
        else:
            job.done.set_result(result)

    def _as_store_error(self, error: Exception) -> StoreError:
        if isinstance(error, StoreError):
            return error
        problem = self._error_of(error)
        problem.__cause__ = error
        return problem
