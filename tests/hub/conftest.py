"""Hubs for tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.hub.hub_process import HubProcess

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[HubProcess]:
    """A hub of the test's own."""
    with HubProcess(tmp_path / "data") as running:
        yield running


@pytest.fixture(scope="module")
def shared_hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HubProcess]:
    """One hub for all tests of a file; it must have survived them without a complaint."""
    with HubProcess(tmp_path_factory.mktemp("hub") / "data") as running:
        yield running
        assert running.http.get("/healthz").status_code == 200
        assert running.end() == (0, "")
