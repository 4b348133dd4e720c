"""The folders that this process has the locks of: its own, and those that it took over."""

from __future__ import annotations

import errno
import math
import os
import threading
from collections import Counter
from typing import TYPE_CHECKING

from otbridge.delivery.spool.folder import Folder, lock_folder
from otbridge.delivery.spool.names import is_process_folder, process_folder
from otbridge.delivery.spool.recovery import recover
from otbridge.delivery.spool.roots import make_folders
from otbridge.delivery.spool.totals import add_to_totals
from otbridge.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable

    from otbridge._clock import Clock
    from otbridge.delivery.spool.files import Files
    from otbridge.typing import Signal

__all__ = ["Holdings"]


class Holdings:
    """Makes, takes over and gives back folders, and keeps what those that are gone had counted.

    Args:
        files: The file system.
        root: The spool's root.
        service_path: The service's folder in it.
        clock: Tells the time.
        destinations: Gives the keys of a signal's destinations.
    """

    def __init__(
        self,
        files: Files,
        root: str,
        service_path: str,
        clock: Clock,
        destinations: Callable[[Signal], list[str]],
    ) -> None:
        self._files = files
        self._root = root
        self._service_path = service_path
        self._clock = clock
        self._destinations = destinations
        self.forget()

    def forget(self) -> None:
        """Begin with nothing: in a forked child, which has given its descriptors back."""
        self._lock = threading.RLock()
        self._own: Folder | None = None
        self._adopted: list[Folder] = []
        self.written: Counter[Signal] = Counter()
        """Records in own folders that are gone."""
        self.adopted: Counter[Signal] = Counter()
        """Records that were found."""
        self.lost: dict[Signal, Counter[str]] = {}
        """Records lost from folders that were given back."""
        self.left: Counter[Signal] = Counter()
        """Records that waited in folders that were given back."""
        self.torn = 0
        self.foreign: set[str] = set()
        self._before: dict[int, tuple[dict[Signal, Counter[str]], int]] = {}

    @property
    def own(self) -> Folder | None:
        """This process's own folder, None before it has written anything."""
        return self._own

    @property
    def all(self) -> list[Folder]:
        """All folders, the own one first, the others oldest first."""
        with self._lock:
            own = [self._own] if self._own is not None else []
            return own + self._adopted

    def require_own(self) -> Folder:
        """Return the own folder, made now if there is none.

        Raises:
            OSError: it cannot be made, or the root is not ours alone.
        """
        with self._lock:
            if self._own is not None:
                return self._own
            try:
                made = self._make_own()
            except ConfigurationError as error:
                raise PermissionError(errno.EACCES, str(error)) from error
            return self._own_from(made)

    def _own_from(self, made: Folder) -> Folder:
        if self._own is None:
            self._own = made
        else:  # a signal handler that logs came in the middle of making it, and made one
            made.close(remove=True)
        return self._own

    def lose_own(self) -> int:
        """Count what waits in an own folder that somebody has removed; return how many."""
        with self._lock:
            own, self._own = self._own, None
            if own is None:
                return 0
            records = 0
            with own.lock:
                for stream in own.streams.values():
                    records += stream.give_up_all(self._destinations(stream.signal), "missing")
            self._keep_counts(own, own=True)
            own.abandon()
            return records

    def adopt(self) -> int:
        """Take over the folders of this service whose processes have ended; return how many."""
        taken = 0
        try:
            names = self._files.names(self._service_path)
        except OSError:
            return 0  # there is none, or it cannot be read
        with self._lock:
            held = {folder.name for folder in self.all}
            for name in sorted(names, key=_start):
                if is_process_folder(name) and name not in held:
                    taken += self._adopt(f"{self._service_path}/{name}")
        return taken

    def drop_if_drained(self, folder: Folder) -> None:
        """Remove an adopted folder in which nothing waits any more."""
        with self._lock:
            if folder is self._own or folder not in self._adopted or not self._is_drained(folder):
                return
            self._adopted.remove(folder)
            self._give_back(folder)

    def close(self) -> None:
        """Give everything back; what has nothing waiting in it is removed."""
        with self._lock:
            folders, own = self.all, self._own
            self._own, self._adopted = None, []
            for folder in folders:
                for stream in folder.streams.values():
                    with folder.lock:
                        cursor = stream.slowest(self._destinations(stream.signal))
                        self.left[stream.signal] += stream.waiting(cursor)
                self._give_back(folder, own=folder is own)

    def abandon(self) -> None:
        """Close descriptors and change nothing on the disk: in a forked child."""
        for folder in ([self._own] if self._own is not None else []) + self._adopted:
            folder.abandon()
        self.forget()

    def lost_in(self, folder: Folder) -> tuple[dict[Signal, Counter[str]], int]:
        """Return what was lost, and torn, in *folder* since this process has it."""
        before, torn = self._before.get(id(folder), ({}, 0))
        lost = {
            signal: Counter(of) - before.get(signal, Counter())
            for signal, of in folder.book.lost.items()
        }
        return lost, folder.book.torn - torn

    # ------------------------------------------------------------------ with the lock held

    def _make_own(self) -> Folder:
        make_folders(self._files, self._root, self._service_path)
        start = self._clock.time_ns()
        while True:
            path = f"{self._service_path}/{process_folder(os.getpid(), start)}"
            start += 1
            try:
                self._files.make_folder(path)
            except FileExistsError:
                continue  # in a container, say, where every process has the id 1
            try:
                fd = lock_folder(self._files, path)
            except FileNotFoundError:
                continue  # another process took it for one that was left behind, and removed it
            if fd is not None:  # else it is about to do so
                return Folder(self._files, path, fd)

    def _adopt(self, path: str) -> bool:
        try:
            fd = lock_folder(self._files, path)
        except OSError:
            return False  # its owner removed it
        if fd is None:
            return False  # its owner lives, or somebody else was faster
        folder = Folder(self._files, path, fd)
        before = {signal: Counter(of) for signal, of in folder.book.lost.items()}
        self._before[id(folder)] = (before, folder.book.torn)
        try:
            foreign = recover(self._files, folder, self._clock.monotonic(), self._clock.time_ns())
        except OSError:
            folder.abandon()  # the folder itself cannot be read
            return False
        self.foreign.update(f"{folder.name}/{name}" for name in foreign)
        for signal, of in self.lost_in(folder)[0].items():
            self.adopted[signal] += of.total()
        for stream in folder.streams.values():
            cursor = stream.slowest(self._destinations(stream.signal))
            self.adopted[stream.signal] += stream.waiting(cursor)
        self._adopted.append(folder)
        if self._is_drained(folder) and not foreign:
            self._adopted.remove(folder)
            self._give_back(folder)
        return True

    def _is_drained(self, folder: Folder) -> bool:
        with folder.lock:
            return not any(stream.segments for stream in folder.streams.values())

    def _give_back(self, folder: Folder, *, own: bool = False) -> None:
        self._keep_counts(folder, own=own)
        drained = self._is_drained(folder)
        if drained:
            add_to_totals(self._files, self._service_path, folder)
        folder.close(remove=drained)

    def _keep_counts(self, folder: Folder, *, own: bool) -> None:
        lost, torn = self.lost_in(folder)
        self._before.pop(id(folder), None)
        for signal, of in lost.items():
            self.lost.setdefault(signal, Counter()).update(of)
        self.torn += torn
        if own:
            for stream in folder.streams.values():
                self.written[stream.signal] += stream.end


def _start(name: str) -> float:
    """Return what folders are sorted by: when their processes began."""
    start = name.partition("-")[2]
    return int(start) if start.isdigit() else math.inf
