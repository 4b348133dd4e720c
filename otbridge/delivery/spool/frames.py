r"""The bytes of a segment file.

A segment is frames, end to end, and nothing else. Numbers are little-endian.

    offset  size
    0       2     mark, F5 B1: F5 begins no UTF-8 text
    2       1     version of this format, 1; it is in the file's name as well (`.v1.`)
    3       1     kind
    4       4     salt of the segment; it is in the file's name as well
    8       4     crc32 of bytes 0 to 7 and of everything behind this
    12      4     length of the payload
    16      8     sequence: number of the first record in this frame, counted from 0 in its stream
    24            payload

    kind 1  ENVELOPE  number u32 | length of resource u32 | resource | scope      holds 0 records
    kind 2  RECORD    number of its envelope u32 | one framed OTLP record         holds 1 record
    kind 3  REQUEST   encoding u8 | n u32 | not n u32 | Export*ServiceRequest     holds n records

A RECORD is wrapped in the envelope with its number, which stands before it in the same segment:
each segment can be read alone. An envelope is written twice in a row, because everything behind
it depends on it; a reader takes either. A REQUEST is complete, and compressed as it was when it
could not be sent; encoding 0 is none, 1 gzip, 2 zstd. 128 more stands for a request that a
receiver may have, which has not said so.

*The salt* is four random bytes. Records may hold anything, a copy of another segment too, or what
an attacker made a program log; without the salt, nothing in them looks like a frame. So a reader
that lost its place finds the next frame by looking for the salt, and nobody can write a log line
that is taken for two.

*Damage.* A frame whose check fails is skipped by its length if a good frame, or the end, follows
there; else the salt is looked for, until a frame passes. How many records were skipped is the
next good sequence minus the expected one; in the last frame, what the frame itself says, which is
why a REQUEST says it twice. A frame that is longer than what is left, with nothing
good behind it, was cut off while it was written: torn. Nobody was told that its records were safe.

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
    Known = dict[bytes, tuple[int, int]]
    """Heads of frames to their kind and to what their check begins with."""

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
    "claimed_records",
    "envelope_frame",
    "head_of",
    "is_resent",
    "read_envelope",
    "read_request",
    "record_frame",
    "request_frame",
    "scan",
]

FORMAT_VERSION: Final = 1
DAMAGED: Final = -1
TORN: Final = -2
ENVELOPE: Final = 1
RECORD: Final = 2
REQUEST: Final = 3

MAX_RECORD_BYTES: Final = 1 << 20
"""A record, or an envelope, larger than 1 MiB is not kept as such, but as a request of one."""
MAX_REQUEST_BYTES: Final = 16 << 20
"""A request larger than 16 MiB is not kept at all."""
ENCODINGS: Final = ("none", "gzip", "zstd")

_MARK: Final = bytes((0xF5, 0xB1, FORMAT_VERSION))
_U32: Final = struct.Struct("<I")
_FRAME: Final = struct.Struct("<IIQ")  # crc, length, sequence
_LENGTH_SEQUENCE: Final = struct.Struct("<IQ")
_ENVELOPE: Final = struct.Struct("<II")
_REQUEST: Final = struct.Struct("<BII")
RECORD_HEADER: Final = struct.Struct("<IQI")
"""Length, sequence and envelope of a RECORD, for those who make thousands of them."""
_SALT: Final = 4
"""Offset of the salt."""
_HEAD: Final = 8
"""Bytes before the crc."""
_BODY: Final = 12
"""Offset of what the crc covers besides them."""
_HEADER: Final = 24
_ALL_ONES: Final = 0xFFFF_FFFF
_RESENT: Final = 0x80
_KINDS: Final = (ENVELOPE, RECORD, REQUEST)


def head_of(kind: int, salt: int) -> bytes:
    """Return the first eight bytes of a frame: all that is the same in one segment."""
    return _MARK + bytes((kind,)) + _U32.pack(salt)


def record_frame(salt: int, sequence: int, envelope: int, record: bytes) -> bytes:
    """Return a RECORD frame."""
    return _frame(RECORD, salt, sequence, _U32.pack(envelope) + record)


def envelope_frame(salt: int, sequence: int, number: int, resource: bytes, scope: bytes) -> bytes:
    """Return an ENVELOPE frame."""
    payload = _ENVELOPE.pack(number, len(resource)) + resource + scope
    return _frame(ENVELOPE, salt, sequence, payload)


def request_frame(
    salt: int, sequence: int, encoding: str, records: int, request: bytes, *, resent: bool = False
) -> bytes:
    """Return a REQUEST frame."""
    number = ENCODINGS.index(encoding) | (_RESENT if resent else 0)
    payload = _REQUEST.pack(number, records, records ^ _ALL_ONES) + request
    return _frame(REQUEST, salt, sequence, payload)


def _frame(kind: int, salt: int, sequence: int, payload: bytes) -> bytes:
    head = head_of(kind, salt)
    body = _LENGTH_SEQUENCE.pack(len(payload), sequence) + payload
    return head + _U32.pack(crc32(body, crc32(head))) + body


def read_envelope(data: bytes, start: int, end: int) -> tuple[int, bytes, bytes]:
    """Return number, resource and scope of an ENVELOPE's payload."""
    number, length = _ENVELOPE.unpack_from(data, start)
    begin = start + _ENVELOPE.size
    return number, data[begin : begin + length], data[begin + length : end]


def read_request(data: bytes, start: int, end: int) -> tuple[str, int, bytes]:
    """Return encoding, number of records and bytes of a REQUEST's payload."""
    encoding, records, _ = _REQUEST.unpack_from(data, start)
    encoding &= ~_RESENT
    name = ENCODINGS[encoding] if encoding < len(ENCODINGS) else "unknown"
    return name, records, data[start + _REQUEST.size : end]


def is_resent(data: bytes, start: int) -> bool:
    """Return whether the request of a REQUEST's payload may have been sent before."""
    return bool(data[start] & _RESENT)


def claimed_records(data: bytes, position: int, salt: int) -> int:
    """Return how many records the damaged frame at *position* seems to have held."""
    payload = position + _HEADER
    begin = data[position : position + _HEAD]
    if begin == head_of(ENVELOPE, salt):
        return 0
    if begin == head_of(REQUEST, salt) and len(data) - payload >= _REQUEST.size:
        _, records, inverted = _REQUEST.unpack_from(data, payload)
        if records ^ inverted == _ALL_ONES:
            return int(records)
    return 1


def scan(data: bytes, salt: int, sequence: int = 0, position: int = 0) -> Iterator[Found]:
    """Yield what is in *data*, from *position* to its end, damaged parts included.

    Args:
        data: Bytes of a segment.
        salt: The salt in the segment's name.
        sequence: The least sequence that a frame here can have.
        position: Offset of the beginning of a frame.
    """
    known = {head: (kind, crc32(head)) for kind in _KINDS for head in [head_of(kind, salt)]}
    view = memoryview(data)
    unpack, size = _FRAME.unpack_from, len(data)
    while position < size:
        found = known.get(data[position : position + _HEAD])
        if found is not None and size - position >= _HEADER:
            kind, seed = found
            check, length, number = unpack(data, position + _HEAD)
            end = position + _HEADER + length
            if end <= size and crc32(view[position + _BODY : end], seed) == check:
                yield kind, number, position + _HEADER, end
                sequence = number
                position = end
                continue
        following = _following(data, position, known, sequence)
        if following is None:
            yield TORN if _is_cut_off(data, position, salt) else DAMAGED, 0, position, size
            return
        yield DAMAGED, 0, position, following
        position = following


def _following(data: bytes, position: int, known: Known, sequence: int) -> int | None:
    """Return the offset of the next good frame behind the bad one at *position*; None if none."""
    size = len(data)
    if data[position : position + _HEAD] in known and size - position >= _HEADER:
        behind = position + _HEADER + _length(data, position)
        if behind == size:
            return None  # the last frame, whole but damaged
        if _is_good(data, behind, known, sequence):
            return behind
    salt = next(iter(known))[_SALT:]
    found = data.find(salt, position + 1 + _SALT)
    while found >= 0:
        candidate = found - _SALT
        if _is_good(data, candidate, known, sequence):
            return candidate
        found = data.find(salt, found + 1)
    return None


def _is_good(data: bytes, position: int, known: Known, sequence: int) -> bool:
    of = known.get(data[position : position + _HEAD])
    if of is None or len(data) - position < _HEADER:
        return False
    check: int
    number: int
    check, _, number = _FRAME.unpack_from(data, position + _HEAD)
    end = position + _HEADER + _length(data, position)
    if end > len(data) or number < sequence:
        return False
    return crc32(memoryview(data)[position + _BODY : end], of[1]) == check


def _is_cut_off(data: bytes, position: int, salt: int) -> bool:
    """Return whether the bytes at *position* are the beginning of a frame, as far as they go."""
    begin = data[position : position + _HEADER]
    if not any(head_of(kind, salt).startswith(begin[:_HEAD]) for kind in _KINDS):
        return False
    return len(begin) < _HEADER or _length(begin, 0) > len(data) - position - _HEADER


def _length(data: bytes, position: int) -> int:
    length: int = _FRAME.unpack_from(data, position + _HEAD)[1]
    return length
