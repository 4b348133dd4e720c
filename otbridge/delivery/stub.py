"""What stands in for a record that no receiver takes because of its size.

The small fields stay, so that it is found where it belongs: in its trace, at its time, under its
name. What was large is gone, and an attribute says how large it was.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from otbridge.errors import MalformedData
from otbridge.semconv import ORIGINAL_BYTES
from otbridge.wire.attributes import Names, append_attributes
from otbridge.wire.protobuf import field, varint, walk
from otbridge.wire.values import any_value

if TYPE_CHECKING:
    from otbridge.typing import Signal

__all__ = ["make_stub"]

_SMALL: Final = 256
"""A field of at most so many bytes is small..."""
_MOST: Final = 8192
"""...as long as all of them together have no more than this."""
_RECORD: Final = b"\x12"
"""Field 2 of ScopeLogs and ScopeSpans."""
_LOG_BODY: Final = 5
_ATTRIBUTES: Final = {"logs": Names(tag=b"\x32"), "traces": Names(tag=b"\x4a")}
"""Field 6 of LogRecord, field 9 of Span."""
_DROPPED: Final = {"logs": {6: 7}, "traces": {9: 10, 11: 12, 13: 14}}
"""Which field counts what was dropped from which (opentelemetry/proto/*/v1)."""


def make_stub(signal: Signal, record: bytes) -> bytes | None:
    """Return a small record in the place of *record*; None for a metric, which is all data.

    Args:
        signal: What the record is.
        record: One framed record.
    """
    if signal == "metrics":
        return None
    try:
        message = next(iter(walk(record)))
        parts, dropped = _small_fields(record, message.start, message.end)
    except (MalformedData, StopIteration):
        return None  # a record that we cannot read is not one that we can shorten
    if signal == "logs" and dropped.pop(_LOG_BODY, 0):
        parts.append(field(b"\x2a", any_value("(the message was too large to be sent)")))
    for number, counter in _DROPPED[signal].items():
        if dropped.get(number):
            parts.append(varint(counter << 3) + varint(dropped[number]))
    append_attributes(parts, {ORIGINAL_BYTES: len(record)}, _ATTRIBUTES[signal])
    return field(_RECORD, b"".join(parts))


def _small_fields(record: bytes, start: int, end: int) -> tuple[list[bytes], dict[int, int]]:
    """Return the fields that may stay, and how many of each number may not."""
    parts: list[bytes] = []
    dropped: dict[int, int] = {}
    size = 0
    for item in walk(record, start, end):
        length = item.end - item.tag
        if length <= _SMALL and size + length <= _MOST:
            size += length
            parts.append(record[item.tag : item.end])
        else:
            dropped[item.number] = dropped.get(item.number, 0) + 1
    return parts, dropped
