"""What a full queue does with the next record: five policies, each a few lines.

Asked only when a limit is reached, so none of them costs a record in good times. Under all of
them records of ERROR and above are the last to go: they push out others, never the reverse, and
where even they must go it is counted under a reason of its own.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final, Literal, Protocol

from otbridge.delivery.wake import Wake

if TYPE_CHECKING:
    from collections.abc import Callable

    from otbridge._clock import Clock
    from otbridge.delivery.settings import QueueSettings
    from otbridge.wire.otlp_request import Envelope

    Overflow = Callable[[Envelope, bytes, int], bool]
    """Keeps a record elsewhere, and counts it there; False where that is not possible."""

__all__ = [
    "ERROR",
    "Block",
    "DropNewest",
    "DropOldest",
    "Place",
    "Policy",
    "Sample",
    "Spill",
    "make_policy",
]

ERROR: Final = 17
"""OpenTelemetry's severity number of ERROR."""

Verdict = Literal["in", "elsewhere", "queue_full", "queue_full_error", "sampled"]
"""Come in; it is kept somewhere else; or the reason under which it counts as dropped."""


class Place(Protocol):
    """What a policy sees of the queue."""

    def is_over(self, size: int) -> bool:
        """Return whether *size* more bytes, one more record, would be too much."""
        ...

    def make_place(self, size: int, *, errors_too: bool) -> bool:
        """Let the oldest go until there is room; return whether there is.

        Args:
            size: Bytes that are wanted.
            errors_too: Whether records of ERROR and above may go when there are no others left.
        """
        ...

    @property
    def fullness(self) -> float:
        """How full it is, by the fuller of its two limits; 1 is full."""
        ...


class Policy(Protocol):
    """Decides about one record."""

    asked_from: float
    """Share of the limits from which on it is asked."""

    def admit(self, place: Place, envelope: Envelope, record: bytes, severity: int) -> Verdict:
        """Return what happens to *record*. Called in the thread that logs."""
        ...

    def has_room(self) -> None:
        """Take note that records were taken out."""
        ...

    def renew(self) -> None:
        """Begin anew in a forked child, where other threads' locks are held for ever."""
        ...


class _Plain:
    """A policy without a memory."""

    asked_from: float = 1.0

    def has_room(self) -> None:
        """Take no note."""

    def renew(self) -> None:
        """Have nothing to renew."""


class DropOldest(_Plain):
    """The newest are worth more: the oldest make room for them."""

    def admit(self, place: Place, envelope: Envelope, record: bytes, severity: int) -> Verdict:  # noqa: ARG002 - the protocol's signature
        """Let it in, unless only records of ERROR and above could make room for a lesser one."""
        if place.make_place(len(record), errors_too=severity >= ERROR):
            return "in"
        return _full(severity)


class DropNewest(_Plain):
    """What is there stays there: how it began is worth more than how it went on."""

    def admit(self, place: Place, envelope: Envelope, record: bytes, severity: int) -> Verdict:  # noqa: ARG002 - the protocol's signature
        """Refuse it, unless it is of ERROR or above and lesser ones can make room."""
        if severity >= ERROR and place.make_place(len(record), errors_too=False):
            return "in"
        return _full(severity)


class Spill(_Plain):
    """What does not fit into memory goes to disk; where there is none, the oldest go.

    Args:
        overflow: Puts a record on disk: some 10 µs in the thread that logs, without a sync.
    """

    def __init__(self, overflow: Overflow | None) -> None:
        self._overflow = overflow
        self._otherwise = DropOldest()

    def admit(self, place: Place, envelope: Envelope, record: bytes, severity: int) -> Verdict:
        """Put it on disk; let it in where there is no disk to be had."""
        if self._overflow is not None and self._overflow(envelope, record, severity):
            return "elsewhere"
        return self._otherwise.admit(place, envelope, record, severity)


class Block:
    """Let the caller wait for room, for so many seconds; then refuse the newest.

    Nobody waits who must not: in a thread that runs an event loop it refuses at once, because
    there the wait would stop every task, the one that makes room perhaps among them.

    Args:
        seconds: Longest wait of one call.
        clock: Tells the time.
    """

    asked_from: float = 1.0

    def __init__(self, seconds: float, clock: Clock) -> None:
        self._seconds = seconds
        self._clock = clock
        self._otherwise = DropNewest()
        self.renew()

    def renew(self) -> None:
        """Forget who waited."""
        self._waiters: deque[Wake] = deque()

    def admit(self, place: Place, envelope: Envelope, record: bytes, severity: int) -> Verdict:
        """Wait for room."""
        size = len(record)
        deadline = self._clock.monotonic() + self._seconds
        while place.is_over(size):
            left = deadline - self._clock.monotonic()
            if left <= 0 or _in_event_loop():
                return self._otherwise.admit(place, envelope, record, severity)
            wake = Wake()
            self._waiters.append(wake)
            if place.is_over(size):  # still, now that we would be woken
                self._clock.wait(wake, left)
        return "in"

    def has_room(self) -> None:
        """Wake those who wait."""
        while self._waiters:
            self._waiters.popleft().set()


class Sample(_Plain):
    """The fuller, the fewer: from half full on only every second, fourth, tenth gets in.

    Records of ERROR and above all get in.
    """

    asked_from: float = 0.5
    _STEPS: Final = ((0.9, 10), (0.75, 4), (0.0, 2))

    def __init__(self) -> None:
        self._count = 0
        self._otherwise = DropNewest()

    def admit(self, place: Place, envelope: Envelope, record: bytes, severity: int) -> Verdict:
        """Let in one record in so many."""
        if place.is_over(len(record)):
            return self._otherwise.admit(place, envelope, record, severity)
        if severity >= ERROR:
            return "in"
        self._count += 1
        fullness = place.fullness
        one_in = next(every for share, every in self._STEPS if fullness >= share)
        return "sampled" if self._count % one_in else "in"


def make_policy(settings: QueueSettings, clock: Clock, overflow: Overflow | None) -> Policy:
    """Return the policy that *settings* name."""
    name = settings.policy
    if name == "block":
        return Block(settings.block_s, clock)
    if name == "sample":
        return Sample()
    if name == "spool":
        return Spill(overflow)
    return DropNewest() if name == "drop_newest" else DropOldest()


def _full(severity: int) -> Verdict:
    return "queue_full_error" if severity >= ERROR else "queue_full"


def _in_event_loop() -> bool:
    import sys

    asyncio = sys.modules.get("asyncio")
    return asyncio is not None and asyncio._get_running_loop() is not None  # noqa: SLF001 - documented for this use
