"""Packs: some records, compressed together.

Records of one hub resemble each other, so a hundred of them compress to a fifth, where one alone
does not to a half. A pack holds the records as they came, which source each is from, and for the
few whose times were missing or mended, the times that they were given.

A pack's first byte tells how it is read: 0x00 has it as it is behind, and what begins otherwise is
a zlib stream (RFC 1950), which never begins so. A stream may need a dictionary; see
`pack_dictionaries`.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeVar

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = [
    "FULL_PACK",
    "MOST",
    "PACK_BYTES",
    "Pack",
    "Times",
    "dictionary_of",
    "pack",
    "plain",
    "split",
    "unpack",
]

PACK_BYTES: Final = 40 * 1024
"""Records of about so many bytes make a pack: 0.1 ms to look into."""

FULL_PACK: Final = 8_500
"""Bytes that a pack is meant to have. SQLite keeps up to 489 bytes of it beside other rows and the
rest on pages of 4,092 (sqlite.org/fileformat2.html, section 1.6): two of these are full then. With
packs of any size a seventh of the pages was empty."""

_LEVEL: Final = 3
"""zlib's third: 4 % smaller than its first, 0.2 µs a record more; level 6 another 7 %, 2 µs."""

_PLAIN: Final = b"\0"

_HAS_DICTIONARY: Final = 0x20
"""FDICT in the second byte of a zlib stream: the dictionary's Adler-32 follows (RFC 1950, 2.2)."""

_HEAD_SIZE: Final = 4

MOST: Final = 65_535
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


def split(kept: Sequence[_Kept], most: int = PACK_BYTES) -> Iterator[Sequence[_Kept]]:
    """Cut what is kept, with its bytes in the second place, into runs that fill a pack each.

    The last one fills none, and may be empty.
    """
    begin = size = 0
    for end, one in enumerate(kept, 1):
        size += len(one[1])
        if size >= most or end - begin == MOST:
            yield kept[begin:end]
            begin, size = end, 0
    yield kept[begin:]


def pack(
    records: Sequence[bytes],
    sources: list[int],
    times: dict[int, Times],
    dictionary: bytes | None = None,
) -> bytes:
    """Return a pack of *records*, which can be read with this *dictionary*; the others as in `Pack`."""
    content = b"".join(_pieces(records, sources, times))
    if dictionary is None:
        return zlib.compress(content, _LEVEL)
    stream = zlib.compressobj(_LEVEL, zdict=dictionary)
    return stream.compress(content) + stream.flush()


def plain(records: Sequence[bytes], sources: list[int], times: dict[int, Times]) -> bytes:
    """Return the same without compressing it."""
    return b"".join((_PLAIN, *_pieces(records, sources, times)))


def _pieces(
    records: Sequence[bytes], sources: list[int], times: dict[int, Times]
) -> tuple[bytes, ...]:
    head = msgspec.msgpack.encode(_Head(sources, [*map(len, records)], times))
    return (len(head).to_bytes(_HEAD_SIZE, "little"), head, *records)


def dictionary_of(data: bytes) -> int | None:
    """Return the number of the dictionary that a pack is read with, or None where it needs none."""
    if data.startswith(_PLAIN) or not data[1] & _HAS_DICTIONARY:
        return None
    return int.from_bytes(data[2:6], "big")


def unpack(data: bytes, dictionary: bytes = b"") -> Pack:
    """Return what `pack` or `plain` was given."""
    if data.startswith(_PLAIN):
        content = data[1:]
    else:
        stream = zlib.decompressobj(zdict=dictionary) if dictionary else zlib.decompressobj()
        content = stream.decompress(data) + stream.flush()
    begin = _HEAD_SIZE + int.from_bytes(content[:_HEAD_SIZE], "little")
    head = _head_of(content[_HEAD_SIZE:begin])
    records = []
    for size in head.sizes:
        records.append(content[begin : begin + size])
        begin += size
    return Pack(records, head.sources, head.times)
