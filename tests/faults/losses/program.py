"""A program in a process of its own: how many lines it has logged, and how it ends."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


class ProgramFailed(Exception):  # noqa: N818 - it is the program that failed
    """A program ended before it had logged what it was to; with its last words."""


class Program:
    """A running program.

    Args:
        command: What to run.
        environment: With which variables.
        folder: Where; its output is kept there.
    """

    def __init__(self, command: list[str], environment: Mapping[str, str], folder: Path) -> None:
        self.sent = 0
        self.killed = False
        self._all_counted = False
        self._counts = threading.Condition()
        reading, writing = os.pipe()
        self._stderr = folder / f"stderr-{writing}-{time.monotonic_ns()}"
        with self._stderr.open("wb") as err:
            self._process = subprocess.Popen(
                command,
                cwd=folder,
                env={**environment, "LOSSES_SENT": str(writing)},
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=err,
                pass_fds=(writing,),
                start_new_session=True,
            )
        os.close(writing)
        self._counter = threading.Thread(target=self._count, args=(reading,), daemon=True)
        self._counter.start()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def stderr(self) -> str:
        return self._stderr.read_text("utf-8", "replace")

    def wait_sent(self, count: int, seconds: float = 60.0) -> None:
        """Wait until *count* log calls have returned."""
        with self._counts:
            self._counts.wait_for(lambda: self.sent >= count or self._all_counted, seconds)
            if self.sent < count:
                raise ProgramFailed(f"{self.sent} of {count} lines were logged. {self.stderr}")

    def send(self, number: signal.Signals) -> None:
        """Send a signal to the program alone, not to its children."""
        self._process.send_signal(number)

    def let_end(self) -> None:
        """End its standard input, for which some programs wait."""
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):  # it is gone already
            self._process.stdin.close()

    def join(self, seconds: float = 60.0) -> float:
        """Wait for its end; kill it after *seconds*. Return how long that took."""
        begin = time.monotonic()
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.killed = True
        took = time.monotonic() - begin
        self.end(patience=0 if self.killed else 1)
        return took

    def end(self, patience: float = 10.0) -> None:
        """Let it end, make sure that it has, and have all its lines counted."""
        self.let_end()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(patience)
        with contextlib.suppress(OSError):  # nothing of it is left
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._counter.join()

    def _count(self, reading: int) -> None:
        with open(reading, "rb", buffering=0) as pipe:
            while data := pipe.read(1 << 16):
                with self._counts:
                    self.sent += len(data)
                    self._counts.notify_all()
        with self._counts:
            self._all_counted = True
            self._counts.notify_all()
