"""The spool as the rest of otbridge sees it."""

from __future__ import annotations

import math
import os
import threading
import weakref
from typing import TYPE_CHECKING, Final

from otbridge._clock import SystemClock
from otbridge.delivery.spool.files import SystemFiles
from otbridge.delivery.spool.holdings import Holdings
from otbridge.delivery.spool.intake import Intake, NotNowError
from otbridge.delivery.spool.keeper import Keeper
from otbridge.delivery.spool.limits import Limits
from otbridge.delivery.spool.names import SegmentName, service_folder
from otbridge.delivery.spool.reader import SpoolReader
from otbridge.delivery.spool.roots import check_root
from otbridge.delivery.spool.settings import SpoolSettings
from otbridge.delivery.spool.stats import SpoolStats, stats_of
from otbridge.delivery.spool.stream import Segment
from otbridge.delivery.spool.trouble import Trouble

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from otbridge._clock import Clock
    from otbridge.delivery.batch import Entry
    from otbridge.delivery.spool.files import Files
    from otbridge.delivery.spool.folder import Folder
    from otbridge.delivery.spool.reader import Source
    from otbridge.typing import Signal
    from otbridge.wire.otlp_request import Envelope

__all__ = ["Spool"]


class Spool:
    """Takes records to the disk, and gives them to whoever can deliver them.

    Appending is for any number of threads, and never raises. Nothing is opened or made before
    the first record. In a forked child the spool is empty, and writes to a folder of the child's.

    Args:
        root: Folder for the spools of all services; see `names.default_root`. It is made, with
            0700, when it is not there.
        service: Name of the service; its processes take over each other's folders.
        settings: Limits and level.
        clock: Where time comes from.
        report: Gets a sentence when the disk refuses, at most one a minute.
        files: The file system.
        folder: Name of the service's folder, where that is known and the service is not.
        background: Whether a thread syncs, ends old segments and looks for folders to take over;
            without it, `tend` has to be called.
        random: Makes salts.

    Raises:
        ConfigurationError: *root* belongs to somebody else, or others may write to it.
    """

    def __init__(
        self,
        root: str,
        service: str,
        *,
        report: Callable[[str], None],
        settings: SpoolSettings | None = None,
        clock: Clock | None = None,
        files: Files | None = None,
        folder: str = "",
        background: bool = True,
        random: Callable[[int], bytes] = os.urandom,
    ) -> None:
        self.root = os.path.realpath(root)
        self.settings = settings or SpoolSettings()
        self._files = files or SystemFiles()
        self._clock = clock or SystemClock()
        self._random = random
        self._background = background
        check_root(self._files, self.root)
        path = f"{self.root}/{folder or service_folder(service)}"
        self._trouble = Trouble(self._clock, report, self.settings.retry_s)
        self._holdings = Holdings(self._files, self.root, path, self._clock, self._destinations)
        self._limits = Limits(
            self._files,
            self.root,
            path,
            self.settings,
            self._clock,
            folders=lambda: self._holdings.all,
            destinations=self._destinations,
            on_loss=self._lost,
        )
        self._readers: list[SpoolReader] = []
        self._keeper = Keeper(self.tend, self._clock)
        self._intake = Intake(
            self._files,
            self.settings,
            self._clock,
            trouble=self._trouble,
            limits=self._limits,
            begin=self._begin_segment,
            on_begun=self._after_begin,
        )
        self._reset()
        _alive.add(self)

    def _reset(self) -> None:
        self._closed = False
        self._next_adoption = -math.inf
        self._tending = threading.RLock()

    # ------------------------------------------------------------------ writing

    def append(self, signal: Signal, envelope: Envelope, record: bytes, severity: int = 0) -> bool:
        """Write one record.

        Args:
            signal: What it is.
            envelope: What it is to be wrapped in.
            record: One framed record, as the encoders in `otbridge.wire` make it.
            severity: Its severity number; ERROR (17) and above leave last.

        Returns:
            Whether it is as durable as the settings ask. If not, the caller has it still: the
            disk refuses, it is larger than 16 MiB, or a signal handler came in the middle of
            another `append`.
        """
        return self._intake.append(signal, envelope, record, severity)

    def append_batch(
        self, signal: Signal, entries: Sequence[Entry], severity: int = 0
    ) -> Sequence[Entry]:
        """Write records, thousands in one call; return those that the caller still has.

        Args:
            signal: What they are.
            entries: (envelope, framed record) pairs.
            severity: The severity number of the most severe one.
        """
        return self._intake.append_batch(signal, entries, severity)

    def append_request(
        self,
        signal: Signal,
        request: bytes,
        encoding: str,
        records: int,
        severity: int = 0,
        *,
        resent: bool = False,
    ) -> bool:
        """Write a whole request that could not be sent.

        Args:
            signal: What it carries.
            request: An Export*ServiceRequest, compressed or not.
            encoding: `gzip`, `zstd` or `none`.
            records: How many records are in it.
            severity: The severity number of the most severe one.
            resent: Whether some of them may have been sent before.

        Returns:
            As for `append`.
        """
        return self._intake.append_request(
            signal, request, encoding, records, severity, resent=resent
        )

    def sync(self) -> bool:
        """Return when everything that was written will survive a loss of power; False if not."""
        return self._intake.sync()

    # ------------------------------------------------------------------ reading

    def reader(self, destination: str, signal: Signal) -> SpoolReader:
        """Return what reads *signal* for *destination*; all readers before the first `adopt`.

        Records leave the disk when every destination that has a reader has acknowledged them.

        Args:
            destination: A name that is the same in the next process, e.g. the sink's. It is kept
                as a hash.
            signal: What to read.
        """
        made = SpoolReader(
            destination,
            signal,
            files=self._files,
            trouble=self._trouble,
            sources=self._sources,
            destinations=self._destinations,
            on_drained=self._holdings.drop_if_drained,
        )
        self._readers.append(made)
        return made

    def adopt_orphans(self) -> int:
        """Take over what processes of this service left behind; return how many folders.

        Done by the background thread once a minute. Two processes never take the same folder.
        """
        taken = self._adopt()
        if self._background:
            self._keeper.rouse()  # it comes again and again from now on
        return taken

    # ------------------------------------------------------------------ accounts and upkeep

    def stats(self) -> SpoolStats:
        """Return the accounts of this moment."""
        return stats_of(
            self._holdings,
            self._destinations,
            available=self._trouble.is_over and not self._closed,
            durability=self._intake.durability,
        )

    def tend(self) -> float:
        """Do what need not be done inside a log call; return after how many seconds to come again.

        Syncs, ends old segments, gives up what is too old or too much, takes over folders.
        """
        try:
            with self._tending:
                return self._tend()
        except Exception as error:  # noqa: BLE001 - the thread has to go on
            self._failed(error)
            return self.settings.retry_s

    def close(self) -> None:
        """Sync, and give the folders back; what waits in them is for the next process.

        Nothing is taken any more. May be called twice.
        """
        if self._closed:
            return
        self._closed = True
        self._keeper.stop(self.settings.sync_s)
        with self._tending:
            self._intake.seal()
            self.sync()
            self._release_all()
            self._holdings.close()
            for reader in self._readers:
                reader.forget()

    # ------------------------------------------------------------------ inside

    def _begin_segment(self, signal: Signal, kind: str) -> tuple[Folder, Segment, int]:
        if self._closed or not self._trouble.is_over:
            raise NotNowError
        folder = self._holdings.require_own()
        stream = folder.stream(f"{signal}.{kind}")
        folder.drop_empty_last(stream)
        with folder.lock:
            end = stream.end
        salt = int.from_bytes(self._random(4), "little")
        name = SegmentName(signal, kind, end, salt)
        fd = self._files.create(folder.path_of(name))
        segment = Segment(name, size=0, end=end, born=self._clock.monotonic(), open=True)
        with folder.lock:
            stream.begin(segment)
        return folder, segment, fd

    def _after_begin(self) -> None:
        """Have the limits kept, now that there is another segment; by the thread if it can."""
        if not self._background or not self._keeper.rouse():
            self._limits.keep()

    def _failed(self, error: Exception) -> None:
        self._trouble.say(f"otbridge: the spool failed: {type(error).__name__}: {error}.")

    def _tend(self) -> float:
        settings = self.settings
        now = self._clock.monotonic()
        if self._closed:
            return settings.adopt_s
        own = self._holdings.own
        if own is not None and not own.is_there:
            self._renew_own()
        self.sync()
        self._intake.seal(born_before=now - settings.segment_age_s)
        self._release_all()
        self._limits.keep()
        self._limits.expire()
        if now >= self._next_adoption:
            self._next_adoption = now + settings.adopt_s
            self._adopt()
        return settings.sync_s if self._intake.is_writing else settings.adopt_s

    def _adopt(self) -> int:
        try:
            taken = self._holdings.adopt()
        except Exception as error:  # noqa: BLE001 - a fault of ours is not the caller's
            self._failed(error)
            return 0
        if self._holdings.foreign:
            self._trouble.say(
                f"otbridge leaves {len(self._holdings.foreign)} segments in {self.root} as they "
                "are: another version wrote them. That version can deliver them "
                "(otbridge spool replay)."
            )
        return taken

    def _renew_own(self) -> None:
        self._intake.seal()
        records = self._holdings.lose_own()
        self._trouble.worked()  # what was refused was refused because of that
        if records:
            self._trouble.say(
                f"otbridge has lost {records:,} records: somebody has removed their spool folder."
            )

    def _release_all(self) -> None:
        """Unlink closed segments that every destination has."""
        for folder in self._holdings.all:
            for stream in list(folder.streams.values()):
                if destinations := self._destinations(stream.signal):
                    folder.release(stream, destinations)

    def _sources(self, signal: Signal) -> list[Source]:
        return [
            (folder, stream)
            for folder in self._holdings.all
            for stream in list(folder.streams.values())
            if stream.signal == signal
        ]

    def _destinations(self, signal: Signal) -> list[str]:
        return [reader.key for reader in self._readers if reader.signal == signal]

    def _lost(self, signal: Signal, reason: str, records: int) -> None:
        why = "are too old" if reason == "expired" else "are more than the spool may hold"
        self._trouble.say(f"otbridge gave up {records:,} {signal} on disk, because they {why}.")

    def _after_fork(self) -> None:
        """Leave what the parent has to the parent."""
        self._intake.close_inherited()
        self._intake.forget()
        self._holdings.abandon()
        self._trouble.renew_lock()
        self._keeper.forget()
        for reader in self._readers:
            reader.forget()
            reader.acknowledged = 0
        closed = self._closed
        self._reset()
        self._closed = closed


_alive: Final[weakref.WeakSet[Spool]] = weakref.WeakSet()


def _renew_all() -> None:
    for spool in list(_alive):
        spool._after_fork()  # noqa: SLF001 - this module's own class


if hasattr(os, "register_at_fork"):  # not on Windows, which has no fork either
    os.register_at_fork(after_in_child=_renew_all)
