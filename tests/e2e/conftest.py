"""The whole demo, a hub of its own, and a real browser, for the end-to-end tests."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from otbridge.cli.demo.stage import Stage
from otbridge.cli.hub_client import HubClient
from tests.e2e.chromium import ROOT, Browser

if TYPE_CHECKING:
    from collections.abc import Iterator

_CHROMIUM = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


@pytest.fixture(scope="session")
def stage() -> Iterator[Stage]:
    """The demo, running on free ports."""
    with Stage() as running:
        yield running


@pytest.fixture(scope="session")
def hub(stage: Stage) -> Iterator[HubClient]:
    """The demo's hub."""
    with HubClient(stage.hub_url) as client:
        yield client


@pytest.fixture(scope="session")
def browser() -> Browser:
    """A real browser; without one, or without Node and the built page, there is nothing to test."""
    chromium = next(filter(None, map(shutil.which, _CHROMIUM)), None)
    node = shutil.which("node")
    if chromium is None or node is None or not (ROOT / "ts-bridge" / "node_modules").exists():
        pytest.skip("needs Chromium, Node.js and `npm ci` in ts-bridge")
    return Browser(node, chromium)
