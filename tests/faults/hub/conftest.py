"""A hub for faults."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.hub.hub_process import HubProcess

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def shared_hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HubProcess]:
    """One hub for all tests of a file; it must have survived them without a complaint."""
    with HubProcess(tmp_path_factory.mktemp("hub") / "data") as running:
        yield running
        assert running.http.get("/healthz").status_code == 200
        assert running.end() == (0, "")
