"""Programs of their own, with a real receiver: a process's life can only be seen from outside."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from otbridge.testing import OtlpReceiver

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LIMIT_SECONDS = 30
"""After this a program counts as hanging."""


class Programs:
    """Runs programs in an empty folder, under a service that sends to one receiver."""

    def __init__(self, folder: Path, receiver: OtlpReceiver) -> None:
        self.folder = folder
        self._url = receiver.http_url
        self._started: list[subprocess.Popen[str]] = []

    def environment(self, **more: str) -> dict[str, str]:
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("OTEL_", "OTBRIDGE_"))
        }
        return kept | {
            "OTBRIDGE_ENDPOINT": self._url,
            "OTBRIDGE_CONSOLE": "off",
            "OTBRIDGE_LIVE": "off",
            "OTBRIDGE_SPOOL_DIR": str(self.folder / "spool"),
            "PYTHONPATH": os.pathsep.join([str(self.folder), os.environ.get("PYTHONPATH", "")]),
            "PYTHONUNBUFFERED": "1",
            # Python 3.12 and later say so of every fork of a program with threads.
            "PYTHONWARNINGS": "ignore:This process:DeprecationWarning",
            **more,
        }

    def write(self, code: str, name: str = "program.py") -> Path:
        path = self.folder / name
        path.write_text(textwrap.dedent(code))
        return path

    def run(
        self, code: str, *, seconds: int = LIMIT_SECONDS, **environ: str
    ) -> subprocess.CompletedProcess[str]:
        """Run *code* to its end, which has to come within *seconds*."""
        process = self.start(code, **environ)
        out, err = process.communicate(timeout=seconds)
        return subprocess.CompletedProcess(process.args, process.returncode, out, err)

    def start(self, code: str, **environ: str) -> subprocess.Popen[str]:
        """Start *code*."""
        return self.command(sys.executable, str(self.write(code)), **environ)

    def command(self, *arguments: str, **environ: str) -> subprocess.Popen[str]:
        """Start a command in a process group of its own."""
        process = subprocess.Popen(
            arguments, cwd=self.folder, env=self.environment(**environ), start_new_session=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        self._started.append(process)
        return process

    def replay(self) -> str:
        """Deliver what is left on disk, as the next process of the service would."""
        command = [sys.executable, "-m", "otbridge", "spool", "replay"]
        done = subprocess.run(
            command, env=self.environment(), check=True, timeout=LIMIT_SECONDS,
            stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        return done.stdout

    def clean(self) -> None:
        for process in self._started:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.communicate()
            for stream in (process.stdin, process.stdout, process.stderr):
                if stream is not None:
                    stream.close()


def say_ready(process: subprocess.Popen[str]) -> None:
    """Return when the program has printed `ready`."""
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line == "ready\n", (line, process.communicate(timeout=5))


@pytest.fixture
def receiver() -> Iterator[OtlpReceiver]:
    with OtlpReceiver() as receiver:
        yield receiver


@pytest.fixture
def programs(tmp_path: Path, receiver: OtlpReceiver) -> Iterator[Programs]:
    made = Programs(tmp_path, receiver)
    yield made
    made.clean()


@pytest.fixture
def bodies(receiver: OtlpReceiver) -> Any:
    """Count what the receiver has, by the text of its lines."""
    return lambda: Counter(record.body.string_value for record in receiver.logs)


@pytest.fixture
def ready() -> Any:
    """Wait until a started program says that it is."""
    return say_ready
