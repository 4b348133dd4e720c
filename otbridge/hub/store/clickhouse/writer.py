"""The one thread that inserts: gathers what is waiting, sends it, and tells the senders.

An insert costs ClickHouse some 20 ms however small it is. So after each the thread rests for four
times as long as it took, and takes what has come meanwhile together: a single batch goes at once,
a trickle keeps a fifth of one core busy, and a flood goes in large blocks without any rest.
"""

from __future__ import annotations

import threading
from collections import deque
from concurrent.futures import Future
from time import monotonic
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeVar

from otbridge.errors import StoreError
from otbridge.hub.store import StoreFull
from otbridge.hub.store.clickhouse.server import closed

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from otbridge.wire.rows import Batch, LogRow, MetricsRow, SpanRow

__all__ = ["Writer"]

_MAX_WAITING: Final = 64 * 1024 * 1024
"""Bytes that may wait, Python's share included; then senders are told to come back."""

_ROW_OVERHEAD: Final = 600
"""What a row takes beside its protobuf bytes: the object and its decoded columns, measured."""

_ENOUGH: Final = 5_000
"""Rows that are worth an insert without any rest: twice as many cost only a tenth less each."""

_MAX_GROUP: Final = 20_000
"""Rows in one insert; more would make the first of them wait for the last too long."""

_RESTS: Final = 4
"""Times an insert's duration that the thread rests after it, while little comes."""

_LONGEST_REST_S: Final = 1.0

_Result = TypeVar("_Result")


class _Job(NamedTuple):
    """Something to do between two inserts, and who waits for it."""

    work: Callable[[], Any]
    done: Future[Any]


class _Submitted(NamedTuple):
    batch: Batch
    done: Future[None]
    rows: int
    weight: int


class Writer:
    """Has batches stored by *store*. All methods may be called from any thread.

    Args:
        store: Stores batches and returns how many of them were known. What it raises is told to
            the senders; `StoreFull` to all of them, anything else after each was tried alone.
    """

    def __init__(self, store: Callable[[Sequence[Batch]], int]) -> None:
        self._do_store = store
        self._changed = threading.Condition()
        self._queue: deque[_Submitted | _Job] = deque()
        self._weight = 0
        self._closed = False
        self.waiting = 0
        """Records that are not stored yet."""
        self.duplicates = 0
        """Batches that were not stored again."""
        self._rest_until = 0.0
        self._thread = threading.Thread(target=self._run, name="otbridge-store", daemon=True)
        self._thread.start()

    def submit(self, batch: Batch) -> Future[None]:
        """Have *batch* stored; see `Store.submit`."""
        done: Future[None] = Future()
        # Running from the start: a sender that gives up must not take its batch out of a group.
        done.set_running_or_notify_cancel()
        records: tuple[SpanRow | LogRow | MetricsRow, ...]
        records = (*batch.spans, *batch.open_spans, *batch.logs, *batch.metrics)
        rows = len(records)
        weight = sum(len(row.data) for row in records) + rows * _ROW_OVERHEAD
        with self._changed:
            if self._closed:
                done.set_exception(closed())
            elif self._weight and self._weight + weight > _MAX_WAITING:
                done.set_exception(
                    StoreFull(
                        f"The store has {self.waiting:,} records waiting for ClickHouse.",
                        "They came faster than they can be inserted.",
                        "Send the batch again in a second.",
                    )
                )
            else:
                self._weight += weight
                self.waiting += rows
                self._queue.append(_Submitted(batch, done, rows, weight))
                self._changed.notify()
        return done

    def call(self, work: Callable[[], _Result]) -> Future[_Result]:
        """Have *work* done by the inserting thread, after all that was submitted before."""
        done: Future[_Result] = Future()
        done.set_running_or_notify_cancel()
        with self._changed:
            if self._closed:
                done.set_exception(closed())
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
                    return
                self._rest()
                taken = self._take()
            if isinstance(taken, _Job):
                _answer(taken)
            else:
                begun = monotonic()
                self._store(taken)
                took = monotonic() - begun
                self._rest_until = monotonic() + min(took * _RESTS, _LONGEST_REST_S)

    def _rest(self) -> None:
        """Wait until the last insert's rest is over, or something cannot wait."""
        while not (
            self._closed
            or self.waiting >= _ENOUGH
            or any(isinstance(item, _Job) for item in self._queue)
        ):
            left = self._rest_until - monotonic()
            if left <= 0:
                return
            self._changed.wait(left)

    def _take(self) -> list[_Submitted] | _Job:
        """Take the next job, or the batches up to it that fit into one insert."""
        first = self._queue[0]
        if isinstance(first, _Job):
            self._queue.popleft()
            return first
        group: list[_Submitted] = []
        rows = 0
        while self._queue:
            item = self._queue[0]
            if isinstance(item, _Job) or (group and rows + item.rows > _MAX_GROUP):
                break
            group.append(item)
            rows += item.rows
            self._queue.popleft()
        return group

    def _store(self, group: list[_Submitted]) -> None:
        """Store the group together; where ClickHouse refuses it, each batch by itself."""
        problem = self._try([item.batch for item in group])
        alone = problem is not None and len(group) > 1 and not isinstance(problem, StoreFull)
        for item in group:
            # One batch that cannot be stored must not take its neighbours with it.
            own_problem = self._try([item.batch]) if alone else problem
            with self._changed:
                self._weight -= item.weight
                self.waiting -= item.rows
            if own_problem is None:
                item.done.set_result(None)
            else:
                item.done.set_exception(own_problem)

    def _try(self, batches: list[Batch]) -> StoreError | None:
        """Store *batches*; return why not, where they were not stored."""
        try:
            self.duplicates += self._do_store(batches)
        except Exception as error:  # noqa: BLE001 - the senders hear of it, and the thread lives on
            return _as_store_error(error)
        return None


def _answer(job: _Job) -> None:
    try:
        result = job.work()
    except Exception as error:  # noqa: BLE001 - the caller hears of it, and the thread lives on
        job.done.set_exception(_as_store_error(error))
    else:
        job.done.set_result(result)


def _as_store_error(error: Exception) -> StoreError:
    if isinstance(error, StoreError):
        return error
    problem = StoreError(
        "The store could not be written.",
        f"{type(error).__name__}: {error}.",
        "Look at ClickHouse's log.",
    )
    problem.__cause__ = error
    return problem
