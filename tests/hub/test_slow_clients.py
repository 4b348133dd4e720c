"""Clients that take their time take nothing from the others."""

from __future__ import annotations

import socket
import statistics
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from otbridge.hub.limits import HEAD_S

if TYPE_CHECKING:
    from tests.hub.hub_process import HubProcess

HALF_A_HEAD = b"GET /healthz HTTP/1.1\r\nHost: loc"
WHOLE = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"


def dial(hub: HubProcess) -> socket.socket:
    host, port = hub.url.removeprefix("http://").split(":")
    return socket.create_connection((host, int(port)), timeout=2 * HEAD_S)


def answer(connection: socket.socket) -> bytes:
    """The whole answer to a request for /healthz; it ends with a JSON object."""
    received = b""
    while not received.endswith(b"}"):
        received += connection.recv(1000)
    return received


@pytest.mark.alone
def test_six_hundred_half_requests_do_not_slow_down_a_whole_one(hub: HubProcess) -> None:
    with ExitStack() as open_sockets:
        for _ in range(600):
            open_sockets.enter_context(dial(hub)).sendall(HALF_A_HEAD)
        taken = []
        for _ in range(100):
            began = time.monotonic()
            assert hub.http.get("/healthz").status_code == 200
            taken.append(time.monotonic() - began)
    assert statistics.quantiles(taken, n=100)[98] < 1  # of 5 s for a head; 0.05 on a quiet machine


def test_a_head_that_does_not_come_to_an_end_is_not_waited_for(shared_hub: HubProcess) -> None:
    with dial(shared_hub) as silent, dial(shared_hub) as half, dial(shared_hub) as second:
        began = time.monotonic()
        half.sendall(HALF_A_HEAD)
        second.sendall(WHOLE)
        assert answer(second).startswith(b"HTTP/1.1 200")
        second.sendall(HALF_A_HEAD)
        assert silent.recv(1) == half.recv(1) == second.recv(1) == b""
        assert HEAD_S - 1 < time.monotonic() - began < HEAD_S + 3


def test_a_connection_that_was_in_time_stays_open(shared_hub: HubProcess) -> None:
    with dial(shared_hub) as patient:
        for _ in range(3):
            patient.sendall(WHOLE[:10])
            patient.sendall(WHOLE[10:])
            assert answer(patient).startswith(b"HTTP/1.1 200")
