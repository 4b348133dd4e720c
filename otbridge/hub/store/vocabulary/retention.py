"""How much a store keeps, and what it has deleted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

__all__ = ["Expired", "Retention"]


@dataclass(frozen=True, slots=True)
class Retention:
    """How much a store keeps at most; what is oldest goes first.

    A cap and no guarantee: where the disk is nearly full, less is kept.
    """

    days: int = 7
    """Whole days (UTC) before today; every record stays for at least so many times 24 hours."""
    bytes: int = 5_000_000_000
    """5 GB: some 15 million spans, or a tenth of a laptop's free disk."""


class Expired(NamedTuple):
    """What a store has deleted because it was too old or too much."""

    days: tuple[str, ...] = ()
    """The days (UTC) of which it deleted something, oldest first."""
    bytes: int = 0
