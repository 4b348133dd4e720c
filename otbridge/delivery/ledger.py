"""Where every record is, in numbers that always add up.

    accepted = delivered + rejected{reason} + dropped{reason} + spooled + in_memory

A record is in exactly one of the places on the right. What goes from one to another does so under
one lock, so a snapshot never catches a record on its way.

Records that a process before this one had left on disk are accepted when they are found: here too
every record that comes in goes out somewhere.
"""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from otbridge.delivery.data_points import DataPoints

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["DiskAccount", "Ledger", "LedgerSnapshot"]


class DiskAccount(NamedTuple):
    """What a spool says about one signal. All numbers count records."""

    waiting: int = 0
    """On disk, to be sent."""
    lost: Mapping[str, int] = {}
    """Given up there, by reason."""
    adopted: int = 0
    """Found there: left by processes that had ended."""


@dataclass(frozen=True, slots=True)
class LedgerSnapshot:
    """The ledger at one moment. All numbers count records."""

    accepted: int = 0
    """Handed to us, whatever became of them; those that were refused at once included."""
    delivered: int = 0
    """Acknowledged by a receiver, or written by a fallback."""
    rejected: Mapping[str, int] = field(default_factory=dict)
    """Refused by a receiver for good, by reason: `partial_success`, `400`, `INVALID_ARGUMENT`..."""
    dropped: Mapping[str, int] = field(default_factory=dict)
    """Given up by us, by reason: `queue_full` (`queue_full_error` for records of ERROR and above),
    `sampled`, `too_large`, `malformed` (somebody else's request), `shutdown`, `no_destination`,
    `internal_error`, the spool's `spool_full`, `expired` and `corrupt`, or the last failure of a
    batch that was tried too long, e.g. `503`."""
    spooled: int = 0
    """Safe on disk, to be sent later."""
    in_memory: int = 0
    """Waiting, or being sent at this moment."""
    in_flight: int = 0
    """Of those in memory: being sent at this moment."""
    diverted: int = 0
    """Of those delivered: taken by a fallback instead of the destination."""
    adopted: int = 0
    """Of those accepted: left on disk by a process that had ended."""

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
            "in_flight": self.in_flight,
            "diverted": self.diverted,
            "adopted": self.adopted,
        }


class Ledger:
    """The running counts of one pipeline.

    Args:
        waiting: Tells how many records wait in the queue at this moment.
        disk: Tells what the spool has; it keeps its own accounts, across processes.
    """

    def __init__(
        self,
        waiting: Callable[[], int] = lambda: 0,
        disk: Callable[[], DiskAccount] = DiskAccount,
    ) -> None:
        self.lock = threading.RLock()  # reentrant: a signal handler may log in the middle of this
        """Held while records move from one place to another. Taken before the spool's locks."""
        self._waiting = waiting
        self._disk = disk
        self._clear()

    def _clear(self) -> None:
        self.points = DataPoints()
        """Of metrics: how many data points went which way."""
        self._delivered = 0
        self._rejected: Counter[str] = Counter()
        self._dropped: Counter[str] = Counter()
        self._in_flight = 0
        self._abandoned = 0
        self._diverted = 0

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
        return dict(self.snapshot().dropped)

    @property
    def spooled(self) -> int:
        """Records on disk."""
        return self._disk().waiting

    @property
    def in_memory(self) -> int:
        """Records waiting or being sent."""
        return self._waiting() + self._in_flight

    def snapshot(self) -> LedgerSnapshot:
        """Return all counts of one moment."""
        with self.lock:
            in_memory = self.in_memory
            disk = self._disk()
            dropped = self._dropped + Counter(disk.lost)
            lost = self._rejected.total() + dropped.total()
            return LedgerSnapshot(
                accepted=self._delivered + lost + disk.waiting + in_memory,
                delivered=self._delivered,
                rejected=dict(self._rejected),
                dropped=dict(dropped),
                spooled=disk.waiting,
                in_memory=in_memory,
                in_flight=self._in_flight,
                diverted=self._diverted,
                adopted=disk.adopted,
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

    def deliver(self, records: int, *, on_disk: bool = False, diverted: bool = False) -> None:
        """Count records that a receiver acknowledged, or a fallback took.

        Here and below, records are in flight, or come from the disk, which lets go of them in the
        same moment: its caller holds the lock around both.
        """
        with self.lock:
            landed = records if on_disk else self._land(records)
            self._delivered += landed
            if diverted:
                self._diverted += landed

    def reject(self, reason: str, records: int, *, on_disk: bool = False) -> None:
        """Count records that a receiver refused."""
        with self.lock:
            landed = records if on_disk else self._land(records)
            if landed:
                self._rejected[reason] += landed

    def drop(self, reason: str, records: int, *, on_disk: bool = False) -> int:
        """Count records that we give up; return how many of them are not counted elsewhere."""
        with self.lock:
            lost = records if on_disk else self._land(records)
            self.turn_away(reason, lost)
            return lost

    def to_disk(self, records: int) -> None:
        """Count records in flight that the disk has from this moment on; see `deliver`."""
        with self.lock:
            self._land(records)

    def abandon(self, reason: str) -> int:
        """Give up what is in flight without waiting for its end; return how many records.

        Their sender may still be at work; what it tells of them later is not counted again.
        """
        with self.lock:
            records = self._in_flight
            self.leave_behind(records)
            self.turn_away(reason, records)
            return records

    def leave_behind(self, records: int) -> None:
        """Count records in flight elsewhere without waiting for their end, as `abandon` does."""
        with self.lock:
            self._in_flight -= records
            self._abandoned += records

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
