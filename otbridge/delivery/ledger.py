"""Where every record is, in numbers that always add up.

    accepted = delivered + rejected{reason} + dropped{reason} + spooled + in_memory

A record is in exactly one of the places on the right. What goes from one to another does so under
one lock, so a snapshot never catches a record on its way.
"""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["Ledger", "LedgerSnapshot"]


@dataclass(frozen=True, slots=True)
class LedgerSnapshot:
    """The ledger at one moment. All numbers count records."""

    accepted: int = 0
    """Handed to us, whatever became of them; those that were refused at once included."""
    delivered: int = 0
    """Acknowledged by a receiver."""
    rejected: Mapping[str, int] = field(default_factory=dict)
    """Refused by a receiver for good, by reason: `partial_success`, `400`, `INVALID_ARGUMENT`..."""
    dropped: Mapping[str, int] = field(default_factory=dict)
    """Given up by us, by reason: `queue_full`, `too_large`, `shutdown`, `no_destination`,
    `internal_error`, or the last failure of a batch that was tried too long, e.g. `503`."""
    spooled: int = 0
    """Safe on disk, to be sent later."""
    in_memory: int = 0
    """Waiting, or being sent at this moment."""

    @property
    def lost(self) -> int:
        """Records that no receiver will ever have: rejected and dropped ones."""
        return sum(self.rejected.values()) + sum(self.dropped.values())

    def as_dict(self) -> dict[str, Any]:
        """Return plain dicts and numbers, e.g. for JSON."""
        return {
            "accepted": self.accepted,
            "delivered": self.delivered,
            "rejected": dict(self.rejected),
            "dropped": dict(self.dropped),
            "spooled": self.spooled,
            "in_memory": self.in_memory,
        }


class Ledger:
    """The running counts of one pipeline.

    Args:
        waiting: Tells how many records wait in the queue at this moment.
    """

    def __init__(self, waiting: Callable[[], int] = lambda: 0) -> None:
        self.lock = threading.RLock()  # reentrant: a signal handler may log in the middle of this
        self._waiting = waiting
        self._clear()

    def _clear(self) -> None:
        self._delivered = 0
        self._rejected: Counter[str] = Counter()
        self._dropped: Counter[str] = Counter()
        self._in_flight = 0
        self._abandoned = 0

    @property
    def accepted(self) -> int:
        """Records handed to us, whatever became of them."""
        return self.snapshot().accepted

    @property
    def delivered(self) -> int:
        """Records acknowledged by a receiver."""
        return self._delivered

    @property
    def rejected(self) -> dict[str, int]:
        """Records refused by a receiver, by reason."""
        return dict(self._rejected)

    @property
    def dropped(self) -> dict[str, int]:
        """Records given up by us, by reason."""
        return dict(self._dropped)

    @property
    def spooled(self) -> int:
        """Records on disk; none before there is a spool."""
        return 0

    @property
    def in_memory(self) -> int:
        """Records waiting or being sent."""
        return self._waiting() + self._in_flight

    def snapshot(self) -> LedgerSnapshot:
        """Return all counts of one moment."""
        with self.lock:
            in_memory = self.in_memory
            lost = self._rejected.total() + self._dropped.total()
            return LedgerSnapshot(
                accepted=self._delivered + lost + in_memory,
                delivered=self._delivered,
                rejected=dict(self._rejected),
                dropped=dict(self._dropped),
                in_memory=in_memory,
            )

    def turn_away(self, reason: str, records: int) -> None:
        """Count records that never got into the queue, or were let go from it."""
        if records:
            with self.lock:
                self._dropped[reason] += records

    def take_off(self, records: int) -> None:
        """Count records taken from the queue to be sent; negative when put back."""
        with self.lock:
            self._in_flight += records

    def deliver(self, records: int) -> None:
        """Count records in flight that a receiver acknowledged."""
        with self.lock:
            self._delivered += self._land(records)

    def reject(self, reason: str, records: int) -> None:
        """Count records in flight that a receiver refused."""
        with self.lock:
            landed = self._land(records)
            if landed:
                self._rejected[reason] += landed

    def drop(self, reason: str, records: int) -> None:
        """Count records in flight that we give up."""
        with self.lock:
            self.turn_away(reason, self._land(records))

    def abandon(self, reason: str) -> int:
        """Give up what is in flight without waiting for its end; return how many records.

        Their sender may still be at work; what it tells of them later is not counted again.
        """
        with self.lock:
            records, self._in_flight = self._in_flight, 0
            self.turn_away(reason, records)
            self._abandoned += records
            return records

    def forget(self) -> None:
        """Begin anew in a forked child, where the inherited counts are the parent's."""
        self.lock = threading.RLock()  # the parent may have held it
        self._clear()

    def _land(self, records: int) -> int:
        """Take records out of flight; return how many of them were not given up before."""
        with self.lock:
            known = min(records, self._abandoned)
            self._abandoned -= known
            self._in_flight -= records - known
            return records - known
