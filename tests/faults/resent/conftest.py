"""A real hub, and what stands before it."""

from __future__ import annotations

import time
from collections import Counter
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

from tests.faults.resent.withholding_proxy import WithholdingProxy
from tests.hub.hub_process import HubProcess

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


class Shown:
    """What a hub shows of its log records, and counts."""

    def __init__(self, hub: HubProcess) -> None:
        self._hub = hub

    @property
    def lines(self) -> Counter[str]:
        """Its log records by their bodies, over all pages."""
        found: Counter[str] = Counter()
        asked = {"limit": "500"}
        while True:
            page: Any = self._hub.http.get("/api/v1/logs", params=asked).json()
            found.update(log["body"] for log in page["logs"])
            if page["next_cursor"] is None:
                return found
            asked["cursor"] = page["next_cursor"]

    def count(self, name: str) -> int:
        """Return a number of the hub's statistics: of logs, where it has one per signal."""
        number: Any = self._hub.http.get("/api/v1/stats").json()[name]
        return int(number if isinstance(number, int) else number["logs"])

    def wait(self, name: str, least: int) -> None:
        """Wait, ten seconds at most, until a number is *least* or more."""
        wait_until(lambda: self.count(name) >= least)


def wait_until(reached: Callable[[], bool]) -> None:
    """Wait for another process, ten seconds at most."""
    deadline = time.monotonic() + 10
    while not reached():
        assert time.monotonic() < deadline
        time.sleep(0.005)


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[HubProcess]:
    with HubProcess(tmp_path / "data") as running:
        yield running


@pytest.fixture
def shown(hub: HubProcess) -> Shown:
    return Shown(hub)


@pytest.fixture
def proxy(hub: HubProcess) -> Iterator[WithholdingProxy]:
    """Before the hub's HTTP port."""
    url = urlsplit(hub.url)
    assert url.hostname is not None
    assert url.port is not None
    with WithholdingProxy(url.hostname, url.port) as running:
        yield running


@pytest.fixture
def grpc_proxy(hub: HubProcess) -> Iterator[WithholdingProxy]:
    """Before the hub's gRPC port."""
    host, _, port = hub.grpc.rpartition(":")
    with WithholdingProxy(host, int(port)) as running:
        yield running
