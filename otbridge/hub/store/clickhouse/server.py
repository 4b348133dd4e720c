"""ClickHouse servers, spoken to over their HTTP interface."""

from __future__ import annotations

import http.client
import queue
import threading
import zlib
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from urllib.parse import urlencode

from otbridge.errors import StoreError
from otbridge.hub.store import QueryTooSlow, StoreFull
from otbridge.hub.store.clickhouse.engine import problem_of
from otbridge.hub.store.clickhouse.trust import context_of, explained, not_clickhouse
from otbridge.wire.compression import compress

if TYPE_CHECKING:
    from collections.abc import Mapping

    from otbridge.hub.store.clickhouse.address import Address
    from otbridge.hub.store.clickhouse.loading import Loading

__all__ = ["Servers", "Unreachable", "closed"]

_CONNECT_S: Final = 3.0
"""A server that does not take a connection in this time is passed over."""

_ANSWER_S: Final = 10.0
"""A question ends by its own budget of 2 s; a server that is silent for longer has gone."""

_STORED_S: Final = 60.0
"""The same for inserts and statements, which may have to wait for merges and other servers."""

_IDLE: Final = 8
"""Connections to one server that are kept open while nobody asks."""

_SHORT: Final = 1_400
"""A body that fits into one packet gains nothing by compression."""

_GZIP: Final = 31
"""zlib's number for gzip."""


class Unreachable(StoreError):  # noqa: N818 - says what the server is
    """One server did not answer."""


class Servers:
    """The servers of one address. The first that can be reached does the work.

    Raises:
        StoreError: The file of the authorities to trust cannot be used.
    """

    def __init__(self, address: Address) -> None:
        self._address = address
        self._tls = context_of(address)
        # As bytes: http.client would write texts as Latin-1, which ClickHouse does not read.
        self._headers = {"X-ClickHouse-User": address.user.encode()}
        if address.password:
            self._headers["X-ClickHouse-Key"] = address.password.encode()
        self._idle: list[queue.LifoQueue[http.client.HTTPConnection]] = [
            queue.LifoQueue(_IDLE) for _ in address.hosts
        ]
        self._first = 0
        self._lock = threading.Lock()
        self._closed = False

    @property
    def nodes(self) -> int:
        """How many servers have tables of their own."""
        return len(self._address.hosts)

    def ask(self, sql: str, parameters: Mapping[str, str], settings: Mapping[str, Any]) -> bytes:
        """Return the answer to a SELECT."""
        options = {f"param_{name}": value for name, value in parameters.items()}
        _, answer = self._anywhere(options | dict(settings), sql.encode(), writing=False)
        return answer

    def insert(self, table: str, columns: str, values: bytes) -> None:
        """Store rows given as MessagePack; on a cluster, on every replica that can be reached."""
        self._store(table, {"query": f"INSERT INTO {table} ({columns}) FORMAT MsgPack"}, values)

    def load(self, table: str, loading: Loading, messages: bytes) -> None:
        """Store what *loading* makes of Protobuf messages; on a cluster as `insert` does."""
        # In front of the data: the statement is longer than some proxies take in an address.
        statement = loading.statement(table, "input(STRUCTURE)")
        self._store(table, {}, b"".join((statement.encode(), b" FORMAT Protobuf\n", messages)))

    def _store(self, table: str, options: dict[str, Any], body: bytes) -> None:
        if self._address.cluster:
            options["distributed_foreground_insert"] = 1
        try:
            self._anywhere(options, body, writing=True)
        except StoreFull:
            if not self._address.cluster:
                raise
            # A node is down. The one that takes the insert keeps for it, on disk, what it misses.
            options["distributed_foreground_insert"] = 0
            node, _ = self._anywhere(options, body, writing=True)
            self._hurry(node, table)

    def execute(self, sql: str, node: int) -> bytes:
        """Run any statement on the server of this number."""
        try:
            return self._post(node, {}, sql.encode(), writing=True)
        except _NoAnswer as error:
            host, port = self._address.hosts[node]
            raise Unreachable(f"{host}:{port} cannot be reached.", error.why, error.do) from None

    def close(self) -> None:
        """Close all connections."""
        self._closed = True
        for idle in self._idle:
            with suppress(queue.Empty):
                while True:
                    idle.get_nowait().close()

    def _hurry(self, node: int, table: str) -> None:
        """Have a server give to those that live what it keeps for others, before it is told of.

        It does so every two seconds by itself, and goes on until all have it. That one of them is
        down is what it answers here.
        """
        with suppress(StoreError, _NoAnswer):
            self._post(node, {}, f"SYSTEM FLUSH DISTRIBUTED {table}".encode(), writing=True)

    def _anywhere(
        self, options: Mapping[str, Any], body: bytes, *, writing: bool
    ) -> tuple[int, bytes]:
        """Have the work done by the first server that can be reached; return which, and its answer.

        Raises:
            StoreError: None can be reached, or one says no.
        """
        count = len(self._idle)
        problem = _NoAnswer("", "")
        for step in range(count):
            node = (self._first + step) % count
            try:
                answer = self._post(node, options, body, writing=writing)
            except _NoAnswer as error:
                problem = error
                continue
            except (StoreError, QueryTooSlow):
                self._first = node  # it answered: whoever is silent is not waited for again
                raise
            self._first = node
            return node, answer
        kind = StoreFull if writing else StoreError
        raise kind(f"{self._address} cannot be reached.", problem.why, problem.do)

    def _post(self, node: int, options: Mapping[str, Any], body: bytes, *, writing: bool) -> bytes:
        request = self._request(options, body)
        connection, used = self._connection(node)
        try:
            status, code, answer = self._exchange(connection, request, writing=writing)
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            if self._closed:
                raise closed() from None
            if not used or isinstance(error, TimeoutError):
                raise self._no_answer(error) from error
            # It was closed by the server while nobody asked. Everything we send may come twice.
            connection = self._connect(node)
            try:
                status, code, answer = self._exchange(connection, request, writing=writing)
            except (OSError, http.client.HTTPException) as again:
                connection.close()
                raise self._no_answer(again) from again
        self._give_back(node, connection)
        if status != 200:
            if not code:  # which ClickHouse always gives
                raise _NoAnswer(*not_clickhouse(status))
            raise problem_of(code, answer.decode("utf-8", "replace"), writing=writing)
        return answer

    def _request(self, options: Mapping[str, Any], body: bytes) -> _Request:
        # Errors that come in the middle of an answer are told only of answers that are whole.
        settings = {"wait_end_of_query": 1, **options}
        headers = dict(self._headers)
        packing = self._address.compression
        if packing != "none":
            settings["enable_http_compression"] = 1
            headers["Accept-Encoding"] = packing.encode()
            if len(body) > _SHORT:
                body = compress(body, packing)
                headers["Content-Encoding"] = packing.encode()
        return _Request("/?" + urlencode(settings), body, headers)

    def _exchange(
        self, connection: http.client.HTTPConnection, request: _Request, *, writing: bool
    ) -> tuple[int, int, bytes]:
        connection.sock.settimeout(_STORED_S if writing else _ANSWER_S)
        connection.request("POST", *request)
        response = connection.getresponse()
        answer = _plain(response.read(), response.headers.get("Content-Encoding"))
        code = response.headers.get("X-ClickHouse-Exception-Code") or "0"
        return response.status, int(code) if code.isdigit() else 0, answer

    def _connection(self, node: int) -> tuple[http.client.HTTPConnection, bool]:
        """Return a connection, and whether it was used before."""
        if self._closed:
            raise closed()
        try:
            return self._idle[node].get_nowait(), True
        except queue.Empty:
            return self._connect(node), False

    def _connect(self, node: int) -> http.client.HTTPConnection:
        host, port = self._address.hosts[node]
        connection = (
            http.client.HTTPSConnection(host, port, timeout=_CONNECT_S, context=self._tls)
            if self._tls
            else http.client.HTTPConnection(host, port, timeout=_CONNECT_S)
        )
        try:
            connection.connect()
        except OSError as error:
            connection.close()
            raise self._no_answer(error) from error
        return connection

    def _no_answer(self, error: Exception) -> _NoAnswer:
        return _NoAnswer(*explained(error, secure=self._address.secure))

    def _give_back(self, node: int, connection: http.client.HTTPConnection) -> None:
        if connection.sock is None or self._closed:  # the server wants it closed, or we do
            connection.close()
            return
        try:
            self._idle[node].put_nowait(connection)
        except queue.Full:
            connection.close()


class _Request(NamedTuple):
    """What is posted."""

    path: str
    body: bytes
    headers: Mapping[str, bytes]


class _NoAnswer(Exception):  # noqa: N818 - says what the server is
    """This server did not answer; another one may."""

    def __init__(self, why: str, do: str) -> None:
        super().__init__(why, do)
        self.why = why
        self.do = do


def _plain(answer: bytes, encoding: str | None) -> bytes:
    """Return an answer of our own servers, which may be as large as what was asked for.

    Raises:
        http.client.HTTPException: It is damaged.
    """
    if encoding == "gzip":
        try:
            return zlib.decompress(answer, _GZIP)
        except zlib.error as error:
            raise http.client.HTTPException(str(error)) from None
    if encoding == "zstd":
        import zstandard

        whole = zstandard.ZstdDecompressor().decompressobj(read_across_frames=True)
        try:
            plain: bytes = whole.decompress(answer)
        except zstandard.ZstdError as error:
            raise http.client.HTTPException(str(error)) from None
        return plain
    return answer


def closed() -> StoreError:
    """Return what a store that is closed says."""
    return StoreError("The store is closed.", "The hub is stopping.", "Ask again when it is back.")
