"""How much the spool may hold, and what goes when that is exceeded.

Whole segments go, oldest first, those without a record of ERROR or above before those with one.
Only this process's own and those that it has taken over: what another living process wrote is
that one's business, and it does the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from otbridge.delivery.spool.names import QUARANTINE

if TYPE_CHECKING:
    from collections.abc import Callable

    from otbridge._clock import Clock
    from otbridge.delivery.spool.files import Files
    from otbridge.delivery.spool.folder import Folder
    from otbridge.delivery.spool.settings import SpoolSettings
    from otbridge.delivery.spool.stream import Segment, Stream
    from otbridge.typing import Signal

    Victim = tuple[Folder, Stream, Segment]

__all__ = ["Limits"]

_QUARANTINE_SHARE: Final = 10
"""Unreadable segments may take one part in ten of the limit."""


class Limits:
    """Watches size and age.

    Args:
        files: The file system.
        root: The spool's root; all services under it count.
        service_path: This service's folder, which has the quarantine.
        settings: The limits.
        clock: Tells how old things are.
        folders: Gives the folders whose locks this process has.
        destinations: Gives the keys of a signal's destinations.
        on_loss: Told of records that were given up: signal, reason, number.
    """

    def __init__(
        self,
        files: Files,
        root: str,
        service_path: str,
        settings: SpoolSettings,
        clock: Clock,
        *,
        folders: Callable[[], list[Folder]],
        destinations: Callable[[Signal], list[str]],
        on_loss: Callable[[Signal, str, int], None],
    ) -> None:
        self._files = files
        self._root = root
        self._service_path = service_path
        self._settings = settings
        self._clock = clock
        self._folders = folders
        self._destinations = destinations
        self._on_loss = on_loss

    def keep(self) -> None:
        """Give up segments until the size is within its limits."""
        used, limit = self._usage(self._root), self._settings.max_bytes
        try:
            free = self._files.free_bytes(self._root)
        except OSError:
            return  # nothing is known about this disk, and so nothing is deleted
        limit = min(limit, int((free + used) * self._settings.max_free_share))
        if used > limit:
            used -= self._trim_quarantine()
        while used > limit and self._held() > 2 * self._settings.segment_bytes:
            freed = self._evict_oldest()
            if freed is None:
                return
            used -= freed

    def make_way(self) -> bool:
        """Give up one segment because the disk is full; False if there is none."""
        return self._evict_oldest() is not None

    def expire(self) -> None:
        """Give up segments whose records are too old for anybody."""
        now = self._clock.monotonic()
        for folder, stream, segment in self._closed_firsts():
            oldest: Segment | None = segment
            while (
                oldest is not None
                and not oldest.open
                and now >= max(oldest.born + self._settings.max_age_s, oldest.keep_until)
            ):
                self._give_up(folder, stream, oldest, "expired")
                with folder.lock:
                    oldest = stream.segments[0] if stream.segments else None

    def _held(self) -> int:
        held = 0
        for folder in self._folders():
            with folder.lock:
                held += sum(stream.size for stream in folder.streams.values())
        return held

    def _evict_oldest(self) -> int | None:
        """Give up the oldest closed segment; return its size, None if there is none."""
        victims = self._closed_firsts()
        if not victims:
            return None
        folder, stream, segment = min(
            victims, key=lambda victim: (victim[1].is_error, victim[2].born)
        )
        self._give_up(folder, stream, segment, "spool_full")
        return segment.size

    def _closed_firsts(self) -> list[Victim]:
        firsts: list[Victim] = []
        for folder in self._folders():
            with folder.lock:
                firsts += [
                    (folder, stream, stream.segments[0])
                    for stream in folder.streams.values()
                    if stream.segments and not stream.segments[0].open
                ]
        return firsts

    def _give_up(self, folder: Folder, stream: Stream, segment: Segment, reason: str) -> None:
        with folder.lock:
            if not stream.segments or stream.segments[0] is not segment:
                return  # a reader was faster
            gone, records = stream.give_up_first(self._destinations(stream.signal), reason)
            folder.book.save()
        folder.unlink([gone])
        if records:
            self._on_loss(stream.signal, reason, records)

    def _usage(self, path: str, depth: int = 3) -> int:
        """Return the bytes of all files under *path*; what goes away meanwhile has none."""
        try:
            if depth == 0:
                return self._files.facts(path).size
            names = self._files.names(path)
        except NotADirectoryError:
            return self._usage(path, 0)
        except OSError:
            return 0
        return sum(self._usage(f"{path}/{name}", depth - 1) for name in names)

    def _trim_quarantine(self) -> int:
        """Remove the oldest unreadable segments beyond their share; return their bytes."""
        place = f"{self._service_path}/{QUARANTINE}"
        found: list[tuple[int, str, int]] = []
        try:
            for name in self._files.names(place):
                facts = self._files.facts(f"{place}/{name}")
                found.append((facts.changed_ns, f"{place}/{name}", facts.size))
            excess = sum(size for _, _, size in found)
            excess -= self._settings.max_bytes // _QUARANTINE_SHARE
            freed = 0
            for _, path, size in sorted(found):
                if freed >= excess:
                    break
                self._files.unlink(path)
                freed += size
        except OSError:
            return 0  # there is none, or it cannot be changed
        return freed
