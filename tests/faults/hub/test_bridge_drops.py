"""Row 44: a bridge's connection that breaks, and batches that come late, twice or out of order."""

from __future__ import annotations

import json
import socket
import struct
import time
import uuid
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect
from websockets.typing import Subprotocol

from tests.faults.hub.fuzz.websocket import frame

if TYPE_CHECKING:
    from collections.abc import Iterator

    from websockets.sync.client import ClientConnection

    from tests.hub.hub_process import HubProcess

AT_ONCE = struct.pack("ii", 1, 0)
"""SO_LINGER: closing sends a reset, and nothing that still waits."""


class Page:
    """A client of the bridge that numbers its batches."""

    def __init__(self, hub: HubProcess) -> None:
        self.hub = hub
        self.stream = uuid.uuid4().hex
        self.trace_id = uuid.uuid4().hex

    @contextmanager
    def connect(self) -> Iterator[tuple[ClientConnection, dict[str, Any]]]:
        with connect(
            f"{self.hub.ws_url}/v1/bridge", subprotocols=[Subprotocol("otbridge.v1.json")]
        ) as connection:
            hello = {
                "k": "hello",
                "v": 1,
                "epoch": time.time_ns() // 1000,
                "stream": self.stream,
                "resource": [{"key": "service.name", "value": {"stringValue": "drops"}}],
                "sdk": {"name": "tests", "version": "1"},
                "clock": time.time() * 1000,
            }
            connection.send(json.dumps(hello))
            yield connection, json.loads(connection.recv(timeout=5))

    def batch(self, number: int) -> str:
        record = {"body": {"stringValue": f"line {number}"}, "traceId": self.trace_id}
        logs = [{"scope": {"name": "page"}, "logRecords": [record]}]
        return json.dumps({"k": "batch", "id": number, "n": 1, "logs": logs})

    def shown(self) -> list[str]:
        """What the hub shows of it, in order."""
        found = self.hub.http.get("/api/v1/logs", params={"trace_id": self.trace_id}).json()
        return sorted(log["body"] for log in found["logs"])


def acknowledged(connection: ClientConnection, number: int) -> None:
    """Wait until *number* and all before it are acknowledged."""
    while True:
        told = json.loads(connection.recv(timeout=5))
        if told["k"] == "ack" and told["id"] >= number:
            return


def cut(connection: ClientConnection) -> None:
    """Break the connection without a good-bye."""
    connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, AT_ONCE)
    connection.socket.shutdown(socket.SHUT_RDWR)


def test_a_connection_that_breaks_in_a_frame_is_gone_on_with_within_a_second(
    shared_hub: HubProcess,
) -> None:
    """Row 44: the hub says where it was, what was half is not there, and nothing is there twice."""
    page = Page(shared_hub)
    with page.connect() as (connection, _):
        connection.send(page.batch(1))
        acknowledged(connection, 1)
        half = frame(page.batch(2).encode())
        connection.socket.sendall(half[: len(half) // 2])
        cut(connection)
    broke = time.monotonic()
    with page.connect() as (connection, ready):
        assert ready["last"] == 1
        assert time.monotonic() - broke < 1
        connection.send(page.batch(2))
        acknowledged(connection, 2)
    assert page.shown() == ["line 1", "line 2"]


def test_batches_in_any_order_and_any_number_of_times_are_shown_once(
    shared_hub: HubProcess,
) -> None:
    """Row 44: twice, out of order, from long ago, and over a second connection that takes over."""
    page = Page(shared_hub)
    with page.connect() as (first, _):
        for number in (1, 3, 2, 3, 1, 2):
            first.send(page.batch(number))
        acknowledged(first, 3)
        with page.connect() as (second, ready):
            assert ready["last"] == 3
            for number in (5, 1, 4, 4):
                second.send(page.batch(number))
            acknowledged(second, 5)
        with pytest.raises(ConnectionClosed) as ended:
            acknowledged(first, 6)
        assert ended.value.rcvd is not None
        assert ended.value.rcvd.code == 4409  # taken over
    assert page.shown() == [f"line {number}" for number in range(1, 6)]


def test_a_gap_is_not_acknowledged_until_it_is_closed(shared_hub: HubProcess) -> None:
    """Row 44: what comes behind a gap is kept, and the hub says up to where it has everything."""
    page = Page(shared_hub)
    with page.connect() as (connection, _):
        connection.send(page.batch(1))
        acknowledged(connection, 1)
        connection.send(page.batch(3))
    with page.connect() as (connection, ready):
        assert ready["last"] == 1
        connection.send(page.batch(2))
        acknowledged(connection, 3)
    assert page.shown() == ["line 1", "line 2", "line 3"]
