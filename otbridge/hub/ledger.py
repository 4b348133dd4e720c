"""The hub's own books: what came in, and what became of it.

They add up, per signal: received + recovered = stored + rejected + refused + waiting. Recovered is
what the hub before this one had acknowledged and not stored; refused means that the sender was told
to come back and holds the records itself; waiting is in the receive log, or on its way there. Only
the event loop writes here, so there is no lock.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from otbridge.typing import Signal

__all__ = ["HubLedger"]

_MAX_SENDERS: Final = 256
"""Senders remembered; beyond, the one silent for longest is forgotten."""


@dataclass(slots=True)
class _Sender:
    records: int = 0
    last_seen_ns: int = 0


class HubLedger:
    """Counts records by signal, and requests that never became records by reason."""

    def __init__(self) -> None:
        self._received: Counter[Signal] = Counter()
        self._recovered: Counter[Signal] = Counter()
        self._stored: Counter[Signal] = Counter()
        self._rejected: Counter[str] = Counter()
        self._refused: Counter[Signal] = Counter()
        self._waiting: Counter[Signal] = Counter()
        self._senders: OrderedDict[tuple[str, str], _Sender] = OrderedDict()

    def received(self, signal: Signal, count: int, rejected: list[str]) -> None:
        """Count a decoded request: *count* records taken, and a reason for each refused."""
        self._received[signal] += count + len(rejected)
        self._waiting[signal] += count
        if rejected:
            self._rejected.update(rejected)

    def recovered(self, signal: Signal, count: int) -> None:
        """Count records that are read from what the hub before this one has left."""
        self._recovered[signal] += count
        self._waiting[signal] += count

    def stored(self, signal: Signal, count: int) -> None:
        """Count records that are in the store (or were there before)."""
        self._waiting[signal] -= count
        self._stored[signal] += count

    def refused(self, signal: Signal, count: int) -> None:
        """Count records that the sender was asked to send again later."""
        self._waiting[signal] -= count
        self._refused[signal] += count

    def put_aside(self, signal: Signal, count: int) -> None:
        """Count records that were acknowledged and that the store cannot take."""
        self._waiting[signal] -= count
        self._rejected["put_aside"] += count

    def turned_away(self, reason: str) -> None:
        """Count a whole request that was not decoded, with a word such as `malformed`."""
        self._rejected[reason] += 1

    def seen(self, service: str, door: str, count: int, now_ns: int) -> None:
        """Remember that *service* sent *count* records through *door*."""
        key = (service, door)
        sender = self._senders.get(key)
        if sender is None:
            sender = self._senders[key] = _Sender()
            if len(self._senders) > _MAX_SENDERS:
                self._senders.popitem(last=False)
        self._senders.move_to_end(key)
        sender.records += count
        sender.last_seen_ns = now_ns

    @property
    def waiting(self) -> int:
        """Records that were taken and are not in the store yet."""
        return self._waiting.total()

    def as_dict(self) -> dict[str, Any]:
        """Return the books as `GET /api/v1/stats` shows them, latest sender first."""
        return {
            "received": _by_signal(self._received),
            "recovered": _by_signal(self._recovered),
            "stored": _by_signal(self._stored),
            "rejected": dict(self._rejected),
            "refused": _by_signal(self._refused),
            "waiting": self.waiting,
            "senders": [
                {
                    "service": service,
                    "door": door,
                    "records": sender.records,
                    "last_seen_unix_nano": str(sender.last_seen_ns),
                }
                for (service, door), sender in reversed(self._senders.items())
            ],
        }


def _by_signal(counts: Counter[Signal]) -> dict[str, int]:
    return {"logs": counts["logs"], "traces": counts["traces"], "metrics": counts["metrics"]}
