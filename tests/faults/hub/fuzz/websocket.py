"""WebSocket frames: broken ones, and broken messages in whole ones, to the bridge and the feed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from tests.faults.hub.fuzz import json_text, plain_bytes
from tests.faults.hub.fuzz.case import Case
from tests.faults.hub.fuzz.recorded import recorded

if TYPE_CHECKING:
    import random

__all__ = ["bridge_sockets", "frame", "live_sockets"]

_TEXT, _BINARY, _CLOSE, _PING, _PONG = 1, 2, 8, 9, 10
_MASK = b"\x00\x00\x00\x00"
"""Which leaves the payload as it is."""


def handshake(path: bytes, more: bytes = b"") -> bytes:
    """Return the request for an upgrade."""
    return (
        b"GET %b HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n%b\r\n"
    ) % (path, more)


def frame(payload: bytes, opcode: int = _TEXT, *, first: int = 0x80, length: bytes = b"") -> bytes:
    """Return a masked frame; *first* has the FIN and RSV bits, *length* stands in for the right one."""
    size = len(payload)
    if not length:
        if size < 126:
            length = bytes([0x80 | size])
        elif size < 1 << 16:
            length = b"\xfe" + size.to_bytes(2, "big")
        else:
            length = b"\xff" + size.to_bytes(8, "big")
    return bytes([first | opcode]) + length + _MASK + payload


def _broken(payload: bytes, chance: random.Random) -> bytes:
    """Return frames that break RFC 6455, or go to its limits."""
    way = chance.randrange(12)
    if way == 0:  # RSV bits
        return frame(payload, first=0x80 | chance.randrange(1, 8) << 4)
    if way == 1:  # an unknown opcode
        return frame(payload, chance.choice((3, 7, 11, 15)))
    if way == 2:  # lengths that never come, or have no right to be
        sizes = (2**63 - 1, 2**63, 2**64 - 1, 1 << 20, (1 << 20) + 1, 5, 0)
        return frame(payload, length=b"\xff" + chance.choice(sizes).to_bytes(8, "big"))
    if way == 3:  # unmasked
        return bytes([0x81, len(payload) & 125]) + payload
    if way == 4:  # a fragment that goes on alone
        return frame(payload, 0)
    if way == 5:  # many fragments
        pieces = chance.choice((2, 64, 65, 2000))
        return (
            frame(b"", first=0)
            + frame(b"x", 0, first=0) * pieces
            + frame(b"", 0, first=0x80 * chance.randrange(2))
        )
    if way == 6:  # a control frame that is too large, or in fragments
        return frame(bytes(126), chance.choice((_CLOSE, _PING))) + frame(b"", _PING, first=0)
    if way == 7:  # a flood
        return frame(b"x" * 125, chance.choice((_PING, _PONG))) * 200
    if way == 8:  # strange codes
        code = chance.choice((0, 999, 1004, 1005, 1006, 1015, 2999, 65535)).to_bytes(2, "big")
        return frame(chance.choice((code, code + b"\xff", code[:1], b"")), _CLOSE) + frame(payload)
    if way == 9:
        return frame(payload, _BINARY)
    if way == 10:  # invalid UTF-8, also over two fragments
        bad = payload[:20] + chance.choice(plain_bytes.BAD_TEXTS)
        return frame(bad, first=0) + frame(payload, 0)
    return plain_bytes.mutated(frame(payload), chance, [frame(b"{}"), frame(b"", _PING)])


def bridge_sockets(chance: random.Random) -> Case:
    """Return a connection of a bridge's client that begins well."""
    known = recorded()
    stream = f"{chance.getrandbits(128):032x}"
    hello = next(told for told in known.frames if told["k"] == "hello")
    subprotocol = b"Sec-WebSocket-Protocol: otbridge.v1.json\r\n"
    if chance.random() < 0.05:
        subprotocol = (
            b"Sec-WebSocket-Extensions: permessage-deflate\r\nOrigin: http://localhost\r\n"
        )
    start = handshake(b"/v1/bridge", subprotocol)
    if chance.random() < 0.05:
        start = plain_bytes.mutated(start, chance, [b"\r\n"])
    begin = {**hello, "stream": stream}
    said = [frame(msgspec.json.encode(begin))]
    if chance.random() < 0.2:
        said = [frame(json_text.mutated(begin, chance, known.frames))]
    for _ in range(3):
        told = chance.choice(known.frames)
        payload = json_text.mutated(told, chance, known.frames)
        if chance.random() < 0.2:
            payload = plain_bytes.mutated(payload, chance, [b'{"k":"ping"}', b"[[["])
        said.append(frame(payload) if chance.random() < 0.6 else _broken(payload, chance))
    return Case(start + b"".join(said) + frame(b"\x03\xe8", _CLOSE), 3, 0)


_FILTERS = (
    {"k": "filter", "service": "shop", "severity": "warn"},
    {"k": "filter", "q": "order key=value", "trace_id": "1" * 32},
    {"k": "filter", "service": None},
)


def live_sockets(chance: random.Random) -> Case:
    """Return a viewer's connection; what it says wrong ends nothing."""
    said = []
    for _ in range(8):
        payload = json_text.mutated(chance.choice(_FILTERS), chance, _FILTERS)
        if chance.random() < 0.3:
            payload = plain_bytes.mutated(payload, chance, [b"{}", b"[[["])
        said.append(frame(payload))
    last = _broken(payload, chance) if chance.random() < 0.5 else frame(b"\x03\xe8", _CLOSE)
    return Case(handshake(b"/api/v1/live") + b"".join(said) + last, len(said), 0)
