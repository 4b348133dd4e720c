"""WebSocket frames as no browser sends them, written by hand to a real hub."""

from __future__ import annotations

import base64
import os
import socket
import struct
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from otbridge.hub.limits import MAX_FRAGMENTS, MAX_WEBSOCKET_BYTES, MESSAGE_S

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.hub.hub_process import HubProcess

TEXT, CONT, PING, CLOSE = 1, 0, 9, 8


@contextmanager
def opened(hub: HubProcess) -> Iterator[socket.socket]:
    """A connection to the live feed, after the handshake and the greeting."""
    host, port = hub.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=MESSAGE_S + 10) as connection:
        key = base64.b64encode(os.urandom(16)).decode()
        connection.sendall(
            f"GET /api/v1/live HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\n"
            f"Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n"
            "Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n".encode()
        )
        head = b""
        while b'"hello"' not in head:
            head += connection.recv(4096)
        assert head.startswith(b"HTTP/1.1 101")
        assert b"permessage-deflate" not in head.lower()
        yield connection


def frame(
    opcode: int, payload: bytes = b"", *, fin: bool = True, rsv: int = 0, masked: bool = True
) -> bytes:
    first = (0x80 if fin else 0) | rsv << 4 | opcode
    size = len(payload)
    if size < 126:
        head = struct.pack(">BB", first, (0x80 if masked else 0) | size)
    else:
        head = struct.pack(">BBQ", first, (0x80 if masked else 0) | 127, size)
    return head + (bytes(4) if masked else b"") + payload  # a mask of zeros changes nothing


def code_of_the_end(connection: socket.socket) -> int:
    """The close code that the hub says good-bye with; 0 where it just cuts the connection."""
    said = b""
    try:
        while part := connection.recv(4096):
            said += part
    except ConnectionError:
        return 0
    place = said.rfind(b"\x88")
    return int.from_bytes(said[place + 2 : place + 4], "big") if place >= 0 else 0


@pytest.mark.parametrize("piece", [b"", b"x"])
def test_a_message_in_ever_more_pieces_is_ended(shared_hub: HubProcess, piece: bytes) -> None:
    before = shared_hub.resident_bytes()
    with opened(shared_hub) as connection:
        try:
            connection.sendall(frame(TEXT, piece, fin=False))
            for _ in range(100):
                connection.sendall(frame(CONT, piece, fin=False) * 10_000)
        except ConnectionError:
            pass  # cut off while we were still sending
        assert code_of_the_end(connection) in (1009, 0)
    assert shared_hub.resident_bytes() - before < 8 << 20


def test_as_many_pieces_as_are_allowed_are_one_message(shared_hub: HubProcess) -> None:
    text = b'{"k": "filter", "service": "a"}'
    with opened(shared_hub) as connection:
        connection.sendall(frame(TEXT, text, fin=False))
        connection.sendall(frame(CONT, fin=False) * (MAX_FRAGMENTS - 2) + frame(CONT))
        connection.sendall(frame(PING, b"still here"))
        assert b"still here" in connection.recv(4096)


def test_a_message_that_never_comes_to_its_end_is_not_waited_for(shared_hub: HubProcess) -> None:
    with opened(shared_hub) as connection:
        began = time.monotonic()
        connection.sendall(frame(TEXT, b"{", fin=False))
        assert code_of_the_end(connection) == 1008
        assert MESSAGE_S - 1 < time.monotonic() - began < MESSAGE_S + 5


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        (struct.pack(">BBQ", 0x81, 0xFF, 2**63) + bytes(4), 1009),
        (struct.pack(">BBQ", 0x81, 0xFF, 2**63 - 1) + bytes(4), 1009),
        (struct.pack(">BBQ", 0x81, 0xFF, MAX_WEBSOCKET_BYTES + 1) + bytes(4), 1009),
        (frame(TEXT, b"{}", masked=False), 1002),
        (frame(TEXT, b"{}", rsv=4), 1002),
        (frame(TEXT, b"{}", rsv=1), 1002),
        (frame(3, b"{}"), 1002),
        (frame(PING, b"x" * 126), 1002),
        (frame(PING, b"x", fin=False), 1002),
        (frame(CONT, b"{}"), 1002),
        (frame(TEXT, b"{", fin=False) + frame(TEXT, b"}"), 1002),
        (frame(TEXT, b"\xff\xfe"), 1007),
    ],
    ids=[
        "2^63", "2^63-1", "too large", "unmasked", "compressed", "reserved bit", "opcode",
        "long ping", "ping in pieces", "no beginning", "two beginnings", "not UTF-8",
    ],
)  # fmt: skip
def test_what_is_no_frame_ends_the_connection(
    shared_hub: HubProcess, wrong: bytes, code: int
) -> None:
    with opened(shared_hub) as connection:
        connection.sendall(wrong)
        assert code_of_the_end(connection) in (code, 0)


def test_a_flood_of_pings_that_nobody_reads_the_answers_of_takes_no_memory(
    shared_hub: HubProcess,
) -> None:
    before = shared_hub.resident_bytes()
    flood = frame(PING, b"x" * 125) * 1000
    with opened(shared_hub) as connection:
        connection.settimeout(3)
        cut_off = False
        try:
            for _ in range(400):  # 50 MB
                connection.sendall(flood)
        except (ConnectionError, TimeoutError):
            cut_off = True
        assert cut_off
    assert shared_hub.resident_bytes() - before < 16 << 20
    assert shared_hub.http.get("/healthz").status_code == 200


def test_a_text_that_is_none_ends_the_connection(shared_hub: HubProcess) -> None:
    with opened(shared_hub) as connection:
        connection.sendall(frame(TEXT, b"\xed\xa0\x80"))
        assert code_of_the_end(connection) == 1007


@pytest.mark.parametrize("last", [b"\xff", b"no JSON"])
def test_who_says_good_bye_right_after_something_wrong_leaves_no_trace(
    shared_hub: HubProcess, last: bytes
) -> None:
    with opened(shared_hub) as connection:
        connection.sendall(frame(TEXT, last) + frame(CLOSE, b"\x03\xe8"))
        assert code_of_the_end(connection) in (1000, 1007)


def test_who_breaks_the_protocol_while_being_answered_leaves_no_trace(
    shared_hub: HubProcess,
) -> None:
    with opened(shared_hub) as connection:
        connection.sendall(frame(TEXT, b"no JSON") * 3 + frame(TEXT, b"x", rsv=7))
        assert code_of_the_end(connection) == 1002
