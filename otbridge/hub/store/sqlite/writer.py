"""The one thread that writes: takes what is waiting, commits it at once, and tells the senders.

While a commit waits for the disk, more batches gather; the next commit takes them together. So a
single batch is committed at once, and a flood in large groups, without a timer.
"""

from __future__ import annotations

import sqlite3
import threading
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from otbridge.errors import StoreError
from otbridge.hub.store import StoreFull

if TYPE_CHECKING:
    from collections.abc import Callable

    from otbridge.hub.store.sqlite.day_files import DayFiles
    from otbridge.wire.rows import Batch, LogRow, MetricsRow, SpanRow

__all__ = ["Writer"]

_MAX_WAITING = 64 * 1024 * 1024
"""Bytes that may wait for the disk, Python's share included; then senders are told to come back."""

_ROW_OVERHEAD = 600
"""What a row takes beside its protobuf bytes: the object and its decoded columns, measured."""

_MAX_GROUP = 20_000
"""Rows in one transaction; more would make the first of them wait for the last too long."""

_MAX_GROUP_BYTES = 8 * 1024 * 1024
"""Their bytes likewise: room is made before a transaction, so this is what it may exceed."""

_Result = TypeVar("_Result")


class _Job(NamedTuple):
    """Something to do between two commits, and who waits for it."""

    work: Callable[[], Any]
    done: Future[Any]


class _Submitted(NamedTuple):
    batch: Batch
    done: Future[None]
    rows: int
    weight: int


class Writer:
    """Writes into *files*, which nobody else touches. All methods may be called from any thread."""

    def __init__(self, files: DayFiles) -> None:
        self.files = files
        self._changed = threading.Condition()
        self._queue: list[_Submitted | _Job] = []
        self._weight = 0
        self._rows_waiting = 0
        self._closed = False
        self._duplicates = 0
        self._thread = threading.Thread(target=self._run, name="otbridge-store", daemon=True)
        self._thread.start()

    @property
    def duplicates(self) -> int:
        """Spans and batches that were not stored again."""
        return self._duplicates

    @property
    def waiting(self) -> int:
        """Records that are not committed yet."""
        return self._rows_waiting

    def submit(self, batch: Batch) -> Future[None]:
        """Have *batch* committed; see `Store.submit`."""
        done: Future[None] = Future()
        # Running from the start: a sender that gives up must not take its batch out of a group.
        done.set_running_or_notify_cancel()
        records: tuple[SpanRow | LogRow | MetricsRow, ...]
        records = (*batch.spans, *batch.open_spans, *batch.logs, *batch.metrics)
        rows = len(records)
        weight = sum(len(row.data) for row in records) + rows * _ROW_OVERHEAD
        with self._changed:
            if self._closed:
                done.set_exception(_closed())
            elif self._weight and self._weight + weight > _MAX_WAITING:
                done.set_exception(
                    StoreFull(
                        f"The store has {self._rows_waiting:,} records waiting for the disk.",
                        "They came faster than they can be written.",
                        "Send the batch again in a second.",
                    )
                )
            else:
                self._weight += weight
                self._rows_waiting += rows
                self._queue.append(_Submitted(batch, done, rows, weight))
                self._changed.notify()
        return done

    def call(self, work: Callable[[], _Result]) -> Future[_Result]:
        """Have *work* done by the writing thread, after all that was submitted before."""
        done: Future[_Result] = Future()
        done.set_running_or_notify_cancel()
        with self._changed:
            if self._closed:
                done.set_exception(_closed())
            else:
                self._queue.append(_Job(work, done))
                self._changed.notify()
        return done

    def close(self) -> None:
        """Commit what is waiting and close the files; may be called twice."""
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
                taken = self._take()
            if isinstance(taken, _Job):
                _answer(taken.done, taken.work)
            else:
                self._store(taken)
        self.files.close()

    def _take(self) -> list[_Submitted] | _Job:
        """Take the next job, or the batches up to it that fit into one transaction."""
        first = self._queue[0]
        if isinstance(first, _Job):
            self._queue.pop(0)
            return first
        group: list[_Submitted] = []
        rows = weight = 0
        for item in self._queue:
            if isinstance(item, _Job):
                break
            rows += item.rows
            weight += item.weight
            if group and (rows > _MAX_GROUP or weight > _MAX_GROUP_BYTES):
                break
            group.append(item)
        del self._queue[: len(group)]
        return group

    def _store(self, group: list[_Submitted]) -> None:
        """Commit the group together; where that fails, each batch by itself."""
        problem = self._try([item.batch for item in group])
        for item in group:
            if problem is not None and len(group) > 1:
                # One batch that cannot be stored must not take its neighbours with it.
                own_problem = self._try([item.batch])
            else:
                own_problem = problem
            with self._changed:
                self._weight -= item.weight
                self._rows_waiting -= item.rows
            if own_problem is None:
                item.done.set_result(None)
            else:
                item.done.set_exception(own_problem)

    def _try(self, batches: list[Batch]) -> StoreError | None:
        """Store *batches*; return why not, where they were not stored."""
        try:
            self._duplicates += self.files.store(batches)
        except Exception as error:  # noqa: BLE001 - the senders hear of it, and the thread lives on
            return _as_store_error(error)
        return None


def _answer(done: Future[Any], work: Callable[[], Any]) -> None:
    try:
        result = work()
    except Exception as error:  # noqa: BLE001 - the caller hears of it, and the thread lives on
        done.set_exception(_as_store_error(error))
    else:
        done.set_result(result)


def _as_store_error(error: Exception) -> StoreError:
    if isinstance(error, StoreError):
        return error
    if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL:
        return StoreFull(
            "The store has no room left.",
            "The disk, or the quota on it, is full.",
            "Free some space, or delete the store's oldest days.",
        )
    problem = StoreError(
        "The store could not be written.",
        f"{type(error).__name__}: {error}.",
        "Look at the store's folder: its disk, owner and permissions.",
    )
    problem.__cause__ = error
    return problem


def _closed() -> StoreError:
    return StoreError("The store is closed.", "The hub is stopping.", "Send again to the next one.")
