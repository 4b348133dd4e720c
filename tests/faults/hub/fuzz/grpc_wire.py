"""gRPC as bytes: HTTP/2 frames with mutated messages in them, and mutated HTTP/2."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING

from tests.faults.hub.fuzz import plain_bytes, protobuf
from tests.faults.hub.fuzz.case import Case
from tests.faults.hub.fuzz.recorded import fresh, recorded

if TYPE_CHECKING:
    import random

__all__ = ["grpc_calls", "grpc_message", "method_of"]

_CALLS = 16
"""On one connection."""

_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_DATA, _HEADERS, _RESET, _SETTINGS, _PING, _GOAWAY, _WINDOW, _CONTINUATION = 0, 1, 3, 4, 6, 7, 8, 9
_END_STREAM, _END_HEADERS = 1, 4


def method_of(signal: str) -> str:
    """Return the path of the signal's Export."""
    name = {"traces": "trace", "logs": "logs", "metrics": "metrics"}[signal]
    return f"/opentelemetry.proto.collector.{name}.v1.{name.title()}Service/Export"


def grpc_message(chance: random.Random) -> tuple[str, bytes]:
    """Return a method and a message for it."""
    known = recorded()
    signal = chance.choice(("traces", "logs", "metrics"))
    message = chance.choice(known.requests[signal])
    mutate = protobuf.mutated if chance.random() < 0.75 else plain_bytes.mutated
    for _ in range(chance.choice((1, 1, 2))):
        message = mutate(message, chance, known.all_requests)
    return method_of(signal), fresh(message, chance)


def _frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    return (
        len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload
    )


def _block(pairs: list[tuple[bytes, bytes]]) -> bytes:
    """Return headers in HPACK, each literal and not to be remembered (RFC 7541 §6.2.2)."""
    return b"".join(b"\x00" + _string(name) + _string(value) for name, value in pairs)


def _string(text: bytes) -> bytes:
    if len(text) < 127:
        return bytes([len(text)]) + text
    return b"\x7f" + protobuf.varint(len(text) - 127) + text


def _head(chance: random.Random, method: str, encoding: bytes) -> bytes:
    pairs = [
        (b":method", b"POST"),
        (b":scheme", b"http"),
        (b":path", method.encode()),
        (b":authority", b"localhost"),
        (b"te", b"trailers"),
        (b"content-type", b"application/grpc"),
    ]
    if encoding:
        pairs.append((b"grpc-encoding", encoding))
    if chance.random() < 0.2:
        # A path that is no text ends the server, which is opened again; not with every connection.
        place = chance.choice((0, 1, 3, 4, 5) if chance.random() < 0.98 else (2,))
        name, value = pairs[place]
        pairs[place] = (name, plain_bytes.mutated(value, chance, [b"x", b"\xff"]))
    if chance.random() < 0.1:
        names = (b"grpc-timeout", b"grpc-status-details-bin", b"x-bin", b"authorization", b"X")
        pairs.append((chance.choice(names), chance.choice((b"1n", b"\xff", b"A", b"x" * 20_000))))
    return _block(pairs)


def _call(chance: random.Random, stream: int) -> bytes:
    method, message = grpc_message(chance)
    compressed, encoding = 0, b""
    if chance.random() < 0.25:
        compressed, encoding = 1, b"gzip"
        message = gzip.compress(message, 1, mtime=0)
        if chance.random() < 0.5:
            message = plain_bytes.mutated(message, chance, [b"\x1f\x8b\x08\x00"])
        encoding = chance.choice((encoding, encoding, b"deflate", b"zstd", b""))
    size = len(message)
    if chance.random() < 0.1:
        size = chance.choice((0, size + 1, 2**31, 2**32 - 1, size // 2))
    body = bytes([compressed]) + size.to_bytes(4, "big") + message
    cut = chance.randrange(len(body)) if chance.random() < 0.1 else 0
    parts = [body[:cut], body[cut:]] if cut else [body]
    parts = [
        part[start : start + 16_000] for part in parts for start in range(0, len(part), 16_000)
    ]
    frames = [_frame(_HEADERS, _END_HEADERS, stream, _head(chance, method, encoding))]
    frames += [_frame(_DATA, 0, stream, part) for part in parts]
    frames.append(_frame(_DATA, _END_STREAM, stream, b""))
    if chance.random() < 0.05:
        odd = (
            _frame(_RESET, 0, stream, bytes(4)),
            _frame(_WINDOW, 0, stream, chance.choice((bytes(4), b"\x7f\xff\xff\xff"))),
            _frame(_PING, 0, 0, bytes(chance.choice((8, 7)))),
            _frame(_SETTINGS, 0, 0, chance.randbytes(6)),
            _frame(_CONTINUATION, 0, stream, bytes(10)),
            _frame(_GOAWAY, 0, 0, bytes(8)),
            _frame(chance.randrange(256), chance.randrange(256), chance.randrange(9), bytes(5)),
        )
        frames.insert(chance.randrange(len(frames) + 1), chance.choice(odd))
    return b"".join(frames)


def grpc_calls(chance: random.Random) -> Case:
    """Return a connection with some calls."""
    start = _PREFACE + _frame(_SETTINGS, 0, 0, b"") + _frame(_WINDOW, 0, 0, b"\x3f\xff\x00\x01")
    data = start + b"".join(_call(chance, 2 * number + 1) for number in range(_CALLS))
    if chance.random() < 0.3:
        data = plain_bytes.mutated(data, chance, [_PREFACE, bytes(9)])
    return Case(data, _CALLS, 0)
