"""How much one client may send: a bucket that fills with time and is emptied by bytes."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

__all__ = ["Bucket", "Buckets", "RateLimit"]

_MIN_COST: Final = 1024
"""What a message costs at least, so that a flood of tiny ones is limited too."""

_REFUSALS: Final = 1000
"""Messages without room until a client counts as one that does not listen. One that waits as it
is told has at most a window of eight under way."""

_FORGIVEN_PER_S: Final = 100.0
"""Refusals forgotten a second; reading more than that for nothing would cost us too much."""


@dataclass(frozen=True, slots=True)
class RateLimit:
    """What one client may send.

    Bytes and not records, because bytes are what it costs us, and a client cannot misstate them.
    The defaults are some 5,000 records a second, with bursts of 40,000.
    """

    bytes_per_s: int = 2_097_152
    burst_bytes: int = 16_777_216


class Bucket:
    """The bucket of one client; full at first."""

    __slots__ = ("_at", "_limit", "_refusals", "_tokens")

    def __init__(self, limit: RateLimit, now: float) -> None:
        self._limit = limit
        self._tokens = float(limit.burst_bytes)
        self._at = now
        self._refusals = 0.0

    def charge(self, size: int, now: float) -> float:
        """Charge a message of *size* bytes; return 0, or the seconds until there is room for it.

        A message without room costs nothing, but counts: see `exhausted`.
        """
        passed = now - self._at
        refill = passed * self._limit.bytes_per_s
        self._tokens = min(self._limit.burst_bytes, self._tokens + refill)
        self._refusals = max(0.0, self._refusals - passed * _FORGIVEN_PER_S)
        self._at = now
        cost = max(size, _MIN_COST)
        if cost < self._tokens + 1.0:  # a fraction of a byte is rounding, and no wait
            self._tokens -= cost
            return 0.0
        self._refusals += 1.0
        return (cost - self._tokens) / self._limit.bytes_per_s

    @property
    def exhausted(self) -> bool:
        """Whether the client goes on and on without waiting as it was told."""
        return self._refusals > _REFUSALS


class Buckets:
    """Buckets by client address, for requests that have no connection to keep one."""

    _MAX_CLIENTS: Final = 4096
    """The least recently seen are forgotten; their next bucket is full, which harms nobody."""

    def __init__(self, limit: RateLimit) -> None:
        self._limit = limit
        self._buckets: OrderedDict[str, Bucket] = OrderedDict()

    def charge(self, client: str, size: int, now: float) -> float:
        """Charge *client*, as `Bucket.charge`."""
        bucket = self._buckets.get(client)
        if bucket is None:
            bucket = self._buckets[client] = Bucket(self._limit, now)
        self._buckets.move_to_end(client)
        if len(self._buckets) > self._MAX_CLIENTS:
            self._buckets.popitem(last=False)
        return bucket.charge(size, now)
