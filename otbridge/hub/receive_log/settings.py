"""Limits of the receive log."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

__all__ = ["DEFAULT_LOG_BYTES", "ReceiveLogSettings", "reserve_of"]

DEFAULT_LOG_BYTES: Final = 1 << 30
"""Some three million spans that wait for the store: two minutes at full speed of a store that does
not write at all, hours of a developer's machine."""


@dataclass(frozen=True, slots=True)
class ReceiveLogSettings:
    """How much the log may hold."""

    max_bytes: int = DEFAULT_LOG_BYTES
    """What waits for the store or a destination's queue; beyond, senders are told to come back.
    At least four segments, so that there is always one to write to."""
    segment_bytes: int = 16 << 20
    """A segment that has reached this size is followed by another. What was stored leaves the
    disk by the segment."""
    reserve_bytes: int = 0
    """Bytes of the disk that are left free; see `reserve_of`."""


def reserve_of(disk_bytes: int) -> int:
    """Return how much the log leaves free on a disk of that size: 64 MiB, or a fortieth if less.

    That is half of what the store leaves, so that the store deletes its oldest days before the log
    has to refuse anything.
    """
    return min(64 << 20, disk_bytes // 40)
