"""Servers that are slow, silent or gone in the middle of an answer."""

from __future__ import annotations

import socket
import threading
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

import pytest

from otbridge.errors import StoreError
from otbridge.hub.store import QueryTooSlow, StoreFull
from otbridge.hub.store.clickhouse import server
from otbridge.hub.store.clickhouse.address import Address
from otbridge.hub.store.clickhouse.server import Servers

if TYPE_CHECKING:
    from collections.abc import Iterator

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"


@contextmanager
def answering(*answers: bytes | None) -> Iterator[tuple[str, int]]:
    """A server that gives one answer a connection (None: none at all), and then closes it."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        done = threading.Event()

        def serve() -> None:
            for answer in answers:
                connection, _ = listener.accept()
                with connection:
                    connection.recv(65_536)
                    if answer is None:
                        done.wait(20)
                    else:
                        connection.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield listener.getsockname()
        finally:
            done.set()
            thread.join()


def refusing(code: int) -> bytes:
    text = f"Code: {code}. DB::Exception: it is so. (SOMETHING)".encode()
    head = f"HTTP/1.1 500 Oh\r\nX-ClickHouse-Exception-Code: {code}\r\nContent-Length: {len(text)}"
    return head.encode() + b"\r\n\r\n" + text


def opened(*hosts: tuple[str, int], cluster: str = "") -> Servers:
    return Servers(Address(hosts, "otel", cluster=cluster))


def test_a_connection_that_was_closed_meanwhile_is_opened_again() -> None:
    with answering(OK, OK) as host, closing(opened(host)) as servers:
        assert servers.ask("SELECT", {}, {}) == b"hi"
        assert servers.ask("SELECT", {}, {}) == b"hi"


def test_the_next_server_is_asked_where_one_breaks_off_and_stays_the_first() -> None:
    with (
        answering(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nhal") as broken,
        answering(OK, OK) as sound,
        closing(opened(broken, sound)) as servers,
    ):
        assert servers.ask("SELECT", {}, {}) == b"hi"
        assert servers.ask("SELECT", {}, {}) == b"hi"


def test_a_silent_server_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "_ANSWER_S", 0.05)
    with (
        answering(None) as silent,
        answering(OK) as sound,
        closing(opened(silent, sound)) as servers,
    ):
        assert servers.ask("SELECT", {}, {}) == b"hi"


def test_one_that_refuses_is_asked_before_one_that_is_silent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(server, "_STORED_S", 0.05)
    with (
        answering(None) as silent,
        answering(refusing(252), OK) as sound,
        closing(opened(silent, sound)) as servers,
    ):
        with pytest.raises(StoreFull):
            servers.insert("t", "a", b"\x01")
        assert servers._first == 1
        servers.insert("t", "a", b"\x01")


@pytest.mark.parametrize("code", [159, 160, 241])
def test_a_question_beyond_its_budget_is_too_slow(code: int) -> None:
    with (
        answering(refusing(code)) as host,
        closing(opened(host)) as servers,
        pytest.raises(QueryTooSlow),
    ):
        servers.ask("SELECT", {}, {})


def test_an_error_of_a_proxy_has_the_next_server_asked() -> None:
    """It says nothing about the question, as ClickHouse's own errors do."""
    broken = b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 4\r\n\r\noops"
    with (
        answering(broken) as proxy,
        answering(OK) as sound,
        closing(opened(proxy, sound)) as servers,
    ):
        assert servers.ask("SELECT", {}, {}) == b"hi"
    with answering(broken) as proxy, closing(opened(proxy)) as servers:
        with pytest.raises(StoreFull, match="with HTTP 502") as caught:
            servers.insert("t", "a", b"\x01")
        assert "oops" not in str(caught.value)


@pytest.mark.parametrize("encoding", ["gzip", "zstd"])
def test_a_damaged_compressed_answer_has_the_next_server_asked(encoding: str) -> None:
    head = f"HTTP/1.1 200 OK\r\nContent-Encoding: {encoding}\r\nContent-Length: 4\r\n\r\n"
    with (
        answering(head.encode() + b"oops") as broken,
        answering(OK) as sound,
        closing(opened(broken, sound)) as servers,
    ):
        assert servers.ask("SELECT", {}, {}) == b"hi"


@pytest.mark.parametrize(
    ("code", "kind"),
    [(252, StoreFull), (243, StoreFull), (516, StoreFull), (497, StoreFull), (27, StoreError)],
)
def test_a_refused_insert_says_whether_to_come_back(code: int, kind: type[StoreError]) -> None:
    with (
        answering(refusing(code)) as host,
        closing(opened(host)) as servers,
        pytest.raises(StoreError, match="it is so") as caught,
    ):
        servers.insert("t", "a", b"\x01")
    assert type(caught.value) is kind


def test_a_closed_store_asks_nobody() -> None:
    servers = opened(("127.0.0.1", 1))
    servers.close()
    servers.close()
    with pytest.raises(StoreError, match="closed"):
        servers.ask("SELECT", {}, {})
