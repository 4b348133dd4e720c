"""The API behind a real server."""

from __future__ import annotations

import threading
from functools import partial
from typing import TYPE_CHECKING

import httpx
import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.routing import Mount

from otbridge.hub.access.control import AccessControl
from otbridge.hub.api.routes import router
from otbridge.hub.ledger import HubLedger
from otbridge.hub.live import LiveFeed
from otbridge.hub.query.permalinks import Permalinks
from otbridge.hub.receive_log.log import ReceiveLog
from otbridge.hub.receive_log.store_follower import StoreFollower
from otbridge.hub.security import Origins
from otbridge.hub.settings import HubSettings
from otbridge.hub.store import Store, open_store
from otbridge.testing.clock import FakeClock

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = open_store(tmp_path / "store", clock=FakeClock())
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def server() -> Iterator[tuple[Starlette, str]]:
    """The API's application, and the address at which it is served."""
    app = Starlette(routes=[Mount("/api/v1", router)])
    app.state.ledger = HubLedger()
    app.state.live = LiveFeed()
    app.state.started_ns = 1
    app.state.forward = None
    config = uvicorn.Config(app, port=0, log_level="warning", lifespan="off")
    listening = config.bind_socket()
    running = uvicorn.Server(config)
    thread = threading.Thread(target=running.run, args=([listening],))
    thread.start()
    yield app, f"http://127.0.0.1:{listening.getsockname()[1]}/api/v1"
    running.should_exit = True
    thread.join()
    listening.close()


@pytest.fixture
def api(store: Store, server: tuple[Starlette, str], tmp_path: Path) -> Iterator[httpx.Client]:
    """A client of the API, over a socket; it answers from the test's own store."""
    app, address = server
    log = ReceiveLog(str(tmp_path / "log"))
    app.state.store = store
    settings = HubSettings(data=tmp_path)
    ledger = app.state.ledger
    app.state.access = partial(AccessControl(settings, Origins(), ledger, FakeClock()).as_dict, "")
    app.state.log = log
    app.state.links = Permalinks(tmp_path / "links.jsonl")
    app.state.follower = StoreFollower(log, store, app.state.ledger, FakeClock())
    with httpx.Client(base_url=address, timeout=20) as client:
        yield client
    log.close()
