"""A file system whose nth call fails."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.faults.spool.simulated_disk import SimulatedDisk

CALLS = frozenset(
    {
        "create", "open", "open_folder", "read", "truncate", "sync", "lock", "facts", "facts_of",
        "names", "make_folder", "remove_folder", "rename", "unlink", "free_bytes",
    }
)  # fmt: skip
"""All but `close`, which cannot fail in a way that matters: the descriptor is gone in any case."""


class FailingFiles:
    """Passes every call on to a simulated disk, except those that fail.

    Args:
        disk: Where the others go.
        first: Number of the call that fails, counted from 1; 0 for none.
        code: The error, an errno.
        times: How many calls fail from there on.
        part: What a failing write has written before it fails: this share of its bytes.
    """

    def __init__(
        self, disk: SimulatedDisk, first: int, code: int, times: int = 1, part: float = 0.0
    ) -> None:
        self.disk = disk
        self.calls = 0
        self.failed: list[str] = []
        self._first = first
        self._code = code
        self._times = times
        self._part = part
        self.write = self._write
        self.close = disk.close

    def __getattr__(self, name: str) -> Any:
        if name not in CALLS:
            raise AttributeError(name)
        call = getattr(self.disk, name)

        def checked(*arguments: Any) -> Any:
            self._check(name)
            return call(*arguments)

        return checked

    def _write(self, fd: int, data: bytes, offset: int) -> int:
        try:
            self._check("write")
        except OSError:
            done = int(len(data) * self._part)
            if done:
                self.disk.write(fd, data[:done], offset)
                if self._code == errno.EINTR:
                    return done  # a write that a signal cuts short is not an error
            raise
        return self.disk.write(fd, data, offset)

    def _check(self, name: str) -> None:
        self.calls += 1
        if 0 < self._first <= self.calls < self._first + self._times:
            self.failed.append(name)
            raise OSError(self._code, os.strerror(self._code))
