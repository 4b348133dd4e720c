"""Durations as counts in buckets that grow with them: small, quick to add to, and to merge.

Below 16 ns a bucket is one nanosecond; above, there are eight to every doubling. So the middle of
a bucket is within 7 % of everything in it (OTel's exponential histogram of scale 3 has buckets of
the same size, but needs a logarithm for each value).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["bucket_of", "quantiles"]


def bucket_of(duration_ns: int) -> int:
    """Return the number of the bucket for *duration_ns*, which is not negative."""
    shift = duration_ns.bit_length() - 4
    return duration_ns if shift <= 0 else (shift << 3) + (duration_ns >> shift)


def _middle_of(bucket: int) -> int:
    if bucket < 16:
        return bucket
    shift = (bucket >> 3) - 1
    return (((bucket & 7) + 8) << shift) + (1 << shift >> 1)


def quantiles(counts: Mapping[int, int], shares: Sequence[float]) -> list[int]:
    """Return, for each of the *shares*, the duration that so many are not longer than.

    Args:
        counts: How many durations each bucket has.
        shares: Between 0 and 1, rising.

    Returns:
        Nanoseconds; 0 for everything where there is nothing.
    """
    total = sum(counts.values())
    found: list[int] = []
    passed = 0
    for bucket in sorted(counts):
        passed += counts[bucket]
        while len(found) < len(shares) and passed >= shares[len(found)] * total:
            found.append(_middle_of(bucket))
    return found + [0] * (len(shares) - len(found))
