"""The store's folder: database files by day, and the lock that keeps other processes out.

A day is the UTC date on which the hub received the first record of a trace (or a record that
belongs to none). All of a trace is kept in one file, however long it lives, so no answer has to be
put together from pieces, and the oldest days can go by deleting their files.

A day that brings more than one file is to hold goes on in another part: `2026-11-20`, then
`2026-11-20.000002`. So a store that is full before the day is over can let the morning go and take
what comes; refusing until midnight would lose the newest records to keep the oldest. Wherever this
folder's code says "day", it means one of these names; they sort by age.
"""

from __future__ import annotations

import fcntl
import os
import re
import time
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from otbridge.errors import StoreError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Folder", "date_of", "day_of", "next_part"]

_GLANCE_S: Final = 0.05
"""Between two tries for a folder that another process holds."""

_DAY_S: Final = 86_400
_DAY_NS: Final = _DAY_S * 1_000_000_000

_FILE = re.compile(r"(\d{4}-\d{2}-\d{2}(?:\.\d{6})?)\.db")


def day_of(time_ns: int) -> str:
    """Return the UTC date of *time_ns* (unix nanoseconds) as `YYYY-MM-DD`."""
    return _date(time_ns // _DAY_NS)


@lru_cache(maxsize=64)
def _date(days: int) -> str:
    """Return the date that begins so many days after 1970's first; each commit asks for today's."""
    return datetime.fromtimestamp(days * _DAY_S, UTC).date().isoformat()


def date_of(day: str) -> str:
    """Return the date that a file's name begins with."""
    return day[:10]


def next_part(day: str) -> str:
    """Return the name of the file that follows *day* on the same date."""
    return f"{date_of(day)}.{int(day[11:] or 1) + 1:06}"


class Folder:
    """A store's folder: one process writes in it at a time, and holds it meanwhile.

    A folder made here is its owner's only (0700); one that was there keeps its permissions. The
    files in it are always their owner's only (0600).
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = -1

    def hold(self, patience_s: float = 0.0) -> None:
        """Make the folder where there is none, and keep other processes out until `close`.

        Args:
            patience_s: How long to wait for another process to let go of it.

        Raises:
            StoreError: It cannot be made or written, or another process holds it.
        """
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._lock = os.open(self.path / "lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise StoreError(
                f"The store's folder {self.path} cannot be used.",
                f"The system says: {error.strerror}.",
                "Give another folder, or correct its owner and permissions.",
            ) from error
        self._take_lock(time.monotonic() + patience_s)

    def _take_lock(self, deadline: float) -> None:
        while True:
            try:
                fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                if time.monotonic() >= deadline:
                    break
                time.sleep(_GLANCE_S)
            else:
                os.ftruncate(self._lock, 0)
                os.pwrite(self._lock, f"{os.getpid()}\n".encode(), 0)
                return
        holder = os.pread(self._lock, 32, 0).decode("ascii", "replace").strip()
        self.close()
        raise StoreError(
            f"The store in {self.path} is in use by "
            f"{f'process {holder}' if holder else 'another process'}.",
            "A store belongs to one hub at a time.",
            "Stop that hub, or give this one another folder.",
        )

    def days(self) -> list[str]:
        """Return the days that have a file, oldest first."""
        return sorted(
            match[1] for entry in self.path.iterdir() if (match := _FILE.fullmatch(entry.name))
        )

    def file(self, day: str) -> Path:
        """Return the path of a day's file, whether or not it exists."""
        return self.path / f"{day}.db"

    def delete(self, day: str) -> None:
        """Delete a day's file; nobody may be writing it."""
        for suffix in ("", "-wal", "-shm"):
            (self.path / f"{day}.db{suffix}").unlink(missing_ok=True)

    def file_size(self, day: str) -> int:
        """Return the bytes of a day's file alone; 0 where somebody has taken it away."""
        try:
            # Each commit asks; to put a Path together takes five times as long as the look.
            return os.stat(f"{self.path}/{day}.db").st_size  # noqa: PTH116
        except OSError:
            return 0

    def size(self, day: str = "") -> int:
        """Return the bytes that all days take, or one of them, write-ahead logs included."""
        total = 0
        for entry in os.scandir(self.path):
            if f"{day}.db" not in entry.name:
                continue  # the lock, the ballast, or another day
            try:
                total += entry.stat().st_size
            except FileNotFoundError:
                continue  # a write-ahead log may go between the listing and the look
        return total

    def close(self) -> None:
        """Let other processes have the folder; may be called twice."""
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1
