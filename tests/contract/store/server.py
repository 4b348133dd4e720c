"""A real ClickHouse server for tests: what the npm package of chDB carries, given ports.

`python -m tests.contract.store.server LIBRARY FOLDER HTTP_PORT [TCP_PORT CONFIG]` serves until it
is killed. The library is all of ClickHouse; one of its entries takes clickhouse-local's command
line, and that program can be told to listen.
"""

from __future__ import annotations

import ctypes
import http.client
import os
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

PACKAGE = "@chdb/lib-linux-x64-gnu"
VERSION = "26.7.3-stable.1"

LIBRARY_VARIABLE = "OTBRIDGE_TEST_CLICKHOUSE_LIBRARY"
"""Environment variable with the path of libchdb.so, where it is not in the cache folder."""

_START_S = 30


def library() -> Path | None:
    """Return where the server's library is, or None where it is not installed."""
    told = os.environ.get(LIBRARY_VARIABLE)
    path = Path(told) if told else cache() / "node_modules" / PACKAGE / "libchdb.so"
    return path if path.is_file() else None


def cache() -> Path:
    """Return the folder that the npm package is installed in; `.ci/run` does so."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "otbridge-tests" / "clickhouse"


def missing() -> str:
    """Return what to say where there is no library."""
    return (
        f"No ClickHouse to test on (OTBRIDGE_TEST_CLICKHOUSE): `npm install --prefix {cache()}"
        f" --no-save --no-package-lock {PACKAGE}@{VERSION}` gets one, 180 MB."
    )


@dataclass
class Server:
    """One server in a process of its own."""

    folder: Path
    """Where it keeps its data; a later server may go on with it."""
    http_port: int = 0
    tcp_port: int = 0
    """Only opened where *config* is given: other servers speak to it there."""
    config: Path | None = None
    _process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    def start(self) -> None:
        """Start it, and return when it answers.

        Raises:
            RuntimeError: It does not; the message has the end of its log.
        """
        self.http_port = self.http_port or free_port()
        self.folder.mkdir(parents=True, exist_ok=True)
        log = self.folder / "server.log"
        arguments = [str(library()), str(self.folder / "data"), str(self.http_port)]
        if self.config:
            arguments += [str(self.tcp_port), str(self.config)]
        with log.open("wb") as out:
            self._process = subprocess.Popen(
                [sys.executable, "-m", __name__, *arguments],
                stdout=out,
                stderr=out,
                cwd=Path(__file__).parents[3],
            )
        deadline = time.monotonic() + _START_S
        while not self.answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.kill()
                raise RuntimeError(f"ClickHouse did not start: {log.read_text()[-2000:]}")
            time.sleep(0.05)

    def answers(self) -> bool:
        """Whether it answers."""
        connection = http.client.HTTPConnection("127.0.0.1", self.http_port, timeout=5)
        try:
            connection.request("GET", "/ping")
            return connection.getresponse().read() == b"Ok.\n"
        except OSError:
            return False
        finally:
            connection.close()

    def end(self) -> None:
        """End it after its last test, which must have left it alive."""
        code = self._process and self._process.poll()
        self.kill()
        said = (self.folder / "server.log").read_text(errors="replace")[-2000:]
        assert code is None, f"ClickHouse ended by itself ({code}): {said}"

    def kill(self) -> None:
        """End it at once, as a power switch does."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class _Result(ctypes.Structure):
    """What the library's entry returns (chdb.h, local_result_v2)."""

    _fields_ = [
        ("buffer", ctypes.c_void_p),
        ("length", ctypes.c_size_t),
        ("vector", ctypes.c_void_p),
        ("elapsed", ctypes.c_double),
        ("rows", ctypes.c_uint64),
        ("bytes", ctypes.c_uint64),
        ("error", ctypes.c_char_p),
    ]


def _serve(path: str, folder: str, http_port: str, tcp_port: str = "", config: str = "") -> None:
    arguments = [
        "clickhouse",
        "--listen_host=127.0.0.1",
        f"--http_port={http_port}",
        f"--path={folder}",
        "--logger.console=1",
        "--logger.level=warning",
    ]
    listen = "SYSTEM START LISTEN HTTP;"
    if config:
        arguments += [f"--tcp_port={tcp_port}", f"--config-file={config}"]
        listen += " SYSTEM START LISTEN TCP;"
    # It serves for as long as its own query lasts.
    arguments.append(
        f"--query={listen} SELECT sleepEachRow(3) FROM system.numbers"
        " SETTINGS max_block_size = 1 FORMAT Null"
    )
    os.chdir(Path(folder).parent)  # where it keeps the schemas of messages that it is given
    entry = ctypes.CDLL(path).query_stable_v2
    entry.restype = ctypes.POINTER(_Result)
    entry.argtypes = [ctypes.c_int, ctypes.POINTER(ctypes.c_char_p)]
    words = [word.encode() for word in arguments]
    result = entry(len(words), (ctypes.c_char_p * len(words))(*words))
    sys.exit(f"ended: {result.contents.error if result else None}")


if __name__ == "__main__":
    _serve(*sys.argv[1:])
