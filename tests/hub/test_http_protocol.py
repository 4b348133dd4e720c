"""Who may stay connected, and what those hear who may not."""

from __future__ import annotations

import asyncio
import socket
import statistics
import threading
import time
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
import uvicorn

from otbridge.hub import http_protocol
from otbridge.hub.http_protocol import HurriedProtocol
from otbridge.hub.limits import HEAD_S, MAX_CONNECTIONS, MAX_HEAD_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.hub.hub_process import HubProcess

WHOLE = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"


class Slow:
    """An application that answers when it is told to."""

    def __init__(self) -> None:
        self.asked = threading.Semaphore(0)
        self.answer = asyncio.Event()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.asked.release()
        await self.answer.wait()
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b""})


class Server(uvicorn.Server):
    def __init__(self, app: Any) -> None:
        super().__init__(
            uvicorn.Config(app, port=0, http=HurriedProtocol, lifespan="off", log_config=None)
        )
        self.up = threading.Event()

    async def startup(self, sockets: Any = None) -> None:
        await super().startup(sockets=sockets)
        self.loop = asyncio.get_running_loop()
        self.up.set()


@contextmanager
def served(app: Slow) -> Iterator[int]:
    """Serve *app* on a thread, and yield the port."""
    server = Server(app)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        assert server.up.wait(10)
        yield server.servers[0].sockets[0].getsockname()[1]
    finally:
        server.loop.call_soon_threadsafe(app.answer.set)
        server.should_exit = True
        thread.join()


def dial(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=10)


def everything(connection: socket.socket) -> bytes:
    """What is said until the connection is closed."""
    parts = []
    while part := connection.recv(1000):
        parts.append(part)
    return b"".join(parts)


def test_what_is_no_http_is_answered_with_a_status(shared_hub: HubProcess) -> None:
    with dial(int(shared_hub.url.rpartition(":")[2])) as stranger:
        stranger.sendall(b"\x16\x03\x01 this is TLS\r\n\r\n")
        head, _, body = everything(stranger).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400")
    assert b"content-type: application/json" in head
    status = msgspec.json.decode(body)
    assert (status["code"], status["message"][:24]) == (3, "The request is not HTTP.")


def test_who_is_refused_may_send_the_rest_as_slowly_as_anybody_else(hub: HubProcess) -> None:
    """Five seconds are for a head; the rest of a body that nobody wants takes what a body may."""
    with dial(int(hub.url.rpartition(":")[2])) as sender:
        sender.sendall(
            b"POST /v1/traces HTTP/1.1\r\nHost: localhost\r\n"
            b"Content-Type: application/x-protobuf\r\nContent-Length: %d\r\n\r\n" % (17 << 20)
        )
        refusal = b""
        while b"compress." not in refusal:
            refusal += sender.recv(1000)
        assert refusal.startswith(b"HTTP/1.1 413")
        sender.settimeout(HEAD_S + 1)
        with pytest.raises(TimeoutError):
            sender.recv(1)
        sender.settimeout(10)
        for _ in range(17):
            sender.sendall(bytes(1 << 20))
        sender.sendall(WHOLE)
        assert sender.recv(12) == b"HTTP/1.1 200"


@pytest.mark.alone
def test_an_answer_on_a_kept_connection_is_not_held_back(shared_hub: HubProcess) -> None:
    """Nagle's algorithm and delayed acknowledgements would make 40 ms of each."""
    taken = []
    for _ in range(20):
        began = time.monotonic()
        assert shared_hub.http.get("/healthz").status_code == 200
        taken.append(time.monotonic() - began)
    assert statistics.median(taken) < 0.03


def test_when_too_many_are_connected_the_longest_silent_goes(shared_hub: HubProcess) -> None:
    port = int(shared_hub.url.rpartition(":")[2])
    with ExitStack() as stack:
        first, *_, last = [stack.enter_context(dial(port)) for _ in range(MAX_CONNECTIONS + 1)]
        assert everything(first) == b""
        last.sendall(WHOLE)
        assert last.recv(12) == b"HTTP/1.1 200"


def test_where_all_are_busy_the_next_is_told_to_come_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(http_protocol, "MAX_CONNECTIONS", 2)
    app = Slow()
    with served(app) as port, dial(port) as first, dial(port) as second:
        for busy in (first, second):
            busy.sendall(WHOLE)
            assert app.asked.acquire(timeout=10)
        with dial(port) as third:
            head, _, body = everything(third).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 503")
    assert b"retry-after: 1" in head
    assert msgspec.json.decode(body)["code"] == 14


def test_another_machine_has_fewer_connections_than_all_together(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(http_protocol, "MAX_CONNECTIONS_PER_ADDRESS", 2)
    monkeypatch.setattr(http_protocol, "_is_this_machine", lambda _: False)
    app = Slow()
    with served(app) as port, dial(port) as busy, dial(port) as silent:
        busy.sendall(WHOLE)
        assert app.asked.acquire(timeout=10)
        with dial(port) as third:
            assert everything(silent) == b""
            third.sendall(WHOLE)
            assert app.asked.acquire(timeout=10)


@pytest.mark.parametrize(
    ("address", "ours"),
    [
        ("127.0.0.1", True),
        ("127.8.8.8", True),
        ("::1", True),
        ("::ffff:127.0.0.1", True),
        ("/run/hub.sock", True),
        ("192.0.2.1", False),
        ("::ffff:192.0.2.1", False),
        ("2001:db8::1", False),
    ],
)
def test_this_machine_is_known_by_its_loopback_addresses(address: str, ours: bool) -> None:
    assert http_protocol._is_this_machine(address) is ours


def test_headers_that_go_on_and_on_are_cut_off(shared_hub: HubProcess) -> None:
    before = shared_hub.resident_bytes()
    line = b"baggage: " + b"k=v," * 2000 + b"\r\n"
    with dial(int(shared_hub.url.rpartition(":")[2])) as stranger:
        stranger.sendall(WHOLE.rstrip() + b"\r\n")
        answer = b""
        try:
            for _ in range(500):
                stranger.sendall(line)
            answer = everything(stranger)
        except OSError:
            pass  # cut off while we were still sending, and the answer with it
    assert answer == b"" or answer.startswith(b"HTTP/1.1 431")
    assert shared_hub.resident_bytes() - before < 4 << 20


def test_headers_up_to_the_limit_are_read(shared_hub: HubProcess) -> None:
    headers = {"x-long": "a" * (MAX_HEAD_BYTES // 2)}
    assert shared_hub.http.get("/healthz", headers=headers).status_code == 200


def test_a_body_that_nobody_read_is_not_taken_for_headers(shared_hub: HubProcess) -> None:
    with dial(int(shared_hub.url.rpartition(":")[2])) as sender:
        size = 4 * MAX_HEAD_BYTES
        head = b"POST /healthz/x HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n" % size
        sender.sendall(head)
        assert sender.recv(12) == b"HTTP/1.1 405"
        for _ in range(4):
            sender.sendall(b"x" * MAX_HEAD_BYTES)
        sender.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        assert b"HTTP/1.1 200" in everything(sender)
