"""Hubs with keys."""

from __future__ import annotations

import json
import subprocess
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from tests.hub.hub_process import COMMAND, HubProcess

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

SHOP = "https://shop.example"


def command(data: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run `otbridge hub keys …` on a data folder."""
    return subprocess.run(
        [*COMMAND, "hub", "keys", "--data", str(data), *words],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def new_key(data: Path, *words: str) -> dict[str, Any]:
    """A new key, as `keys add --format json` tells of it; `key` is the secret."""
    done = command(data, "add", *words, "--format", "json")
    assert done.returncode == 0, done.stderr
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def until(true: Callable[[], bool], limit_s: float = 5.0) -> float:
    """Wait until something is true; return the seconds that it took."""
    began = time.monotonic()
    while not true():
        assert time.monotonic() - began < limit_s
        time.sleep(0.02)
    return time.monotonic() - began


@dataclass
class Keyed:
    """A hub, and a key of each kind."""

    hub: HubProcess
    ingest: dict[str, Any]
    write: dict[str, Any]
    read: dict[str, Any]
    admin: dict[str, Any]

    def headers(self, kind: str, **more: str) -> dict[str, str]:
        """What a sender with this key says; a page's Origin for the public one."""
        headers = {"authorization": f"Bearer {getattr(self, kind)['key']}"}
        if kind == "ingest":
            headers["origin"] = SHOP
        return {**headers, **{name.replace("_", "-"): value for name, value in more.items()}}


@pytest.fixture(scope="module")
def keyed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Keyed]:
    """A hub with a key of each kind, for all tests of a file."""
    data = tmp_path_factory.mktemp("hub") / "data"
    ingest = new_key(data, "ingest", "--service", "shop-web", "--origin", SHOP)
    write, read, admin = (new_key(data, kind) for kind in ("write", "read", "admin"))
    with HubProcess(data) as hub:
        yield Keyed(hub, ingest, write, read, admin)
        assert hub.http.get("/healthz").status_code == 200
        assert hub.end() == (0, "")


@pytest.fixture(scope="module")
def shared_open_hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HubProcess]:
    """A hub without keys, for all tests of a file."""
    with HubProcess(tmp_path_factory.mktemp("open") / "data") as hub:
        yield hub
