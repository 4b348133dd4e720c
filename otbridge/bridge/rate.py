"""How much one client may send: a bucket that fills with time and is emptied by bytes."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

__all__ = ["Bucket", "Buckets", "RateLimit"]

_MIN_COST: Final = 1024
"""What a message costs at least, so that a flood of tiny ones is limited too."""

_PATIENCE: Final = 1_048_576
"""How far below empty the bucket may fall: a thousand messages that did not wait as told."""


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

    __slots__ = ("_at", "_limit", "_tokens")

    def __init__(self, limit: RateLimit, now: float) -> None:
        self._limit = limit
        self._tokens = float(limit.burst_bytes)
        self._at = now

    def charge(self, size: int, now: float) -> float:
        """Charge a message of *size* bytes; return 0, or the seconds until there is room for it.

        A message without room costs a little too: see `exhausted`.
        """
        refill = (now - self._at) * self._limit.bytes_per_s
        self._tokens = min(self._limit.burst_bytes, self._tokens + refill)
        self._at = now
        cost = max(size, _MIN_COST)
        if cost <= self._tokens:
            self._tokens -= cost
            return 0.0
        self._tokens -= _MIN_COST
        return (cost - self._tokens) / self._limit.bytes_per_s

    @property
    def exhausted(self) -> bool:
        """Whether the client goes on and on without waiting as it was told."""
        return self._tokens < -_PATIENCE


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
