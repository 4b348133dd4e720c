"""HTTP/2 as no gRPC client speaks it, written by hand to a real hub (CVE-2023-44487 and kin)."""

from __future__ import annotations

import socket
import struct
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import grpc
import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.hub.hub_process import HubProcess

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, RST_STREAM, SETTINGS, PING, CONTINUATION = 0, 1, 3, 4, 6, 9
END_STREAM, END_HEADERS = 1, 4
TRACES = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def literal(name: str, value: str) -> bytes:
    """A header as HPACK writes it without any table (RFC 7541 §6.2.2); short texts only."""
    return b"\x00" + bytes([len(name)]) + name.encode() + bytes([len(value)]) + value.encode()


HEAD = b"".join(
    literal(name, value)
    for name, value in (
        (":method", "POST"),
        (":scheme", "http"),
        (":path", TRACES),
        (":authority", "localhost"),
        ("content-type", "application/grpc"),
        ("te", "trailers"),
    )
)


@contextmanager
def opened(hub: HubProcess) -> Iterator[socket.socket]:
    host, port = hub.grpc.split(":")
    with socket.create_connection((host, int(port)), timeout=5) as connection:
        connection.sendall(PREFACE + frame(SETTINGS, 0, 0))
        yield connection


def flood(connection: socket.socket, parts: Iterator[bytes]) -> None:
    """Send until all is sent or the hub has had enough; read nothing but what makes room."""
    connection.setblocking(False)
    waiting = b""
    try:
        for part in parts:
            waiting += part
            while len(waiting) > 1 << 16:
                try:
                    waiting = waiting[connection.send(waiting) :]
                except BlockingIOError:
                    pass
                try:
                    connection.recv(1 << 16)
                except BlockingIOError:
                    pass
    except ConnectionError:
        pass  # it has


def still_serves(hub: HubProcess) -> bool:
    with grpc.insecure_channel(hub.grpc) as channel:
        call: Any = channel.unary_unary(TRACES)
        return bool(call(b"", timeout=10) == b"")


def resets() -> Iterator[bytes]:
    for stream in range(1, 60_001, 2):
        yield frame(HEADERS, END_HEADERS, stream, HEAD)
        yield frame(RST_STREAM, 0, stream, struct.pack(">I", 8))


def endless_headers() -> Iterator[bytes]:
    yield frame(HEADERS, 0, 1, HEAD)
    more = literal("x-a", "a" * 100) * 100
    for _ in range(14_000):  # 140 MB that are one head
        yield frame(CONTINUATION, 0, 1, more)


def settings() -> Iterator[bytes]:
    for _ in range(200_000):
        yield frame(SETTINGS, 0, 0, struct.pack(">HI", 4, 65_535))


def pings() -> Iterator[bytes]:
    for number in range(200_000):
        yield frame(PING, 0, 0, struct.pack(">Q", number))


def unended() -> Iterator[bytes]:
    for stream in range(1, 20_001, 2):
        yield frame(HEADERS, END_HEADERS, stream, HEAD)
        yield frame(DATA, 0, stream, b"\x00\x00\x00\x10\x00half")


@pytest.mark.parametrize("abuse", [resets, endless_headers, settings, pings, unended])
def test_a_flood_takes_no_memory_and_keeps_nobody_out(hub: HubProcess, abuse: Any) -> None:
    assert still_serves(hub)
    before = hub.resident_bytes()
    with opened(hub) as connection:
        flood(connection, abuse())
        assert still_serves(hub)
    # gRPC reads ahead by some 60 MB; what matters is that it does not grow with what is sent.
    assert hub.resident_bytes() - before < 96 << 20
    assert hub.process.poll() is None


def test_a_calls_metadata_is_limited(hub: HubProcess) -> None:
    with grpc.insecure_channel(hub.grpc) as channel:
        call: Any = channel.unary_unary(TRACES)
        with pytest.raises(grpc.RpcError) as caught:
            call(b"", timeout=10, metadata=(("x-a", "a" * 40_000),))
    assert caught.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
    assert still_serves(hub)
