"""The spool's accounts, of one moment."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from otbridge.delivery.spool.holdings import Holdings
    from otbridge.typing import Signal

__all__ = ["SpoolStats", "stats_of"]


@dataclass(frozen=True, slots=True)
class SpoolStats:
    """What this process has put into the spool and found in it. Numbers count records.

    For each signal: written + adopted = delivered + waiting + lost of all reasons.
    """

    written: Mapping[Signal, int] = field(default_factory=dict)
    """Appended by this process."""
    adopted: Mapping[Signal, int] = field(default_factory=dict)
    """Found in the folders of processes that had ended."""
    waiting: Mapping[Signal, int] = field(default_factory=dict)
    """On disk, not yet acknowledged by every destination."""
    lost: Mapping[Signal, Mapping[str, int]] = field(default_factory=dict)
    """Given up, by reason: `spool_full`, `expired`, `corrupt` (damaged on disk), `missing`
    (somebody removed the folder)."""
    torn: int = 0
    """Writes found cut off. Nobody was told that their records were safe, so these are in none of
    the other numbers."""
    bytes: int = 0
    """Size of the segments whose records wait."""
    segments: int = 0
    folders: int = 0
    """Folders held: this process's own and adopted ones."""
    foreign: int = 0
    """Segments written by another version of otbridge, left as they are."""
    available: bool = True
    """Whether the disk takes records at the moment."""
    durability: str = "process"
    """The level in force: `process` where `power` was asked for and the disk cannot sync."""

    def delivered(self, signal: Signal) -> int:
        """Return how many records every destination has acknowledged."""
        found = self.written.get(signal, 0) + self.adopted.get(signal, 0)
        lost = sum(self.lost.get(signal, {}).values())
        return found - self.waiting.get(signal, 0) - lost


def stats_of(
    holdings: Holdings,
    destinations: Callable[[Signal], list[str]],
    *,
    available: bool,
    durability: str,
) -> SpoolStats:
    """Return the accounts of *holdings*, as far as the slowest of *destinations* is."""
    written = Counter(holdings.written)
    waiting = Counter(holdings.left)
    lost = {signal: Counter(of) for signal, of in holdings.lost.items()}
    torn, size, segments = holdings.torn, 0, 0
    folders = holdings.all
    for folder in folders:
        with folder.lock:
            for stream in folder.streams.values():
                cursor = stream.slowest(destinations(stream.signal))
                waiting[stream.signal] += stream.waiting(cursor)
                written[stream.signal] += stream.end if folder is holdings.own else 0
                size += stream.size
                segments += len(stream.segments)
            lost_here, torn_here = holdings.lost_in(folder)
        torn += torn_here
        for signal, of in lost_here.items():
            lost.setdefault(signal, Counter()).update(of)
    return SpoolStats(
        written=dict(written),
        adopted=dict(holdings.adopted),
        waiting=dict(waiting),
        lost={signal: dict(of) for signal, of in lost.items() if of},
        torn=torn,
        bytes=size,
        segments=segments,
        folders=len(folders),
        foreign=len(holdings.foreign),
        available=available,
        durability=durability,
    )
