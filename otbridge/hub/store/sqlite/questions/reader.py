"""Connections for questions: they cannot write, and no question runs longer than its budget."""

from __future__ import annotations

import queue
import sqlite3
import threading
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from otbridge.errors import OtbridgeError, StoreError
from otbridge.hub.store import QueryTooSlow
from otbridge.hub.store.budget import left_s
from otbridge.hub.store.sqlite.files import legacy
from otbridge.hub.store.sqlite.files.schema import open_reader

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from otbridge.hub.store.sqlite.files.days import Folder

__all__ = ["BUDGET_S", "Reader", "Readers"]

BUDGET_S = 2.0
"""Seconds that one question may take, all days together."""

_STEPS = 2_000
"""SQLite instructions between two looks at the clock: a few dozen microseconds."""

_READERS = 4
"""Questions that run at the same time; more would only share the same two or four cores."""


class Reader:
    """One thread's connections for one question, a connection per day."""

    def __init__(self, folder: Folder) -> None:
        self._folder = folder
        self._open: dict[str, sqlite3.Connection] = {}
        self._old: dict[str, bool] = {}
        self._deadline = 0.0
        self._ended = False
        self._problem: OtbridgeError | None = None
        self.days: tuple[str, ...] = ()
        """The days to look at, oldest first."""
        self.corrupt = 0
        """Rows that did not fit their checksum, since this was last set to 0."""

    def begin(self, days: tuple[str, ...], budget_s: float) -> None:
        """Begin a question about *days*."""
        self.keep(days)
        self.days = days
        self.corrupt = 0
        self._deadline = time.monotonic() + budget_s

    def keep(self, days: Iterable[str]) -> None:
        """Close the files of all but these days: one that is open stays on the disk."""
        for day in self._open.keys() - set(days):
            self._open.pop(day).close()
            self._old.pop(day, None)

    def rows(self, day: str, sql: str, *parameters: Any) -> list[tuple[Any, ...]]:
        """Return all rows that *sql* finds in one day's file.

        Raises:
            QueryTooSlow: The question's time is up.
            StoreError: The file cannot be read.
        """
        try:
            return self._connection(day).execute(sql, parameters).fetchall()
        except sqlite3.Error as error:
            problem, self._problem = self._problem, None
            if self._ended:
                raise _closed() from None
            if problem is not None:
                raise problem from None
            if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_INTERRUPT:
                raise _too_slow() from None
            if not self._folder.file(day).exists():
                return []  # deleted as too old since the question began
            raise StoreError(
                f"The store's day {day} cannot be read.",
                f"SQLite says: {error}.",
                "Check the disk; other days are not affected.",
            ) from error

    def first(self, day: str, sql: str, *parameters: Any) -> tuple[Any, ...] | None:
        """Return the first row that *sql* finds in one day's file, or None."""
        found = self.rows(day, sql, *parameters)
        return found[0] if found else None

    def define(self, day: str, name: str, function: Callable[[Any], Any]) -> None:
        """Let SQL about one day call *function*, which may ask the same day; until the next one."""

        def called(value: Any) -> Any:
            try:
                return function(value)
            except OtbridgeError as error:
                self._problem = error  # SQLite only says that there was one
                raise

        self._connection(day).create_function(name, 1, called)

    def keep_sound(
        self, found: list[tuple[Any, ...]], read: Callable[[tuple[Any, ...]], Any]
    ) -> list[Any]:
        """Return what *read* makes of the columns, without the rows whose checksum does not fit."""
        sound = [row for columns in found if (row := read(columns)) is not None]
        self.corrupt += len(found) - len(sound)
        return sound

    def has_old(self, day: str) -> bool:
        """Whether the day's file has rows of version 1."""
        if day not in self._old:
            self._old[day] = self.first(day, legacy.HAS_ROWS) is not None
        return self._old[day]

    def check_time(self) -> None:
        """Raise QueryTooSlow where the question's time is up, or StoreError where the store closes."""
        if self._ended:
            raise _closed()
        if time.monotonic() > self._deadline:
            raise _too_slow()

    def _connection(self, day: str) -> sqlite3.Connection:
        connection = self._open.get(day)
        if connection is None:
            connection = open_reader(self._folder.file(day))
            connection.set_progress_handler(self._time_is_up, _STEPS)
            self._open[day] = connection
        return connection

    def _time_is_up(self) -> bool:
        return self._ended or time.monotonic() > self._deadline

    def end(self) -> None:
        """End the question that runs; called from another thread."""
        self._ended = True

    def close(self) -> None:
        """Close all connections."""
        for connection in self._open.values():
            connection.close()
        self._open.clear()


class Readers:
    """A few readers, lent to one thread at a time."""

    def __init__(self, folder: Folder, days: Callable[[], tuple[str, ...]]) -> None:
        self._days = days
        self._all = [Reader(folder) for _ in range(_READERS)]
        self._free: queue.LifoQueue[Reader] = queue.LifoQueue()
        for reader in self._all:
            self._free.put(reader)
        self._lock = threading.Lock()
        self._closed = False
        self.budget_s = BUDGET_S
        self.corrupt = 0
        """Rows that did not fit their checksum, all questions together."""

    @contextmanager
    def lend(self) -> Iterator[Reader]:
        """Lend a reader for one question; waits while all are out."""
        reader = self._free.get()
        try:
            if self._closed:
                raise _closed()
            reader.begin(self._days(), left_s(self.budget_s))
            yield reader
        finally:
            with self._lock:
                self.corrupt += reader.corrupt
            reader.keep(self._days())
            self._free.put(reader)

    def let_go(self) -> None:
        """Close the files of deleted days; readers that are out do so when they come back."""
        idle: list[Reader] = []
        with suppress(queue.Empty):
            while True:
                idle.append(self._free.get_nowait())
        for reader in idle:
            reader.keep(self._days())
            self._free.put(reader)

    def close(self) -> None:
        """End the questions that run, and close all connections."""
        self._closed = True
        for reader in self._all:
            reader.end()
        for reader in [self._free.get() for _ in range(_READERS)]:
            reader.close()
            self._free.put(reader)


def _too_slow() -> QueryTooSlow:
    return QueryTooSlow(
        f"The answer would have taken more than {BUDGET_S:g} s.",
        "Too many records have to be looked at one by one.",
        "Narrow the time range, or add a service or a rarer word.",
    )


def _closed() -> StoreError:
    return StoreError("The store is closed.", "The hub is stopping.", "Ask again when it is back.")
