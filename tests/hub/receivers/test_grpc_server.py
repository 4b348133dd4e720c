"""A door for gRPC that stays open whatever comes through it."""

from __future__ import annotations

import socket
import time
from typing import TYPE_CHECKING, Any

import grpc

if TYPE_CHECKING:
    from tests.hub.hub_process import HubProcess

EXPORT = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes.fromhex("000000040000000000")


def call(stream: int, path: bytes, more: bytes = b"") -> bytes:
    """The head of a call on an HTTP/2 connection; its headers are written out, none by number."""
    pairs = [
        (b":method", b"POST"),
        (b":scheme", b"http"),
        (b":path", path),
        (b":authority", b"localhost"),
        (b"te", b"trailers"),
        (b"content-type", b"application/grpc"),
        *([(b"x", more)] if more else []),
    ]
    block = b"".join(
        b"\x00" + bytes([len(name)]) + name + bytes([len(value)]) + value for name, value in pairs
    )
    return len(block).to_bytes(3, "big") + b"\x01\x04" + stream.to_bytes(4, "big") + block


def write(hub: HubProcess, *heads: bytes) -> socket.socket:
    host, port = hub.grpc.split(":")
    connection = socket.create_connection((host, int(port)), timeout=10)
    connection.sendall(PREFACE + b"".join(heads))
    return connection


def is_served(hub: HubProcess) -> bool:
    with grpc.insecure_channel(hub.grpc) as channel:
        try:
            ask: Any = channel.unary_unary(EXPORT)
            ask(b"", timeout=1)
        except grpc.RpcError:
            return False
        return True


def test_a_path_that_is_no_text_ends_the_service_for_a_moment_only(hub: HubProcess) -> None:
    assert is_served(hub)
    # A call that never comes to its end does not keep the door shut.
    with write(hub, call(1, EXPORT.encode())):
        for path in (b"/\xff\xfe", b"\xaf", b"/opentelemetry\xff"):
            with write(hub, call(1, path)) as broken:
                while broken.recv(1000):
                    pass
            deadline = time.monotonic() + 10
            while not is_served(hub):
                assert time.monotonic() < deadline
                time.sleep(0.05)  # another process
    code, errors = hub.end()
    assert code == 0
    assert "Traceback" not in errors
    assert errors.count("has ended gRPC's server") == 1


def test_headers_that_are_no_text_fill_no_log(hub: HubProcess) -> None:
    with write(hub, *(call(2 * each + 1, EXPORT.encode(), b"\xff") for each in range(20))) as open_:
        assert open_.recv(100)
        assert is_served(hub)
    assert hub.end() == (0, "")
