"""Durations as counts in buckets that grow with them: small, quick to add to, and to merge.

Below 16 ns a bucket is one nanosecond; above, there are eight to every doubling. So the middle of
a bucket is within 7 % of everything in it (OTel's exponential histogram of scale 3 has buckets of
the same size, but needs a logarithm for each value).

A histogram is one integer with 32 bits for each bucket's count, so that two are merged by an
addition, in 0.2 µs. No bucket may count to more than 4,294,967,295: far more spans than one store
of files keeps.
"""

from __future__ import annotations

from bisect import bisect_left
from itertools import accumulate
from struct import unpack
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["LANE_BITS", "ONE", "bucket_of", "first_bucket", "quantiles"]

LANE_BITS: Final = 32

ONE: Final = tuple(1 << bucket * LANE_BITS for bucket in range(488))
"""By bucket, the histogram of a single duration; 63 bits of nanoseconds have as many buckets."""


def bucket_of(duration_ns: int) -> int:
    """Return the number of the bucket for *duration_ns*, which is not negative."""
    shift = duration_ns.bit_length() - 4
    return duration_ns if shift <= 0 else (shift << 3) + (duration_ns >> shift)


def _middle_of(bucket: int) -> int:
    if bucket < 16:
        return bucket
    shift = (bucket >> 3) - 1
    return (((bucket & 7) + 8) << shift) + (1 << shift >> 1)


def first_bucket(histogram: int) -> int:
    """Return the lowest bucket of a *histogram* that counts anything."""
    return ((histogram & -histogram).bit_length() - 1) // LANE_BITS


def quantiles(histogram: int, shares: Sequence[float]) -> tuple[int, list[int]]:
    """Return how many durations there are, and those that so many are not longer than.

    Args:
        histogram: Counts by bucket.
        shares: Between 0 and 1; a duration is told for each.

    Returns:
        The count, and nanoseconds; 0 for everything where there is nothing.
    """
    if not histogram:
        return 0, [0] * len(shares)
    first = first_bucket(histogram)
    passed = list(accumulate(_counts(histogram, first)))
    count = passed[-1]
    return count, [_middle_of(first + bisect_left(passed, share * count)) for share in shares]


def _counts(histogram: int, first: int) -> tuple[int, ...]:
    """Return the counts of all buckets from *first* to the last one that counts anything."""
    histogram >>= first * LANE_BITS
    lanes = -(-histogram.bit_length() // LANE_BITS)
    return unpack(f"<{lanes}I", histogram.to_bytes(lanes * 4, "little"))
