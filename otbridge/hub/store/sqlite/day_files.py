"""All days' files, opened for writing: what goes into which, and in which order it is committed.

A batch is stored in the file of today, apart from what belongs to traces of earlier days, which
goes into theirs. Files are committed oldest first and today's last. The batch's key is written
into each of them in the same transaction, and as stored "wholly" only into today's: a crash in
between leaves a batch that nobody has acknowledged, and when it comes again, only the parts that
are missing are stored.
"""

from __future__ import annotations

import shutil
import sqlite3
from collections import defaultdict
from typing import TYPE_CHECKING

from otbridge.hub.store import StoreFull
from otbridge.hub.store.sqlite.day_writer import DayWriter
from otbridge.hub.store.sqlite.days import Folder, day_of
from otbridge.wire.rows import Batch

if TYPE_CHECKING:
    from collections.abc import Iterable

    from otbridge._clock import Clock
    from otbridge.wire.rows import SpanRow

__all__ = ["DayFiles"]

_DISK_RESERVE = 128 * 1024 * 1024
"""Bytes of the disk that are left free: on a full one SQLite can neither delete nor checkpoint."""

_DISK_SHARE = 20
"""Of a small disk no more than this part (a twentieth) is left free."""


class DayFiles:
    """The files of a folder. Used by one thread; `days` may be read by any."""

    def __init__(self, folder: Folder, clock: Clock) -> None:
        """Open every file of the folder, so that the first batch finds them ready.

        Raises:
            StoreError: A file is not ours or of a newer version.
            sqlite3.Error: A file cannot be opened.
        """
        self._folder = folder
        self._clock = clock
        self._writers: dict[str, DayWriter] = {}
        try:
            for day in folder.days():
                self._writers[day] = DayWriter(folder.file(day))
        except BaseException:
            self.close()
            raise

    @property
    def days(self) -> tuple[str, ...]:
        """The days that have a file, oldest first."""
        return tuple(sorted(self._writers))

    def writer(self, day: str) -> DayWriter:
        """Return the writer of a day's file, which is made where there is none."""
        writer = self._writers.get(day)
        if writer is None:
            writer = DayWriter(self._folder.file(day))
            # A new dict, because other threads iterate over the old one.
            self._writers = {**self._writers, day: writer}
        return writer

    def store(self, batches: Iterable[Batch]) -> int:
        """Commit *batches* in one transaction per file; return how much was there already.

        Raises:
            StoreFull: There is no room.
            Exception: Whatever else went wrong. Nothing was stored then, or (over several days)
                only parts that will not be stored again.
        """
        self._check_room()
        now_ns = self._clock.time_ns()
        today = self.writer(day_of(now_ns))
        try:
            today.begin()
            duplicates = sum(not self._add(batch, today) for batch in batches)
            duplicates += sum(writer.duplicates for writer in self._writers.values())
            for _, writer in sorted(self._writers.items()):
                if writer is not today:
                    writer.commit(now_ns)
            today.commit(now_ns)
        except BaseException:
            self._rollback()
            raise
        return duplicates

    def mark_lost(self, producer: str) -> list[SpanRow]:
        """Mark the open spans of *producer* as lost, and return them."""
        lost: list[SpanRow] = []
        now_ns = self._clock.time_ns()
        try:
            for _, writer in sorted(self._writers.items()):
                writer.begin()
                lost += writer.lose_spans(producer)
                writer.commit(now_ns)
        except BaseException:
            self._rollback()
            raise
        return lost

    def expire(self, before: str) -> int:
        """Delete the files of the days before *before*, today's never; return their number."""
        before = min(before, day_of(self._clock.time_ns()))
        old = [day for day in self.days if day < before]
        for day in old:
            writer = self._writers[day]
            self._writers = {name: kept for name, kept in self._writers.items() if name != day}
            writer.close()
            self._folder.delete(day)
        return len(old)

    def close(self) -> None:
        """Close all files."""
        for writer in self._writers.values():
            writer.close()

    def _rollback(self) -> None:
        for writer in self._writers.values():
            try:
                writer.rollback()
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

    def _add(self, batch: Batch, today: DayWriter) -> bool:
        """Add one batch to the open transactions; return whether it was new."""
        key = batch.key
        if key and any(writer.has_batch(key, whole=True) for writer in self._writers.values()):
            return False
        for writer, part in self._parts(batch, today).items():
            if writer is not today:
                writer.begin()
                if key:
                    if writer.has_batch(key, whole=False):
                        continue
                    writer.add_batch(key, whole=False)
            writer.add_spans(part.open_spans)
            writer.add_spans(part.spans)
            writer.add_logs(part.logs)
            writer.add_metrics(part.metrics)
        if key:
            today.add_batch(key, whole=True)
        return True

    def _parts(self, batch: Batch, today: DayWriter) -> dict[DayWriter, Batch]:
        """Return what of the batch goes where."""
        if len(self._writers) == 1:
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
        for _, writer in sorted(self._writers.items(), reverse=True):
            if writer.summary(trace_id) is not None:
                return writer
        return today
