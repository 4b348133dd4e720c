"""The one thread that writes: takes what is waiting, commits it at once, and tells the senders.

While a commit waits for the disk, more batches gather; the next commit takes them together. So a
single batch is committed at once, and a flood in large groups, without a timer.

A batch is stored in the file of today, apart from what belongs to traces of earlier days, which
goes into theirs. Files are committed oldest first and today's last. The batch's key is written
into each of them in the same transaction, and as stored "wholly" only into today's: a crash in
between leaves a batch that nobody has acknowledged, and when it comes again, only the parts that
are missing are stored.
"""

from __future__ import annotations

import shutil
import sqlite3
import threading
from collections import defaultdict
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from otbridge.errors import StoreError
from otbridge.hub.store import StoreFull
from otbridge.hub.store.sqlite.day_writer import DayWriter
from otbridge.hub.store.sqlite.days import Folder, day_of
from otbridge.wire.rows import Batch

if TYPE_CHECKING:
    from collections.abc import Callable

    from otbridge._clock import Clock
    from otbridge.wire.rows import LogRow, MetricsRow, SpanRow

__all__ = ["Writer"]

_MAX_WAITING = 64 * 1024 * 1024
"""Bytes that may wait for the disk, Python's share included; then senders are told to come back."""

_ROW_OVERHEAD = 600
"""What a row takes beside its protobuf bytes: the object and its decoded columns, measured."""

_MAX_GROUP = 20_000
"""Rows in one transaction; more would make the first of them wait for the last too long."""

_DISK_RESERVE = 128 * 1024 * 1024
"""Bytes of the disk that are left free: on a full one SQLite can neither delete nor checkpoint."""

_DISK_SHARE = 20
"""Of a small disk no more than this part (a twentieth) is left free."""

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
    """Owns the folder's files for writing. All methods may be called from any thread."""

    def __init__(self, folder: Folder, clock: Clock) -> None:
        """Open every file of the folder, so that the first batch finds them ready.

        Raises:
            StoreError: A file is not ours or of a newer version.
            sqlite3.Error: A file cannot be opened.
        """
        self._folder = folder
        self._clock = clock
        self._days: dict[str, DayWriter] = {}
        try:
            for day in folder.days():
                self._days[day] = DayWriter(folder.file(day))
        except BaseException:
            self._close_days()
            raise
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

    @property
    def days(self) -> tuple[str, ...]:
        """The days that have a file, oldest first."""
        return tuple(sorted(self._days))

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
        self._close_days()

    def _take(self) -> list[_Submitted] | _Job:
        """Take the next job, or the batches up to it that fit into one transaction."""
        first = self._queue[0]
        if isinstance(first, _Job):
            self._queue.pop(0)
            return first
        group: list[_Submitted] = []
        rows = 0
        for item in self._queue:
            if isinstance(item, _Job) or (group and rows + item.rows > _MAX_GROUP):
                break
            group.append(item)
            rows += item.rows
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
        """Store *batches* in one transaction per file; return why not, where nothing was stored."""
        try:
            self._check_room()
            now_ns = self._clock.time_ns()
            today = self._day(day_of(now_ns))
            today.begin()
            duplicates = sum(not self._add(batch, today) for batch in batches)
            duplicates += sum(day.duplicates for day in self._days.values())
            for _, day in sorted(self._days.items()):
                if day is not today:
                    day.commit(now_ns)
            today.commit(now_ns)
        except Exception as error:  # noqa: BLE001 - whatever it is, the senders hear of it and the thread lives on
            self._rollback()
            return _as_store_error(error)
        self._duplicates += duplicates
        return None

    def _rollback(self) -> None:
        for day in self._days.values():
            try:
                day.rollback()
            except sqlite3.Error:
                # The connection has rolled back by itself already (disk full, I/O error).
                continue

    def _check_room(self) -> None:
        disk = shutil.disk_usage(self._folder.path)
        reserve = min(_DISK_RESERVE, disk.total // _DISK_SHARE)
        if disk.free < reserve:
            raise StoreFull(
                f"The disk of {self._folder.path} has only {disk.free // 2**20} MiB left.",
                f"The store leaves {reserve // 2**20} MiB free, to stay readable.",
                "Free some space, or delete the store's oldest days.",
            )

    def _day(self, day: str) -> DayWriter:
        writer = self._days.get(day)
        if writer is None:
            writer = DayWriter(self._folder.file(day))
            # A new dict, because other threads iterate over the old one.
            self._days = {**self._days, day: writer}
        return writer

    def _add(self, batch: Batch, today: DayWriter) -> bool:
        """Add one batch to the open transactions; return whether it was new."""
        key = batch.key
        if key and any(day.has_batch(key, whole=True) for day in self._days.values()):
            return False
        for day, part in self._parts(batch, today).items():
            if day is not today:
                day.begin()
                if key:
                    if day.has_batch(key, whole=False):
                        continue
                    day.add_batch(key, whole=False)
            day.add_spans(part.open_spans)
            day.add_spans(part.spans)
            day.add_logs(part.logs)
            day.add_metrics(part.metrics)
        if key:
            today.add_batch(key, whole=True)
        return True

    def _parts(self, batch: Batch, today: DayWriter) -> dict[DayWriter, Batch]:
        """Return what of the batch goes where."""
        if len(self._days) == 1:
            return {today: batch}
        parts: dict[DayWriter, Batch] = defaultdict(Batch)
        homes = {b"": today}
        for name in ("open_spans", "spans", "logs"):
            for row in getattr(batch, name):
                home = homes.get(row.trace_id)
                if home is None:
                    home = homes[row.trace_id] = self._home(row.trace_id, today)
                getattr(parts[home], name).append(row)
        parts[today].metrics = batch.metrics
        return parts

    def _home(self, trace_id: bytes, today: DayWriter) -> DayWriter:
        """Return the file that the trace lives in: today's for a new one."""
        for _, day in sorted(self._days.items(), reverse=True):
            if day.summary(trace_id) is not None:
                return day
        return today

    def _close_days(self) -> None:
        for day in self._days.values():
            day.close()

    # ---------------------------------------------------------------- jobs

    def mark_lost(self, producer: str) -> list[SpanRow]:
        """Mark the open spans of *producer* as lost. For `call` only."""
        lost: list[SpanRow] = []
        now_ns = self._clock.time_ns()
        try:
            for _, day in sorted(self._days.items()):
                day.begin()
                lost += day.lose_spans(producer)
                day.commit(now_ns)
        except BaseException:
            self._rollback()
            raise
        return lost

    def expire(self, before: str) -> int:
        """Delete the files of the days before *before*. For `call` only."""
        old = [day for day in self.days if day < before]
        for day in old:
            writer = self._days[day]
            self._days = {name: kept for name, kept in self._days.items() if name != day}
            writer.close()
            self._folder.delete(day)
        return len(old)


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
        "The batch could not be stored.",
        f"{type(error).__name__}: {error}.",
        "Look at the store's folder: its disk, owner and permissions.",
    )
    problem.__cause__ = error
    return problem


def _closed() -> StoreError:
    return StoreError("The store is closed.", "The hub is stopping.", "Send again to the next one.")
