"""ClickHouse without a server: chDB, in a process of its own.

A process of its own, because chDB opens an engine with a dozen threads on import: a child that is
forked from such a process hangs, and a crash in it would take the hub along. The process is
spawned, never forked, and started again when it died; what it acknowledged is on disk.

It takes some 300 MB, so the tenants of a hub share one, and have a database each.
"""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
from concurrent.futures import Future
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Final

from otbridge.errors import StoreError
from otbridge.hub.store import StoreFull
from otbridge.hub.store.clickhouse.engine import problem_of
from otbridge.hub.store.clickhouse.frames import MESSAGES, read_frame, write_frame
from otbridge.hub.store.clickhouse.server import closed

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from otbridge.hub.store.clickhouse.loading import Loading

__all__ = ["DATABASE", "Embedded"]

DATABASE: Final = "otbridge"
"""The database in the folder."""

_START_S: Final = 30.0
"""In which the process has to say that it is ready; with a large store it takes a second."""

_END_S: Final = 10.0
"""In which it has to end; its parts are on disk already."""

_DIED: Final = -1
"""In place of ClickHouse's error number: the process went away."""


class Embedded:
    """The engine in *folder*, which belongs to one hub at a time, for one of its databases."""

    def __init__(self, folder: Path, database: str = DATABASE) -> None:
        """Start it, where this hub has no other database open in it.

        Raises:
            StoreError: chDB is not installed, the folder cannot be used, or the database is open.
        """
        if find_spec("chdb") is None:
            raise StoreError(
                "chDB is not installed.",
                "It is large, so otbridge does not bring it along.",
                "Run: pip install 'otbridge[chdb]'",
            )
        self._database = database
        self._closed = False
        self._running = _enter(folder, database)

    @property
    def nodes(self) -> int:
        """One: this one."""
        return 1

    def ask(self, sql: str, parameters: Mapping[str, str], settings: Mapping[str, Any]) -> bytes:
        """Return the answer to a SELECT."""
        set_to = ", ".join(f"{name} = {value!r}" for name, value in settings.items())
        return self._do("query", f"{sql} SETTINGS {set_to}", dict(parameters), b"", writing=False)

    def insert(self, table: str, columns: str, values: bytes) -> None:
        """Store rows given as MessagePack."""
        self._do("insert", f"INSERT INTO {table} ({columns})", {}, values, writing=True)

    def load(self, table: str, loading: Loading, messages: bytes) -> None:
        """Store what *loading* makes of Protobuf messages."""
        # chDB takes data beside a statement only for an INSERT without a SELECT.
        source = f"file('{MESSAGES}', 'Protobuf', STRUCTURE)"
        self._do("load", loading.statement(table, source), {}, messages, writing=True)

    def execute(self, sql: str, node: int) -> bytes:  # noqa: ARG002 - there is one
        """Run any statement."""
        return self._do("query", sql, {}, b"", writing=True)

    def close(self) -> None:
        """End the process where no other database is open, and wait until it has."""
        if not self._closed:
            self._closed = True
            _leave(self._running, self._database)

    def _do(
        self, kind: str, sql: str, parameters: dict[str, str], values: bytes, *, writing: bool
    ) -> bytes:
        if self._closed:
            raise closed()
        code, answer = self._running.living().do(kind, sql, parameters, values)
        if code == _DIED:
            if self._closed:
                raise closed()
            lost = StoreFull if writing else StoreError
            raise lost("The embedded ClickHouse has ended.", "", "It is started anew: try again.")
        if code:
            raise problem_of(code, answer.decode("utf-8", "replace"), writing=writing)
        return answer


class _Running:
    """The process of one folder, as often as it is started."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.databases: set[str] = set()
        """Those that are open."""
        self.child = _Child(folder)
        self._lock = threading.Lock()
        self._closed = False

    def living(self) -> _Child:
        """Return the process, started anew where it has died."""
        with self._lock:
            if self._closed:
                raise closed()
            if not self.child.is_alive:
                self.child.close()
                self.child = _Child(self.folder)
            return self.child

    def close(self) -> None:
        """End it."""
        with self._lock:
            self._closed = True
            self.child.close()


_running: Final[dict[Path, _Running]] = {}
"""The engines of this hub, by folder."""
_entering = threading.Lock()


def _enter(folder: Path, database: str) -> _Running:
    """Return the engine in *folder*, with *database* noted as open."""
    where = folder.resolve()
    with _entering:
        running = _running.get(where)
        if running is None:
            running = _running[where] = _Running(where)
        elif database in running.databases:
            raise _cannot_be_opened(f"{folder} is in use by another hub.")
        running.databases.add(database)
        return running


def _leave(running: _Running, database: str) -> None:
    with _entering:
        running.databases.remove(database)
        if not running.databases:
            del _running[running.folder]
            running.close()


def _cannot_be_opened(why: str) -> StoreError:
    return StoreError(
        "The embedded ClickHouse cannot be opened.",
        why,
        "Stop the other hub, or give this one another folder.",
    )


class _Child:
    """One life of the process."""

    def __init__(self, folder: Path) -> None:
        self._socket, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
                [
                    sys.executable,
                    "-m",
                    "otbridge.hub.store.clickhouse.embedded_process",
                    str(theirs.fileno()),
                    str(folder),
                ],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                start_new_session=True,  # Ctrl-C is for the hub, which ends it in time
            )
        self._sending = threading.Lock()
        self._waiting: dict[int, Future[tuple[int, bytes]]] = {}
        self._last = 0
        self.is_alive = True
        self._await_ready()
        self._thread = threading.Thread(target=self._hear, name="otbridge-chdb", daemon=True)
        self._thread.start()

    def _await_ready(self) -> None:
        self._socket.settimeout(_START_S)
        try:
            told = read_frame(self._socket)
        except TimeoutError:
            told = [0, 1, b"It did not start in time."]
        self._socket.settimeout(None)
        if told is None or told[1]:
            self._process.kill()
            self._process.wait()
            self._socket.close()
            why = told[2].decode("utf-8", "replace") if told else "It ended at once."
            raise _cannot_be_opened(why)

    def do(
        self, kind: str, sql: str, parameters: dict[str, str], values: bytes
    ) -> tuple[int, bytes]:
        """Have a statement done; return 0 and the answer, or an error's number and text."""
        done: Future[tuple[int, bytes]] = Future()
        with self._sending:
            if not self.is_alive:
                return _DIED, b""
            self._last += 1
            self._waiting[self._last] = done
            try:
                write_frame(self._socket, [self._last, kind, sql, parameters, values])
            except OSError:
                pass  # it has ended: the thread that listens tells all who wait
        return done.result()

    def _hear(self) -> None:
        while True:
            try:
                told = read_frame(self._socket)
            except OSError:
                told = None
            if told is None:
                break
            number, code, answer = told
            self._waiting.pop(number).set_result((code, answer))
        with self._sending:
            self.is_alive = False
            left = list(self._waiting.values())
            self._waiting.clear()
        for done in left:
            done.set_result((_DIED, b""))

    def close(self) -> None:
        """Let it end, and wait until it has; may be called twice."""
        try:
            self._socket.shutdown(socket.SHUT_RDWR)  # which it takes for the end
        except OSError:
            pass  # it has ended already
        try:
            self._process.wait(_END_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._thread.join()
        self._socket.close()
