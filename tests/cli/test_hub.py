"""`otbridge hub` at a terminal: when it opens a browser, and when it does not."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

COMMAND = [sys.executable, "-c", "from otbridge.cli.main import main; main()", "hub"]
PORTS = ["--http-port", "0", "--grpc-port", "0"]


def run_at_a_terminal(folder: Path, *options: str, **environment: str) -> tuple[str, str]:
    """Start a hub at a terminal, wait until it is ready, end it.

    Returns:
        What it printed, and the address its browser was opened with (empty where it was not).
    """
    opened = folder / "opened"
    browser = folder / "browser"
    browser.write_text(f'#!/bin/sh\necho "$1" > {opened}.part && mv {opened}.part {opened}\n')
    browser.chmod(0o755)
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [*COMMAND, "--data", str(folder / "data"), *PORTS, *options],
        stdout=theirs,
        env={**os.environ, "BROWSER": f"{browser} %s", **environment},
    )
    os.close(theirs)
    printed = os.read(ours, 4096).decode()
    deadline = time.monotonic() + (5 if not options and not environment else 0)
    while not opened.exists() and time.monotonic() < deadline:
        time.sleep(0.01)  # another program's deed; there is nothing to wait on
    process.send_signal(signal.SIGTERM)
    assert process.wait(10) == 0
    os.close(ours)
    return printed, opened.read_text().strip() if opened.exists() else ""


@pytest.fixture(autouse=True)
def no_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OTBRIDGE_OPEN", raising=False)


def test_at_a_terminal_it_opens_its_address(tmp_path: Path) -> None:
    printed, opened = run_at_a_terminal(tmp_path)
    assert opened.startswith("http://127.0.0.1:")
    assert f"ready {opened} grpc " in printed


def test_it_opens_nothing_where_it_was_told_not_to(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    assert run_at_a_terminal(tmp_path / "a", "--no-open")[1] == ""
    assert run_at_a_terminal(tmp_path / "b", OTBRIDGE_OPEN="0")[1] == ""


def test_its_help_tells_what_its_exit_codes_mean() -> None:
    result = subprocess.run([*COMMAND, "--help"], capture_output=True, text=True, check=True)
    for code in ("0 ended", "2 wrong options", "3 a port", "4 the data folder"):
        assert code in " ".join(result.stdout.split())
