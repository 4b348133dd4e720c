"""What the hub and its embedded ClickHouse say to each other: MessagePack, each with its length."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any, Final

import msgspec

if TYPE_CHECKING:
    import socket

__all__ = ["MESSAGES", "read_frame", "write_frame"]

MESSAGES: Final = "otbridge.messages"
"""In a statement: the file that the process makes of the bytes beside it."""

_LENGTH: Final = struct.Struct(">I")


def write_frame(out: socket.socket, said: list[Any]) -> None:
    """Send one frame.

    Raises:
        OSError: The other side is gone.
    """
    body = msgspec.msgpack.encode(said)
    out.sendall(_LENGTH.pack(len(body)) + body)


def read_frame(source: socket.socket) -> list[Any] | None:
    """Return the next frame, or None where the other side is gone."""
    head = _read(source, _LENGTH.size)
    if head is None:
        return None
    body = _read(source, *_LENGTH.unpack(head))
    if body is None:
        return None
    said: list[Any] = msgspec.msgpack.decode(body)
    return said


def _read(source: socket.socket, size: int) -> bytearray | None:
    data = bytearray(size)
    view = memoryview(data)
    done = 0
    while done < size:
        read = source.recv_into(view[done:])
        if not read:
            return None
        done += read
    return data
