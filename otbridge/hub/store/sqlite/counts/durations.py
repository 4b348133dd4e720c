"""How often each operation of many ran, how often it failed and how long it took, as one blob.

A blob has, one after the other: how many operations there are, how many of them failed, the numbers
of both (as steps from one to the next), how often the latter failed, each one's lowest bucket and
how many bytes its histogram takes from there on; and these histograms. Two thousand are read and
added up in a millisecond.

An edge between two services is the same with another number.
"""

from __future__ import annotations

import struct
import zlib
from collections import Counter, defaultdict
from itertools import accumulate
from typing import TYPE_CHECKING, Final

from otbridge.hub.store.sqlite.counts.histogram import LANE_BITS, ONE, first_bucket

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

__all__ = ["Counted", "Durations"]

Counted = tuple[int, int, bool]
"""A span that is to be counted: its operation, the bucket of its duration, whether it failed."""

_HEAD: Final = struct.Struct("<II")

_LEVEL: Final = 1
"""zlib's fastest."""

_SMALL: Final = 256
"""Bytes that are left as they are, as a commit of a few spans has them: zlib takes 15 µs to begin."""

_PLAIN: Final = b"\x00"
"""What these begin with, before their checksum; zlib's own begin with another byte."""

_CRC: Final = 4


class Durations:
    """What some operations did, by the operation's number."""

    def __init__(self) -> None:
        self.taken: defaultdict[int, int] = defaultdict(int)
        """Histograms of how long they took."""
        self.failed: defaultdict[int, int] = defaultdict(int)
        """How many spans failed; only of those with any."""

    def add(self, counted: Iterable[Counted]) -> None:
        """Count spans; those that are alike, as most of many are, are counted together."""
        taken, failed = self.taken, self.failed
        for (number, bucket, error), times in Counter(counted).items():
            taken[number] += ONE[bucket] * times
            if error:
                failed[number] += times

    def pack(self) -> bytes:
        """Return everything as a blob."""
        numbers, failed = sorted(self.taken), sorted(self.failed)
        firsts, sizes, histograms = [], [], []
        for number in numbers:
            histogram = self.taken[number]
            first = first_bucket(histogram)
            histogram >>= first * LANE_BITS
            size = -(-histogram.bit_length() // 8)
            firsts.append(first)
            sizes.append(size)
            histograms.append(histogram.to_bytes(size, "little"))
        head = struct.pack(
            _layout(len(numbers), len(failed)),
            *_steps(numbers),
            *_steps(failed),
            *(self.failed[number] for number in failed),
            *firsts,
            *sizes,
        )
        content = b"".join((_HEAD.pack(len(numbers), len(failed)), head, *histograms))
        if len(content) <= _SMALL:
            return _PLAIN + zlib.crc32(content).to_bytes(_CRC, "little") + content
        return zlib.compress(content, _LEVEL)

    def add_packed(self, blob: bytes, only: Collection[int] | None = None) -> bool:
        """Add what is in a blob; return False, with nothing added, where it is damaged.

        Args:
            blob: What `pack` returned.
            only: The operations that are wanted; None for all.
        """
        content = _content(blob)
        if content is None:
            return False
        count, failed = _HEAD.unpack_from(content)
        layout = struct.Struct(_layout(count, failed))
        head = layout.unpack_from(content, _HEAD.size)
        at = _HEAD.size + layout.size
        taken = self.taken
        behind = count + 2 * failed
        for number, first, size in zip(
            accumulate(head[:count]),
            head[behind : behind + count],
            head[behind + count :],
            strict=True,
        ):
            end = at + size
            if only is None or number in only:
                taken[number] += int.from_bytes(content[at:end], "little") << first * LANE_BITS
            at = end
        numbers = accumulate(head[count : count + failed])
        for number, times in zip(numbers, head[count + failed : behind], strict=True):
            if only is None or number in only:
                self.failed[number] += times
        return True


def _content(blob: bytes) -> bytes | None:
    """Return what is in a blob, or None where its checksum does not fit."""
    if blob.startswith(_PLAIN):
        begin = len(_PLAIN) + _CRC
        content = blob[begin:]
        sound = zlib.crc32(content) == int.from_bytes(blob[len(_PLAIN) : begin], "little")
        return content if sound else None
    try:
        return zlib.decompress(blob)
    except zlib.error:  # it has a checksum of its own
        return None


def _steps(numbers: Iterable[int]) -> Iterable[int]:
    """Yield the first of the *numbers*, and then how far it is to the next."""
    before = 0
    for number in numbers:
        yield number - before
        before = number


def _layout(count: int, failed: int) -> str:
    return f"<{count + 2 * failed}I{2 * count}H"
