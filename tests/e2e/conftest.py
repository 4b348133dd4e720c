"""The whole demo, a hub of its own, and a real browser, for the end-to-end tests."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from otbridge.cli.demo.stage import Stage
from otbridge.cli.hub_client import HubClient

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
ARTIFACTS = ROOT / "tests" / "artifacts"
_CHROMIUM = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


@pytest.fixture(scope="session")
def stage() -> Iterator[Stage]:
    """The demo, running on free ports."""
    with Stage() as running:
        yield running


@pytest.fixture(scope="session")
def hub(stage: Stage) -> HubClient:
    """The demo's hub."""
    return HubClient(stage.hub_url)


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


@pytest.fixture(scope="session")
def browser() -> Browser:
    """A real browser; without one, or without Node and the built page, there is nothing to test."""
    chromium = next(filter(None, map(shutil.which, _CHROMIUM)), None)
    node = shutil.which("node")
    if chromium is None or node is None or not (ROOT / "ts-bridge" / "node_modules").exists():
        pytest.skip("needs Chromium, Node.js and `npm ci` in ts-bridge")
    return Browser(node, chromium)
