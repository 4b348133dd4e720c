r"""One received request as the bytes of a frame, and back.

The frame is a REQUEST of `otbridge.delivery.spool.frames`, with its salt, its check and its rules
for damage. In it, before the request as it was received (or made from JSON), little-endian:

    offset  size
    0       1     signal: 0 logs, 1 traces, 2 metrics
    1       1     1 where beginnings of spans are among the records, and 2 where the sender may have
                  sent some of it before
    2       8     when it was received, unix nanoseconds
    10      8     the sender's number of it
    18      2     length of the sender's name n; FFFF where it does not number its requests
    20      n     the sender's name, UTF-8
    20+n          the Export*ServiceRequest

The frame's sequence is the request's *position*: the number of its first record, counted from 0
over the life of the log. A request without records takes one number, too.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final, NamedTuple

from otbridge.delivery.spool.frames import read_request, request_frame

if TYPE_CHECKING:
    from otbridge.typing import Signal

__all__ = ["KEYS", "Entry", "Kept", "frame_of", "read_entry"]

_SIGNALS: Final[tuple[Signal, ...]] = ("logs", "traces", "metrics")
_HEAD: Final = struct.Struct("<BBQQH")
_NO_KEY: Final = 0xFFFF
_ANNOUNCED: Final = 1
_RESENT: Final = 2

KEYS: Final = "receive-log/"
"""What the keys of requests begin with whose senders do not number them."""


class Entry(NamedTuple):
    """A request as it was received."""

    signal: Signal
    request: bytes
    """The Export…ServiceRequest, byte for byte."""
    received_ns: int
    """Decoding with this gives the same rows again."""
    records: int
    """How many it has, refused ones included."""
    key: tuple[str, int] | None = None
    """(producer, sequence) where the sender numbers its requests."""
    announced: bool = False
    """Whether beginnings of spans are among its records; they are not counted."""
    resent: bool = False
    """Whether the sender may have sent some of it before."""

    @property
    def span(self) -> int:
        """How many positions it takes."""
        return self.records or 1


class Kept(NamedTuple):
    """An entry in the log."""

    position: int
    salt: int
    """Of the segment it is in."""
    entry: Entry

    @property
    def end(self) -> int:
        """The position behind it."""
        return self.position + self.entry.span

    @property
    def key(self) -> tuple[str, int]:
        """What the store knows it by: the sender's key, or its own place.

        The place is that of one entry only, for ever: where a log begins anew its segments have
        other salts.
        """
        return self.entry.key or (f"{KEYS}{self.salt:08x}", self.position)


def frame_of(entry: Entry, salt: int, position: int) -> bytes:
    """Return *entry* as the bytes of a frame."""
    producer, number = b"", 0
    length = _NO_KEY
    if entry.key is not None:
        producer, number = entry.key[0].encode("utf-8", "surrogatepass"), entry.key[1]
        length = len(producer)
    marks = _ANNOUNCED * entry.announced | _RESENT * entry.resent
    head = _HEAD.pack(_SIGNALS.index(entry.signal), marks, entry.received_ns, number, length)
    return request_frame(salt, position, "none", entry.span, head + producer + entry.request)


def read_entry(data: bytes, start: int, end: int) -> Entry:
    """Return the entry in the payload of a REQUEST frame, whose check has passed.

    Raises:
        ValueError: It holds something else.
    """
    _, records, body = read_request(data, start, end)
    try:
        signal, marks, received_ns, number, length = _HEAD.unpack_from(body)
        name = _SIGNALS[signal]
    except (struct.error, IndexError):
        raise ValueError("it is no received request") from None
    at = _HEAD.size
    key = None
    if length != _NO_KEY:
        key = (body[at : at + length].decode("utf-8", "surrogatepass"), number)
        at += length
    announced, resent = bool(marks & _ANNOUNCED), bool(marks & _RESENT)
    return Entry(name, body[at:], received_ns, records, key, announced, resent)
