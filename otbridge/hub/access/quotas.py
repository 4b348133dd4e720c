"""How much the bearers of keys may bring: token buckets per key, and per address of public ones.

A bucket holds a minute's quota and fills evenly. What finds no room is refused whole, costs
nothing, and may come again: the sender still holds it.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from dataclasses import dataclass
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any, Final

from otbridge.hub.access.key import UNLIMITED, Quota

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from otbridge.hub.access.key import Key

__all__ = ["ADDRESS_QUOTA", "Bucket", "Quotas"]

ADDRESS_QUOTA: Final = Quota(requests=600, records=12_000, bytes=16 << 20)
"""What one address may bring with public keys, so that one visitor cannot use up a key that
all share. An address of this machine may be a proxy, and stands for everybody: it has none."""

_MAX_ADDRESSES: Final = 4096
"""Addresses remembered; beyond, the one unheard of for longest begins anew."""


class Bucket:
    """A bucket of *per_minute* tokens; full at first."""

    __slots__ = ("_at", "_capacity", "_tokens")

    def __init__(self, per_minute: int, now: float) -> None:
        self._capacity = per_minute
        self._tokens = float(per_minute)
        self._at = now

    def wait_s(self, cost: int, now: float) -> float:
        """Return 0 where there is room for *cost*, or the seconds until there is.

        More than a minute's quota at once has room in a full bucket, and leaves a debt.
        """
        self._tokens = min(self._capacity, self._tokens + (now - self._at) * self._capacity / 60)
        self._at = now
        missing = min(cost, self._capacity) - self._tokens
        # A millionth of a token is the clock's rounding.
        return missing * 60 / self._capacity if missing > 1e-6 else 0.0

    def take(self, cost: int) -> None:
        """Take *cost* out."""
        self._tokens -= cost


class _Buckets:
    """The three buckets of one quota."""

    __slots__ = ("_bytes", "_records", "_requests", "quota")

    def __init__(self, quota: Quota, now: float) -> None:
        self.quota = quota
        self._requests = Bucket(quota.requests, now) if quota.requests else None
        self._records = Bucket(quota.records, now) if quota.records else None
        self._bytes = Bucket(quota.bytes, now) if quota.bytes else None

    def costs(self, requests: int, records: int, size: int) -> Iterator[tuple[Bucket, int]]:
        if self._requests is not None and requests:
            yield self._requests, requests
        if self._records is not None and records:
            yield self._records, records
        if self._bytes is not None and size:
            yield self._bytes, size


@dataclass(slots=True)
class _Use:
    """What came with one key."""

    requests: int = 0
    records: int = 0
    bytes: int = 0
    limited: int = 0


class Quotas:
    """The buckets of a hub. It belongs to one event loop.

    Args:
        now: Returns monotonic seconds.
    """

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._keys: dict[str, _Buckets] = {}
        self._tenants: dict[str, _Buckets] = {}
        self._addresses: OrderedDict[str, _Buckets] = OrderedDict()
        self._use: dict[str, _Use] = {}

    def charge(
        self,
        key: Key,
        address: str,
        *,
        requests: int = 0,
        records: int = 0,
        size: int = 0,
        shared: Quota = UNLIMITED,
    ) -> int:
        """Charge what came with *key* from *address*; *shared* is for all keys of its tenant.

        Returns:
            0, or after how many whole seconds there may be room; then nothing was charged.
        """
        use = self._use_of(key)
        now = self._now()
        costs = [
            cost
            for buckets in self._of(key, address, shared, now)
            for cost in buckets.costs(requests, records, size)
        ]
        wait_s = max((bucket.wait_s(cost, now) for bucket, cost in costs), default=0.0)
        if wait_s:
            use.limited += 1
            return math.ceil(wait_s)
        for bucket, cost in costs:
            bucket.take(cost)
        use.requests += requests
        use.records += records
        use.bytes += size
        return 0

    def note(self, key: Key, size: int) -> None:
        """Count a request that came with a key without limits."""
        use = self._use_of(key)
        use.requests += 1
        use.bytes += size

    def forget(self, known: set[str]) -> None:
        """Keep only the buckets of the keys with these ids."""
        for table in (self._keys, self._use):
            for key_id in table.keys() - known:
                del table[key_id]

    def use_of(self, key_id: str) -> dict[str, Any]:
        """Return what came with a key, and how often it was too much, since the hub was started."""
        use = self._use.get(key_id) or _Use()
        return {
            "requests": use.requests,
            "records": use.records,
            "bytes": use.bytes,
            "limited": use.limited,
        }

    def _use_of(self, key: Key) -> _Use:
        use = self._use.get(key.id)
        if use is None:
            use = self._use[key.id] = _Use()
        return use

    def _of(self, key: Key, address: str, shared: Quota, now: float) -> Iterator[_Buckets]:
        if key.quota != UNLIMITED:
            yield _fitting(self._keys, key.id, key.quota, now)
        if shared is not UNLIMITED:
            yield _fitting(self._tenants, key.tenant, shared, now)
        if key.public and not _stands_for_many(address):
            found = self._addresses.get(address)
            if found is None:
                found = self._addresses[address] = _Buckets(ADDRESS_QUOTA, now)
                if len(self._addresses) > _MAX_ADDRESSES:
                    self._addresses.popitem(last=False)
            self._addresses.move_to_end(address)
            yield found


def _fitting(table: dict[str, _Buckets], name: str, quota: Quota, now: float) -> _Buckets:
    """Return the buckets of that name, new where the quota is another than before."""
    buckets = table.get(name)
    if buckets is None or buckets.quota != quota:
        buckets = table[name] = _Buckets(quota, now)
    return buckets


def _stands_for_many(address: str) -> bool:
    try:
        found = ip_address(address)
    except ValueError:
        return True  # a socket file, or a door that does not know
    # What listens on all addresses sees IPv4's as ::ffff:127.0.0.1 (RFC 4291 §2.5.5.2).
    mapped = getattr(found, "ipv4_mapped", None)
    return (mapped or found).is_loopback
