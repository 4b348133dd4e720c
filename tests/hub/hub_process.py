"""A hub as its users have it: a process of its own, on free ports, with a data folder of its own."""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import sys
import time
from typing import IO, TYPE_CHECKING, Self

import httpx

from tests.hub import process_tree

if TYPE_CHECKING:
    from pathlib import Path

COMMAND = [sys.executable, "-c", "from otbridge.cli.main import main; main()"]
"""The command line in this interpreter, wherever its script was installed."""

READY_LIMIT_S = 60
"""A loaded machine; the hub's own goal is measured by a test of its own."""


class HubProcess:
    """A running `otbridge hub`."""

    def __init__(self, data: Path, *options: str) -> None:
        self.data = data
        ports = ["--http-port", "0", "--grpc-port", "0"]
        self.started = time.monotonic()
        self.process = subprocess.Popen(
            [*COMMAND, "hub", "--data", str(data), *ports, *options],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, "OTBRIDGE_OPEN": "0"},
        )
        assert self.process.stdout is not None
        line = _first_line(self.process.stdout)
        self.ready_after_s = time.monotonic() - self.started
        self.line = line
        if not line.startswith("ready "):
            self.process.kill()
            raise AssertionError(f"{line!r} {self.process.communicate()[1]!r}")
        _, self.url, _, self.grpc = line.split()
        self.http = httpx.Client(base_url=self.url, timeout=20)

    @property
    def ws_url(self) -> str:
        return self.url.replace("http://", "ws://")

    def resident_bytes(self) -> int:
        """Return what it has in memory, with the process that writes its store."""
        return process_tree.resident_bytes(self.process.pid)

    def cpu_s(self) -> float:
        """Return the seconds of processor time that both have had."""
        return process_tree.cpu_s(self.process.pid)

    def wait_until_stored(self, limit_s: float = 60) -> None:
        """Wait until the store has everything that the hub has acknowledged."""
        deadline = time.monotonic() + limit_s
        while self.http.get("/api/v1/stats").json()["behind"]["records"]:
            assert time.monotonic() < deadline
            time.sleep(0.05)  # another process; there is nothing to wait on

    def end(self, number: int = signal.SIGTERM) -> tuple[int, str]:
        """Ask it to end; return its exit code and what it wrote to standard error."""
        self.http.close()
        self.process.send_signal(number)
        _, errors = self.process.communicate(timeout=20)
        return self.process.returncode, errors.decode()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.http.close()
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()


def _first_line(stream: IO[bytes]) -> str:
    with selectors.DefaultSelector() as selector:
        selector.register(stream, selectors.EVENT_READ)
        if not selector.select(READY_LIMIT_S):
            return "(nothing)"
    return stream.readline().decode()
