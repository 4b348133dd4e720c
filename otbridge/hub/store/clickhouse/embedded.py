"""ClickHouse without a server: chDB, in a process of its own.

A process of its own, because chDB opens an engine with a dozen threads on import: a child that is
forked from such a process hangs, and a crash in it would take the hub along. The process is
spawned, never forked, and started again when it died; what it acknowledged is on disk.
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
from otbridge.hub.store.clickhouse.frames import read_frame, write_frame
from otbridge.hub.store.clickhouse.server import closed

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

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
    """The engine in *folder*, which belongs to one hub at a time."""

    def __init__(self, folder: Path) -> None:
        """Start it.

        Raises:
            StoreError: chDB is not installed, or the folder cannot be used.
        """
        if find_spec("chdb") is None:
            raise StoreError(
                "chDB is not installed.",
                "It is large, so otbridge does not bring it along.",
                "Run: pip install 'otbridge[chdb]'",
            )
        self._folder = folder
        self._lock = threading.Lock()
        self._closed = False
        self._child = _Child(folder)

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

    def execute(self, sql: str, node: int) -> bytes:  # noqa: ARG002 - there is one
        """Run any statement."""
        return self._do("query", sql, {}, b"", writing=True)

    def close(self) -> None:
        """End the process, and wait until it has."""
        with self._lock:
            self._closed = True
            self._child.close()

    def _do(
        self, kind: str, sql: str, parameters: dict[str, str], values: bytes, *, writing: bool
    ) -> bytes:
        code, answer = self._living().do(kind, sql, parameters, values)
        if code == _DIED:
            if self._closed:
                raise closed()
            lost = StoreFull if writing else StoreError
            raise lost("The embedded ClickHouse has ended.", "", "It is started anew: try again.")
        if code:
            raise problem_of(code, answer.decode("utf-8", "replace"), writing=writing)
        return answer

    def _living(self) -> _Child:
        with self._lock:
            if self._closed:
                raise closed()
            if not self._child.is_alive:
                self._child.close()
                self._child = _Child(self._folder)
            return self._child


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
            raise StoreError(
                "The embedded ClickHouse cannot be opened.",
                why,
                "Stop the other hub, or give this one another folder.",
            )

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
