"""A small value in a file, replaced as a whole or not at all.

Two slots, written in turn: whatever interrupts a write, the other slot is whole. Unlike a
temporary file and a rename this needs no space on a full disk, and costs one write.

    slot: crc32 of what follows u32 | generation u64 | length u32 | value
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final
from zlib import crc32

if TYPE_CHECKING:
    from otbridge.delivery.spool.files import Files

__all__ = ["SLOTS", "SLOT_BYTES", "Slots"]

SLOT_BYTES: Final = 8192
SLOTS: Final = 2
_CRC: Final = struct.Struct("<I")
_REST: Final = struct.Struct("<QI")
_HEADER: Final = _CRC.size + _REST.size


class Slots:
    """The file, open.

    Args:
        files: The file system.
        fd: Descriptor of the file, new or written by this class before; closed by `close`.
    """

    def __init__(self, files: Files, fd: int) -> None:
        self._files = files
        self._fd = fd
        self._generation = 0

    def load(self) -> bytes | None:
        """Return the value that was stored last; None if there is none, or none that is whole."""
        found: list[tuple[int, bytes]] = []
        for number in range(SLOTS):
            data = self._files.read(self._fd, SLOT_BYTES, number * SLOT_BYTES)
            if len(data) < _HEADER:
                continue
            generation, length = _REST.unpack_from(data, _CRC.size)
            end = _HEADER + length
            if end <= len(data) and crc32(data[_CRC.size : end]) == _CRC.unpack_from(data)[0]:
                found.append((generation, data[_HEADER:end]))
        if not found:
            return None
        self._generation, value = max(found)
        return value

    def store(self, value: bytes) -> None:
        """Store *value*.

        Raises:
            OSError: it could not be written, or is longer than a slot; what was stored before is
                still there.
        """
        if len(value) > SLOT_BYTES - _HEADER:
            raise OSError(f"{len(value):,} bytes do not fit into a slot of {SLOT_BYTES:,}")
        generation = self._generation + 1
        rest = _REST.pack(generation, len(value)) + value
        data = _CRC.pack(crc32(rest)) + rest
        if generation <= SLOTS:
            data = data.ljust(SLOT_BYTES, b"\0")  # so that the disk's space is ours from now on
        offset = generation % SLOTS * SLOT_BYTES
        if self._files.write(self._fd, data, offset) != len(data):
            raise OSError("a slot was written in part")
        self._generation = generation

    def sync(self) -> None:
        """Return when the value will survive a loss of power."""
        self._files.sync(self._fd)

    def close(self) -> None:
        """Close the file."""
        self._files.close(self._fd)
