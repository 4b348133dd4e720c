"""What the store has been handed, what it said, and what it is handed next.

No threads and no files in here: `StoreFollower` holds a lock around every call.
"""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, Final, NamedTuple

from otbridge.hub.receive_log.pace import Pace
from otbridge.hub.receive_log.settled import Settled
from otbridge.hub.store import StoreFull

if TYPE_CHECKING:
    from otbridge.hub.receive_log.entries import Kept
    from otbridge.typing import Signal

__all__ = ["Handover", "InHand"]

_RECORD_BYTES: Final = 600
"""What a decoded record takes beside its bytes, measured."""

_TRIES: Final = 3
"""Times that a batch is refused by itself before it is put aside."""


class InHand(NamedTuple):
    """A batch that the store has not answered for."""

    position: int
    end: int
    received_ns: int
    signal: Signal
    records: int
    """How many the ledger counts."""
    weight: int


class _Refusals(NamedTuple):
    """What the store has said to one batch."""

    times: int
    stored_before: int
    """Batches that were stored when it was refused first."""


class Handover:
    """Where the store is in the log.

    Args:
        position: Where it goes on.
        max_bytes: Decoded batches that it may have in hand at a time.
        keeps_up: Whether there is nothing behind *position* yet.
    """

    def __init__(self, position: int, max_bytes: int, *, keeps_up: bool) -> None:
        self.settled = Settled(position)
        self.next = position
        """Position of the entry that is handed over next."""
        self.keeps_up = keeps_up
        """Whether it is handed what was decoded when it came; else that is read from the log."""
        self.pace = Pace()
        self._max_bytes = max_bytes
        self._in_hand: dict[int, InHand] = {}
        self._weight = 0
        self._refused: dict[int, _Refusals] = {}
        self._stored = 0

    @property
    def oldest(self) -> InHand | None:
        """The batch that the store has had in hand for longest."""
        return next(iter(self._in_hand.values()), None)

    @property
    def at_a_time(self) -> float:
        """How many batches it may have in hand, to be handed another one."""
        if self.pace.is_slow:
            return 1
        return inf if self._weight < self._max_bytes else 1

    @property
    def has_room(self) -> bool:
        """Whether it may be handed another one."""
        return len(self._in_hand) < self.at_a_time

    def fits(self, kept: Kept) -> bool:
        """Whether it may be handed *kept* as it came, in its turn."""
        if not self.keeps_up or self.pace.is_slow or kept.position != self.next:
            return False
        return not self._in_hand or self._weight + _weight_of(kept) <= self._max_bytes

    def take(self, kept: Kept, records: int) -> InHand:
        """Put *kept* into its hand."""
        mine = InHand(
            kept.position,
            kept.end,
            kept.entry.received_ns,
            kept.entry.signal,
            records,
            _weight_of(kept),
        )
        self.next = mine.end
        self._in_hand[mine.position] = mine
        self._weight += mine.weight
        return mine

    def is_done_with(self, position: int) -> bool:
        """Whether what begins there is settled, or in its hand."""
        return position in self.settled or position in self._in_hand

    def pass_to(self, position: int) -> None:
        """Settle what is damaged up to *position*."""
        if position > self.next:
            self.settled.add(self.next, position)
            self.next = position

    def stored(self, mine: InHand) -> None:
        """Settle what the store has."""
        self._let_go(mine)
        self._stored += 1
        self.pace.taken()
        self._refused.pop(mine.position, None)
        self.settled.add(mine.position, mine.end)
        if self.is_hopeless(self.settled.position):
            self.next = self.settled.position

    def refused(self, mine: InHand, error: BaseException) -> None:
        """Come back to it later, with everything behind it read from the log.

        A batch that was refused several times is passed over for once: where the next one is
        stored, it is the batch, and where that is refused as well, it is the store.
        """
        self._let_go(mine)
        self.keeps_up = False
        self.pace.refused()
        first = self.settled.position
        if not isinstance(error, StoreFull):
            before = self._refused.get(mine.position, _Refusals(0, self._stored))
            self._refused[mine.position] = before._replace(times=before.times + 1)
            if mine.position == first and before.times + 1 >= _TRIES:
                return
        self.next = min(self.next, first)

    def reached(self, end: int) -> None:
        """Take note that there is nothing behind `next`, where that is *end*."""
        if self._refused:
            self.next = self.settled.position  # now the one that was passed over
        else:
            self.keeps_up = self.next >= end

    def is_hopeless(self, position: int) -> bool:
        """Whether the store refuses this one by itself, and takes others."""
        refused = self._refused.get(position)
        return (
            refused is not None and refused.times >= _TRIES and self._stored > refused.stored_before
        )

    def put_aside(self, kept: Kept) -> None:
        """Settle what will not be stored."""
        self._refused.pop(kept.position, None)
        self.settled.add(kept.position, kept.end)
        if self.next == kept.position:
            self.next = kept.end

    def _let_go(self, mine: InHand) -> None:
        del self._in_hand[mine.position]
        self._weight -= mine.weight


def _weight_of(kept: Kept) -> int:
    return len(kept.entry.request) + _RECORD_BYTES * kept.entry.records
