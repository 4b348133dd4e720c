"""What can be set about the spool, with the reasons for the defaults."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from otbridge.errors import ConfigurationError

__all__ = ["Durability", "SpoolSettings"]

Durability = Literal["memory", "process", "power"]
"""What a record has survived when `append` returns: nothing yet (the spool only takes what could
not be sent), the end of the process, or the loss of power."""


@dataclass(frozen=True, slots=True)
class SpoolSettings:
    """Limits and rhythms of a spool."""

    durability: Durability = "process"
    """`power` waits for the disk, 0.1 to 10 ms; threads that wait together share one sync."""
    max_bytes: int = 512 << 20
    """Of all processes under one root, by what each of them sees when it begins a segment: a day
    of 22 plain records a second, or five hours of 100. Each process may keep two segments in any
    case."""
    max_free_share: float = 0.5
    """Share of the free space (our own bytes counted as free) that may be used, if that is less."""
    max_age_s: float = 86_400.0
    """Seconds after which a record is of no more use to anybody; 24 h, as in Sentry's Relay. By
    the monotonic clock for what this process wrote; what it found is kept for at least five
    minutes, so that a wrong wall clock takes nothing that could still be sent."""
    segment_bytes: int = 4 << 20
    """A segment ends at 4 MiB: what an eviction costs at once, and a thousandth of the files that
    a spool of single requests would have."""
    segment_age_s: float = 30.0
    """...or when it is this old, so that what has been delivered leaves the disk."""
    sync_s: float = 1.0
    """Seconds between two syncs at `process`: what a loss of power can take."""
    retry_s: float = 30.0
    """Seconds from a refusal of the disk to the next try."""
    adopt_s: float = 60.0
    """Seconds between two looks for folders of processes that ended."""
    errors_last: bool = True
    """Whether records of ERROR and above get segments of their own, evicted after all others."""

    def __post_init__(self) -> None:
        for name in ("max_bytes", "max_age_s", "segment_bytes", "segment_age_s", "sync_s"):
            if not getattr(self, name) > 0:
                raise _wrong(name, getattr(self, name), "It has to be more than 0.")
        if self.durability not in ("memory", "process", "power"):
            raise _wrong("durability", self.durability, "It is 'memory', 'process' or 'power'.")
        if not 0 < self.max_free_share <= 1:
            raise _wrong("max_free_share", self.max_free_share, "It is a share from 0 to 1.")


def _wrong(name: str, value: object, why: str) -> ConfigurationError:
    return ConfigurationError(
        f"SpoolSettings.{name} is {value!r}.", why, "Leave it out to use the default."
    )
