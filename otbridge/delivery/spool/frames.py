r"""The bytes of a segment file.

A segment is frames, end to end, and nothing else. Numbers are little-endian.

    offset  size
    0       2     mark, F5 B1: F5 begins no UTF-8 text
    2       1     version of this format, 1; it is in the file's name as well (`.v1.`)
    3       1     kind
    4       4     crc32 of everything behind it, begun with the crc32 of salt and bytes 0 to 3
    8       4     length of the payload
    12      8     sequence: number of the first record in this frame, counted from 0 in its stream
    20            payload

    kind 1  ENVELOPE  number u32 | length of resource u32 | resource | scope      holds 0 records
    kind 2  RECORD    number of its envelope u32 | one framed OTLP record         holds 1 record
    kind 3  REQUEST   encoding u8 | records n u32 | an Export*ServiceRequest      holds n records

A RECORD is wrapped in the envelope with its number, which stands before it in the same segment:
each segment can be read alone. An envelope is written twice in a row, because everything behind
it depends on it; a reader takes either. A REQUEST is complete, and compressed as it was when it
could not be sent; encoding 0 is none, 1 gzip, 2 zstd.

*The salt* is four random bytes, in the file's name. Records may hold anything, a copy of another
segment too; without the salt, what looks like a frame inside a record does not pass the check. So
a reader that lost its place can look for the next mark, and nobody can write a log line that is
taken for two.

*Damage.* A frame whose check fails is skipped by its length if a good frame, or the end, follows
there; else the next mark with a frame that passes is looked for. How many records were skipped is
the next good sequence minus the expected one. A frame that is longer than what is left, with
nothing good behind it, was cut off while it was written: torn. Nobody was told that its records
were safe.

*Another version* is never guessed at: a file whose name has one is left as it is.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final
from zlib import crc32

if TYPE_CHECKING:
    from collections.abc import Iterator

    Found = tuple[int, int, int, int]
    """Kind, sequence, and the offsets between which the payload lies. For DAMAGED and TORN the
    sequence is 0 and the offsets are those of the bytes that hold no frame."""

__all__ = [
    "DAMAGED",
    "ENCODINGS",
    "ENVELOPE",
    "FORMAT_VERSION",
    "MAX_RECORD_BYTES",
    "MAX_REQUEST_BYTES",
    "RECORD",
    "RECORD_HEADER",
    "REQUEST",
    "TORN",
    "envelope_frame",
    "head_of",
    "read_envelope",
    "read_request",
    "record_frame",
    "request_frame",
    "scan",
    "seed_of",
]

FORMAT_VERSION: Final = 1
DAMAGED: Final = -1
TORN: Final = -2
ENVELOPE: Final = 1
RECORD: Final = 2
REQUEST: Final = 3

MAX_RECORD_BYTES: Final = 1 << 20
"""A record, or an envelope, larger than 1 MiB is not spooled."""
MAX_REQUEST_BYTES: Final = 16 << 20
"""A request larger than 16 MiB is not spooled."""
ENCODINGS: Final = ("none", "gzip", "zstd")

_MARK: Final = bytes((0xF5, 0xB1, FORMAT_VERSION))
_FRAME: Final = struct.Struct("<IIQ")  # crc, length, sequence
_CRC: Final = struct.Struct("<I")
_LENGTH_SEQUENCE: Final = struct.Struct("<IQ")
_ENVELOPE: Final = struct.Struct("<II")
_REQUEST: Final = struct.Struct("<BI")
RECORD_HEADER: Final = struct.Struct("<IQI")  # length, sequence, envelope: for the hot path
_BODY: Final = 8
"""Where the bytes begin that the check covers."""
_HEADER: Final = 20
_LIMITS: Final = {
    ENVELOPE: 2 * MAX_RECORD_BYTES + _ENVELOPE.size,
    RECORD: MAX_RECORD_BYTES + 4,
    REQUEST: MAX_REQUEST_BYTES + _REQUEST.size,
}
_SEARCH_BYTES: Final = 64 << 20
"""What a search for the next good frame may check in all: a record made of ten thousand false
headers must not keep a reader busy for minutes."""


def head_of(kind: int) -> bytes:
    """Return the first four bytes of a frame of *kind*."""
    return _MARK + bytes((kind,))


def seed_of(kind: int, salt: int) -> int:
    """Return what the check of a frame of *kind* begins with."""
    return crc32(_CRC.pack(salt) + head_of(kind))


def record_frame(salt: int, sequence: int, envelope: int, record: bytes) -> bytes:
    """Return a RECORD frame."""
    return _frame(RECORD, salt, sequence, _CRC.pack(envelope) + record)


def envelope_frame(salt: int, sequence: int, number: int, resource: bytes, scope: bytes) -> bytes:
    """Return an ENVELOPE frame."""
    payload = _ENVELOPE.pack(number, len(resource)) + resource + scope
    return _frame(ENVELOPE, salt, sequence, payload)


def request_frame(salt: int, sequence: int, encoding: str, records: int, request: bytes) -> bytes:
    """Return a REQUEST frame."""
    payload = _REQUEST.pack(ENCODINGS.index(encoding), records) + request
    return _frame(REQUEST, salt, sequence, payload)


def _frame(kind: int, salt: int, sequence: int, payload: bytes) -> bytes:
    body = _LENGTH_SEQUENCE.pack(len(payload), sequence) + payload
    return head_of(kind) + _CRC.pack(crc32(body, seed_of(kind, salt))) + body


def read_envelope(data: bytes, start: int, end: int) -> tuple[int, bytes, bytes]:
    """Return number, resource and scope of an ENVELOPE's payload."""
    number, length = _ENVELOPE.unpack_from(data, start)
    begin = start + _ENVELOPE.size
    return number, data[begin : begin + length], data[begin + length : end]


def read_request(data: bytes, start: int, end: int) -> tuple[str, int, bytes]:
    """Return encoding, number of records and bytes of a REQUEST's payload."""
    encoding, records = _REQUEST.unpack_from(data, start)
    name = ENCODINGS[encoding] if encoding < len(ENCODINGS) else "unknown"
    return name, records, data[start + _REQUEST.size : end]


def scan(data: bytes, salt: int, sequence: int = 0, position: int = 0) -> Iterator[Found]:
    """Yield what is in *data*, from *position* to its end, damaged parts included.

    Args:
        data: Bytes of a segment.
        salt: The salt in the segment's name.
        sequence: The least sequence that a frame here can have.
        position: Offset of the beginning of a frame.
    """
    seeds = {kind: seed_of(kind, salt) for kind in _LIMITS}
    good = {head_of(kind): (kind, seed) for kind, seed in seeds.items()}
    view = memoryview(data)
    unpack, size = _FRAME.unpack_from, len(data)
    while position < size:
        known = good.get(data[position : position + 4])
        if known is not None and size - position >= _HEADER:
            kind, seed = known
            check, length, found = unpack(data, position + 4)
            end = position + _HEADER + length
            if end <= size and crc32(view[position + _BODY : end], seed) == check:
                yield kind, found, position + _HEADER, end
                sequence = found
                position = end
                continue
        following = _following(data, position, seeds, sequence)
        if following is None:
            torn = _is_cut_off(data, position)
            yield TORN if torn else DAMAGED, 0, position, size
            return
        yield DAMAGED, 0, position, following
        position = following


def _following(data: bytes, position: int, seeds: dict[int, int], sequence: int) -> int | None:
    """Return the offset of the next good frame behind the bad one at *position*; None if none."""
    size = len(data)
    if size - position >= _HEADER:
        behind = position + _HEADER + _length(data, position)
        if behind < size and _is_good(data, behind, seeds, sequence):
            return behind
        if behind == size and data[position + 3] in _LIMITS and data.startswith(_MARK, position):
            return None  # the last frame, whole but damaged: nothing inside it is looked at
    budget, candidate = _SEARCH_BYTES, position
    while budget > 0:
        candidate = data.find(_MARK, candidate + 1)
        if candidate < 0:
            return None
        if size - candidate >= _HEADER:
            budget -= min(_length(data, candidate), size)
            if _is_good(data, candidate, seeds, sequence):
                return candidate
    return None


def _is_good(data: bytes, position: int, seeds: dict[int, int], sequence: int) -> bool:
    left = len(data) - position - _HEADER
    if left < 0 or not data.startswith(_MARK, position):
        return False
    kind = data[position + 3]
    check: int
    found: int
    check, _, found = _FRAME.unpack_from(data, position + 4)
    length = _length(data, position)
    if kind not in seeds or length > min(left, _LIMITS[kind]) or found < sequence:
        return False
    covered = memoryview(data)[position + _BODY : position + _HEADER + length]
    return crc32(covered, seeds[kind]) == check


def _is_cut_off(data: bytes, position: int) -> bool:
    """Return whether the bytes at *position* are the beginning of a frame, as far as they go."""
    left = data[position : position + _HEADER]
    if not left.startswith(_MARK[: len(left)]) or left[3:4] not in (b"", b"\x01", b"\x02", b"\x03"):
        return False
    if len(left) < _HEADER:
        return True
    return _length(left, 0) > len(data) - position - _HEADER


def _length(data: bytes, position: int) -> int:
    length: int = _FRAME.unpack_from(data, position + 4)[1]
    return length
