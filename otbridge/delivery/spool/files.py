"""Every call that the spool makes to the file system, in one object that is passed in.

The tests pass others in: one that remembers the calls and plays any prefix of them, one that
fails at the nth call, one that forgets what was not synced.
"""

# The system's calls, by the strings and descriptors that they take:
# ruff: noqa: PTH102, PTH104, PTH106, PTH108, PTH208

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["FileFacts", "Files", "SystemFiles"]

_FOLDER: Final = os.O_RDONLY | getattr(os, "O_DIRECTORY", 0)
_SAFE: Final = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)
_F_FULLFSYNC: Final = 51
"""macOS: `fsync` there leaves data in the drive's cache; see its fcntl(2)."""


class FileFacts(NamedTuple):
    """What `stat` says, as far as it is of interest here."""

    size: int
    changed_ns: int
    """Last modification, wall-clock nanoseconds."""
    owner: int
    mode: int
    identity: tuple[int, int]
    """Device and inode."""


class Files(Protocol):
    """The file system. Every method raises OSError and nothing else."""

    write: Callable[[int, bytes, int], int]
    """Write bytes at an offset; return how many were written. An attribute and not a method, so
    that the writer's hot path calls the system's own function."""

    def create(self, path: str) -> int:
        """Make a new file, 0600, that nobody else can have made; return its descriptor."""
        ...

    def open(self, path: str) -> int:
        """Open a file for reading and writing; never through a symbolic link."""
        ...

    def open_folder(self, path: str) -> int:
        """Open a folder, for locking and syncing; never through a symbolic link."""
        ...

    def read(self, fd: int, size: int, offset: int) -> bytes:
        """Return up to *size* bytes at *offset*; fewer only at the end of the file."""
        ...

    def truncate(self, fd: int, size: int) -> None:
        """Cut a file to *size* bytes."""
        ...

    def sync(self, fd: int) -> None:
        """Return when the file's bytes (of a folder: its names) will survive a power loss."""
        ...

    def close(self, fd: int) -> None:
        """Give a descriptor back; its lock too, if no other process has it."""
        ...

    def lock(self, fd: int) -> bool:
        """Take the lock of an open folder or file; False if another has it. Never waits."""
        ...

    def facts(self, path: str) -> FileFacts:
        """Return the facts of *path* itself, without following a link."""
        ...

    def facts_of(self, fd: int) -> FileFacts:
        """Return the facts of an open file or folder."""
        ...

    def names(self, path: str) -> list[str]:
        """Return the names in a folder, in no order."""
        ...

    def make_folder(self, path: str) -> None:
        """Make one folder, 0700."""
        ...

    def remove_folder(self, path: str) -> None:
        """Remove an empty folder."""
        ...

    def rename(self, path: str, target: str) -> None:
        """Move a file."""
        ...

    def unlink(self, path: str) -> None:
        """Remove a file."""
        ...

    def free_bytes(self, path: str) -> int:
        """Return how much this process could still write there."""
        ...


class SystemFiles:
    """The operating system's file system."""

    __slots__ = ("write",)

    def __init__(self) -> None:
        self.write: Callable[[int, bytes, int], int] = os.pwrite

    def create(self, path: str) -> int:
        """Make a new file, 0600; return its descriptor."""
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | _SAFE, 0o600)

    def open(self, path: str) -> int:
        """Open a file for reading and writing."""
        return os.open(path, os.O_RDWR | _SAFE)

    def open_folder(self, path: str) -> int:
        """Open a folder."""
        return os.open(path, _FOLDER | _SAFE)

    def read(self, fd: int, size: int, offset: int) -> bytes:
        """Return up to *size* bytes at *offset*."""
        data = os.pread(fd, size, offset)
        while 0 < len(data) < size:  # a signal may cut a read short
            piece = os.pread(fd, size - len(data), offset + len(data))
            if not piece:
                break
            data += piece
        return data

    def truncate(self, fd: int, size: int) -> None:
        """Cut a file."""
        os.ftruncate(fd, size)

    def sync(self, fd: int) -> None:
        """Make a file's bytes, or a folder's names, durable."""
        if hasattr(os, "fdatasync"):
            os.fdatasync(fd)
            return
        import fcntl

        fcntl.fcntl(fd, _F_FULLFSYNC)

    def close(self, fd: int) -> None:
        """Give a descriptor back."""
        os.close(fd)

    def lock(self, fd: int) -> bool:
        """Take the lock, or return False."""
        import fcntl

        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def facts(self, path: str) -> FileFacts:
        """Return the facts of *path*."""
        return _facts(os.lstat(path))

    def facts_of(self, fd: int) -> FileFacts:
        """Return the facts of an open file."""
        return _facts(os.fstat(fd))

    def names(self, path: str) -> list[str]:
        """Return the names in a folder."""
        return os.listdir(path)

    def make_folder(self, path: str) -> None:
        """Make one folder, 0700."""
        os.mkdir(path, 0o700)

    def remove_folder(self, path: str) -> None:
        """Remove an empty folder."""
        os.rmdir(path)

    def rename(self, path: str, target: str) -> None:
        """Move a file."""
        os.rename(path, target)

    def unlink(self, path: str) -> None:
        """Remove a file."""
        os.unlink(path)

    def free_bytes(self, path: str) -> int:
        """Return how much this process could still write there."""
        facts = os.statvfs(path)
        return facts.f_bavail * facts.f_frsize


def _facts(found: os.stat_result) -> FileFacts:
    return FileFacts(
        found.st_size, found.st_mtime_ns, found.st_uid, found.st_mode, (found.st_dev, found.st_ino)
    )
