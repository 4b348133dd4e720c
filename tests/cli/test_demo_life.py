"""The demo leaves nothing behind, however it ends."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest

from tests.hub.hub_process import COMMAND

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.skipif(
    not Path("/proc/self/status").exists(), reason="looks for processes in /proc"
)


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], str, str]]:
    """A running demo, with the addresses that it printed; its data is in *tmp_path*."""
    process = subprocess.Popen(
        [*COMMAND, "demo", "--port", "0", "--hub-port", "0"],
        env={**os.environ, "TMPDIR": str(tmp_path), "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stdout is not None
        page = process.stdout.readline().split()[-1]
        hub = process.stdout.readline().split()[-1]
        yield process, page, hub
        process.kill()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_all_of_it_and_removes_its_data(
    demo: tuple[subprocess.Popen[str], str, str], tmp_path: Path, number: signal.Signals
) -> None:
    """Ctrl-C ends the four processes in order, with 0, and deletes the folder."""
    process, page, hub = demo
    assert httpx.get(page).status_code == 200
    assert httpx.get(f"{hub}/healthz").json()["hub"] == "otbridge"
    children = _descendants(process.pid)
    assert len(children) == 4

    process.send_signal(number)

    assert process.wait(20) == 0
    assert process.stderr is not None
    assert process.stderr.read() == ""
    assert _running(children) == []
    assert list(tmp_path.iterdir()) == []


def test_killed_outright_it_leaves_no_process_behind(
    demo: tuple[subprocess.Popen[str], str, str],
) -> None:
    """The children notice that their parent is gone."""
    process, _, _ = demo
    children = _descendants(process.pid)

    process.kill()
    process.wait()

    limit = time.monotonic() + 10
    while _running(children) and time.monotonic() < limit:
        continue
    assert _running(children) == []


def test_a_taken_port_is_told_in_one_sentence() -> None:
    """A port that was asked for and is taken ends the demo; a usual one is simply another."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        finished = subprocess.run(
            [*COMMAND, "demo", "--click", "--hub-port", port],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    assert finished.returncode == 1
    assert f"cannot listen on 127.0.0.1 port {port}" in finished.stderr
    assert "Traceback" not in finished.stderr


def _descendants(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def _running(pids: list[int]) -> list[int]:
    return [pid for pid in pids if Path(f"/proc/{pid}").exists()]
