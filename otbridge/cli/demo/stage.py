"""Starts the demo's four processes, and leaves nothing behind when it ends."""

from __future__ import annotations

import os
import select
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import IO, TYPE_CHECKING, Self

from otbridge.errors import OtbridgeError

if TYPE_CHECKING:
    from types import TracebackType

__all__ = ["Stage", "StageError"]

_START_LIMIT_S = 30
"""A cold start on a busy machine takes a few seconds; half a minute means that it hangs."""

_END_LIMIT_S = 5
"""A process that has not ended by then is killed; the SDK's own limit at exit is 3 s."""


class StageError(OtbridgeError):
    """One of the demo's processes did not start."""


class Stage:
    """The demo, running.

    Args:
        hub_port: Port of the hub's UI and OTLP over HTTP; 0 takes a free one.
        grpc_port: Port of OTLP over gRPC; 0 takes a free one.
        shop_port: Port of the page; 0 takes a free one.
        show_logs: Whether the services' log lines are shown on this terminal.

    Entering it starts everything, leaving it ends everything and removes the data.

    Raises:
        StageError: A process did not start; its own words are part of the message.
    """

    hub_url: str
    page_url: str

    def __init__(
        self, *, hub_port: int = 0, grpc_port: int = 0, shop_port: int = 0, show_logs: bool = False
    ) -> None:
        self._hub_port = hub_port
        self._grpc_port = grpc_port
        self._shop_port = shop_port
        self._show_logs = show_logs
        self._exit = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as exit_stack:
            data = exit_stack.enter_context(tempfile.TemporaryDirectory(prefix="otbridge-demo-"))
            self._folder = Path(data)
            self._exit = exit_stack
            self.hub_url = self._start(
                "hub",
                *("--data", str(self._folder / "hub")),
                *("--http-port", str(self._hub_port)),
                *("--grpc-port", str(self._grpc_port)),
            )[0]
            writer = self._start("writer")[0]
            advice = self._start("advice", writer)[0]
            self.page_url = self._start("shop", self.hub_url, advice, str(self._shop_port))[0]
            self._exit = exit_stack.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._exit.__exit__(kind, error, trace)

    def _start(self, role: str, *arguments: str) -> list[str]:
        """Start the process for *role* and return the words after its `ready`."""
        environment = {**os.environ, "OTBRIDGE_OPEN": "0", "PYTHONUNBUFFERED": "1"}
        if role != "hub":
            environment["OTBRIDGE_ENDPOINT"] = self.hub_url
        complaints = self._folder / f"{role}.log"
        with complaints.open("wb") as stderr:
            process = subprocess.Popen(  # noqa: S603 - our own module, no shell
                [sys.executable, "-m", "otbridge.cli.demo.child", role, *arguments],
                env=environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=None if self._show_logs else stderr,
                # Ctrl-C is for us alone: we end the others in order, so that nothing is lost.
                start_new_session=True,
            )
        self._exit.callback(_end, process)
        said = _wait_until_ready(process)
        if not said:
            words = complaints.read_text("utf-8", "replace").strip()
            raise StageError(
                f"The demo's {role} process did not start.",
                words or "It said nothing.",
                "" if words else "Try again with --logs to see what it does.",
            )
        return said


def _wait_until_ready(process: subprocess.Popen[bytes]) -> list[str]:
    """Return the words after the process's `ready`; none if it ended or hangs."""
    said = b""
    deadline = time.monotonic() + _START_LIMIT_S
    stream: IO[bytes] | None = process.stdout
    assert stream is not None  # noqa: S101 - Popen was given a pipe
    while time.monotonic() < deadline:
        if not select.select([stream], [], [], 0.5)[0]:
            continue
        chunk = os.read(stream.fileno(), 65536)
        if not chunk:
            break
        said += chunk
        for line in said.decode(errors="replace").splitlines():
            if line.startswith("ready "):
                return line.split()[1:]
    return []


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(_END_LIMIT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            pipe.close()


def free_port(preferred: int) -> int:
    """Return *preferred* when it can be bound on the loopback, 0 (any) when it is taken."""
    try:
        with socket.create_server(("127.0.0.1", preferred)):
            return preferred
    except OSError:
        return 0
