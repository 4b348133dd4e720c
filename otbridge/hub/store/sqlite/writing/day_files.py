"""All days' files, opened for writing: what goes into which, and in which order it is committed.

A batch is stored in the newest file of today, apart from what belongs to traces of earlier days, which
goes into theirs. Files are committed oldest first and today's last. The batch's key is written
into each of them in the same transaction, and as stored "wholly" only into today's: a crash in
between leaves a batch that nobody has acknowledged, and when it comes again, only the parts that
are missing are stored.
"""

from __future__ import annotations

import shutil
import sqlite3
from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING

from otbridge.hub.store import StoreFull
from otbridge.hub.store.sqlite.files.ballast import BALLAST_BYTES, Ballast
from otbridge.hub.store.sqlite.files.days import Folder, date_of, day_of, next_part
from otbridge.hub.store.sqlite.writing.day_writer import DayWriter
from otbridge.hub.store.sqlite.writing.older_traces import OlderTraces
from otbridge.hub.store.vocabulary import Expired
from otbridge.wire.rows import Batch

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from otbridge._clock import Clock
    from otbridge.hub.store.vocabulary import Retention
    from otbridge.wire.rows import SpanRow

__all__ = ["DayFiles"]

_DISK_RESERVE = 128 * 1024 * 1024
"""Bytes of the disk that are left free: on a full one SQLite can neither delete nor checkpoint."""

_DISK_SHARE = 20
"""Of a small disk no more than this part (a twentieth) is left free."""

_PARTS = 8
"""Of all that is kept, a file holds this part: so much goes at once when there is too much."""

_DAY_NS = 86_400 * 1_000_000_000


class DayFiles:
    """The files of a folder. Used by one thread; what has no verb in its name, by any."""

    def __init__(self, folder: Folder, clock: Clock, retention: Retention) -> None:
        """Open every file of the folder, so that the first batch finds them ready.

        Raises:
            StoreError: A file is not ours or of a newer version.
            sqlite3.Error: A file cannot be opened.
        """
        self._folder = folder
        self._clock = clock
        self._retention = retention
        self._part_bytes = retention.bytes // _PARTS
        self._writers: dict[str, DayWriter] = {}
        self._newest = ""
        self._older = OlderTraces()
        self._deleted: list[tuple[str, int]] = []
        self.deleted_bytes = 0
        """Of files that were too old or too much."""
        self.on_deleted: Callable[[], None] = _nobody
        """Told when files were deleted, for whoever has them open."""
        self.ballast = Ballast(folder.path / "ballast")
        if shutil.disk_usage(folder.path).free < BALLAST_BYTES:
            self.ballast.shed()  # SQLite opens no file without room for its log
        try:
            for day in folder.days():
                self._writers[day] = DayWriter(folder.file(day))
            self._tidy()
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

    def store(self, batches: Sequence[Batch]) -> int:
        """Commit *batches* in one transaction per file; return how much was there already.

        Raises:
            StoreFull: There is no room.
            Exception: Whatever else went wrong. Nothing was stored then, or (over several days)
                only parts that will not be stored again.
        """
        self._make_room()
        try:
            return self._store(batches)
        except sqlite3.Error as error:
            # Somebody else has filled the disk since we looked.
            if error.sqlite_errorcode != sqlite3.SQLITE_FULL or not self.ballast.shed():
                raise
            return self._store(batches)

    def _store(self, batches: Sequence[Batch]) -> int:
        now_ns = self._clock.time_ns()
        today = self._today(now_ns)
        if len(self._writers) > 1:
            self._older.read_some(self._writers, self._newest)
        try:
            today.begin()
            duplicates = sum(self._add(batch, today) for batch in batches)
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

    def mark_open(self, spans: Sequence[tuple[bytes, bytes]]) -> list[SpanRow]:
        """Mark those of *spans* that are lost as open again, and return them."""
        found: list[SpanRow] = []
        now_ns = self._clock.time_ns()
        writers = [writer for _, writer in sorted(self._writers.items(), reverse=True)]
        try:
            for trace_id, span_id in spans:
                home = next((one for one in writers if one.summary(trace_id) is not None), None)
                if home is not None:
                    home.begin()
                    found += home.find_span(trace_id, span_id)
            for writer in writers:
                writer.commit(now_ns)
        except BaseException:
            self._rollback()
            raise
        return found

    def expire(self) -> Expired:
        """Delete what is too old or too much; return all that went since this was called last."""
        self._tidy()
        gone, self._deleted = self._deleted, []
        days = sorted({date_of(day) for day, _ in gone})
        return Expired(tuple(days), sum(size for _, size in gone))

    def _tidy(self) -> None:
        now_ns = self._clock.time_ns()
        oldest = day_of(max(now_ns - self._retention.days * _DAY_NS, 0))
        for day in self.days:
            if date_of(day) < oldest:
                self._delete(day)
        self._shrink(self._retention.bytes, now_ns)
        disk = shutil.disk_usage(self._folder.path)
        if disk.free >= _reserve(disk.total) + BALLAST_BYTES:
            self.ballast.lay()

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

    def _today(self, now_ns: int) -> DayWriter:
        """Return the file for what is new: today's last, or one more once that has its share."""
        date = day_of(now_ns)
        day = max((day for day in self._writers if date_of(day) == date), default=date)
        if day in self._writers and self._folder.file_size(day) >= self._part_bytes:
            day = next_part(day)
        if day != self._newest:
            if self._newest in self._writers:
                self._writers[self._newest].retire()
            self._newest = day
            self._older.leave_out(day)
            self._shrink(self._retention.bytes - self._part_bytes, now_ns)
        return self.writer(day)

    def _shrink(self, limit: int, now_ns: int) -> None:
        """Delete the oldest files until all together have at most *limit* bytes, or one is left."""
        newest = self._newest or max(self.days, default=day_of(now_ns))
        for day in self.days:
            if self._folder.size() <= limit:
                return
            if day != newest:  # which is not the last where the clock was wrong
                self._delete(day)

    def _delete(self, day: str) -> None:
        size = self._folder.size(day)
        writer = self._writers[day]
        # A new dict, because other threads iterate over the old one.
        self._writers = {name: kept for name, kept in self._writers.items() if name != day}
        writer.close()
        self._folder.delete(day)
        self._deleted.append((day, size))
        self.deleted_bytes += size
        self.on_deleted()

    def _make_room(self) -> None:
        """Keep some of the disk free, at the cost of the oldest files."""
        disk = shutil.disk_usage(self._folder.path)
        reserve = _reserve(disk.total)
        if disk.free >= reserve:
            return
        self._shrink(self._folder.size() - (reserve - disk.free), self._clock.time_ns())
        disk = shutil.disk_usage(self._folder.path)
        if disk.free < reserve:
            raise StoreFull(
                f"The disk of {self._folder.path} has only {disk.free // 2**20} MiB left.",
                f"The store leaves {reserve // 2**20} MiB free, to stay readable.",
                "Free some space; nothing old is left here that could be deleted.",
            )

    def _add(self, batch: Batch, today: DayWriter) -> int:
        """Add one batch to the open transactions; return what was known, a whole batch as one."""
        key, known = batch.key, 0
        if key and any(writer.has_batch(key, whole=True) for writer in self._writers.values()):
            batch.known_logs = frozenset(range(len(batch.logs)))
            return 1
        if batch.resent:
            batch, known = self._without_known(batch)
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
        if batch.settled:
            today.forget_batches(*batch.settled)
        return known

    def _without_known(self, batch: Batch) -> tuple[Batch, int]:
        """Return what of a batch that came again is new, and how many of its records are known.

        What belongs to no trace went into the file of the day on which it came; so all files are
        asked, the newest first, and those whose records have other times say so at once.
        """
        left = dict(enumerate(batch.logs))
        writers = [writer for _, writer in sorted(self._writers.items(), reverse=True)]
        for writer in writers:
            places = list(left)
            for known in writer.known_logs(list(left.values())):
                del left[places[known]]
        batch.known_logs = frozenset(range(len(batch.logs))) - left.keys()
        metrics = [
            row for row in batch.metrics if not any(file.has_metrics(row) for file in writers[:2])
        ]
        known = len(batch.known_logs) + len(batch.metrics) - len(metrics)
        new = replace(batch, logs=list(left.values()), metrics=metrics, request=None)
        return new, known

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
        asked = set(self._writers)
        if not self._older.may_have(trace_id):
            asked -= self._older.days
        for day in sorted(asked, reverse=True):
            if self._writers[day].summary(trace_id) is not None:
                return self._writers[day]
        return today


def _nobody() -> None:
    """Tell nobody."""


def _reserve(disk_bytes: int) -> int:
    return min(_DISK_RESERVE, disk_bytes // _DISK_SHARE)
