"""Packs: some records, compressed together.

Records of one hub resemble each other, so a hundred of them compress to a fifth, where one alone
does not to a half. A pack holds the records as they came, which source each is from, and for the
few whose times were missing or mended, the times that they were given.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeVar

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["PACK_BYTES", "Pack", "Times", "pack", "read_pack", "split", "unpack"]

PACK_BYTES: Final = 32 * 1024
"""Records of so many bytes make a pack: 0.12 ms to look into. Twice as many compress to 6 % less
(zlib looks back 32 KiB) and take 0.22 ms, and a trace lies in a dozen packs."""

_LEVEL: Final = 1
"""zlib's fastest: level 6 takes half as long again, 1.3 µs a record, for another ten per cent."""

_HEAD_SIZE: Final = 4

_MOST: Final = 65_535
"""Records in a pack, however short: each takes some hundred bytes in memory when it is opened."""

Times = tuple[int, int]
"""Start and end of a span, or a log record's time and observed time; unix nanoseconds."""


class Pack(NamedTuple):
    """The records of a pack, in their order."""

    records: list[bytes]
    sources: list[int]
    """For each record, the number of its source."""
    times: dict[int, Times]
    """By place, the times of those whose own are missing or wrong."""


_Kept = TypeVar("_Kept", bound=tuple[Any, ...])


class _Head(msgspec.Struct, array_like=True):
    sources: list[int]
    sizes: list[int]
    times: dict[int, Times]


_head_of = msgspec.msgpack.Decoder(_Head).decode


def split(kept: Sequence[_Kept]) -> Iterator[Sequence[_Kept]]:
    """Cut what is kept, with its bytes in the second place, into runs that make a pack each."""
    begin = size = 0
    for end, one in enumerate(kept, 1):
        size += len(one[1])
        if size >= PACK_BYTES or end - begin == _MOST:
            yield kept[begin:end]
            begin, size = end, 0
    if begin < len(kept):
        yield kept[begin:]


def pack(records: Sequence[bytes], sources: list[int], times: dict[int, Times]) -> bytes:
    """Return a pack of *records*; the other two as `Pack` has them."""
    head = msgspec.msgpack.encode(_Head(sources, [*map(len, records)], times))
    size = len(head).to_bytes(_HEAD_SIZE, "little")
    return zlib.compress(b"".join((size, head, *records)), _LEVEL)


def unpack(data: bytes) -> Pack:
    """Return what `pack` was given."""
    content = zlib.decompress(data)
    begin = _HEAD_SIZE + int.from_bytes(content[:_HEAD_SIZE], "little")
    head = _head_of(content[_HEAD_SIZE:begin])
    records = []
    for size in head.sizes:
        records.append(content[begin : begin + size])
        begin += size
    return Pack(records, head.sources, head.times)


def read_pack(raw: bytes, crc: Any) -> Pack | None:
    """Return the pack, or None where its checksum does not fit."""
    return unpack(raw) if zlib.crc32(raw) == crc else None
