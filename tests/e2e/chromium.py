"""Runs the scripts beside this file in a real browser."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
ARTIFACTS = ROOT / "tests" / "artifacts"


class Browser:
    """Runs one of the scripts beside this file in a real, headless Chromium."""

    def __init__(self, node: str, chromium: str) -> None:
        self._node = node
        self._chromium = chromium

    def run(self, script: str, *arguments: str) -> dict[str, Any]:
        """Run `tests/e2e/{script}` and return the JSON object that it prints last."""
        ARTIFACTS.mkdir(exist_ok=True)
        finished = subprocess.run(
            [self._node, str(Path(__file__).parent / script), *arguments],
            env={**os.environ, "CHROMIUM": self._chromium, "ARTIFACTS": str(ARTIFACTS)},
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )
        assert finished.returncode == 0, finished.stdout + finished.stderr
        result: dict[str, Any] = json.loads(finished.stdout.splitlines()[-1])
        return result
