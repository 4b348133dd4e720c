"""Programs of their own, for what can only be seen from outside a process."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from typing import TYPE_CHECKING, Protocol

import pytest

if TYPE_CHECKING:
    from pathlib import Path


class Run(Protocol):
    """Runs a program and returns how it ended."""

    def __call__(self, code: str, **environ: str) -> subprocess.CompletedProcess[str]: ...


class Start(Protocol):
    """Starts a program; its standard output is a pipe."""

    def __call__(self, code: str, **environ: str) -> subprocess.Popen[str]: ...


def environment(extra: dict[str, str]) -> dict[str, str]:
    """This process's environment without any setting of telemetry in it."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("OTEL_", "OTBRIDGE_"))
    }
    return kept | {"PYTHONWARNINGS": "error"} | extra


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Run a program in an empty folder."""
    script = tmp_path / "program.py"

    def run_program(code: str, **environ: str) -> subprocess.CompletedProcess[str]:
        script.write_text(textwrap.dedent(code))
        return subprocess.run(
            [sys.executable, str(script)], cwd=tmp_path, env=environment(environ),
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip

    return run_program


@pytest.fixture
def start(tmp_path: Path) -> Start:
    """Start a program in an empty folder."""
    script = tmp_path / "program.py"

    def start_program(code: str, **environ: str) -> subprocess.Popen[str]:
        script.write_text(textwrap.dedent(code))
        return subprocess.Popen(
            [sys.executable, str(script)], cwd=tmp_path, env=environment(environ),
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip

    return start_program
