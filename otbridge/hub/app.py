"""Puts the hub together: which door serves which path, and who is behind it.

This is the hub's composition root; `otbridge.hub.process` gives it ports and a life.
"""

from __future__ import annotations

import asyncio
from functools import cache
from typing import TYPE_CHECKING, Final

import msgspec
from starlette.applications import Starlette
from starlette.routing import Mount

from otbridge._clock import SystemClock
from otbridge.bridge.asgi import BridgeApp
from otbridge.hub.access.control import AccessControl
from otbridge.hub.api.live import Live
from otbridge.hub.api.routes import router
from otbridge.hub.asgi import error_body, respond
from otbridge.hub.ingest import Ingest
from otbridge.hub.ledger import HubLedger
from otbridge.hub.live import LiveFeed
from otbridge.hub.receive_log.upkeep import keep_up, open_log
from otbridge.hub.receivers.bridge import BridgeConsumer
from otbridge.hub.receivers.otlp_http import SIGNALS, OtlpHttp
from otbridge.hub.retention import keep_within
from otbridge.hub.security import HostGuard, Origins
from otbridge.hub.ui import Ui
from otbridge.hub.unfailing import Unfailing

if TYPE_CHECKING:
    from pathlib import Path

    from otbridge._clock import Clock
    from otbridge.hub.asgi import App, Receive, Scope, Send
    from otbridge.hub.forward import Forwarder
    from otbridge.hub.receive_log.log import ReceiveLog
    from otbridge.hub.settings import HubSettings
    from otbridge.hub.store import Store

__all__ = ["Hub", "version"]

_FAREWELL_S: Final = 1.0
"""Clients of the bridge have this long to hear that the hub goes."""

_STORE_S: Final = 1.0
"""What was taken last has this long to reach the store; the rest is in the receive log."""

_WEBSOCKETS: Final = ("/v1/bridge", "/api/v1/live")


@cache
def version() -> str:
    """Return the installed version of otbridge."""
    from importlib.metadata import version as installed

    return installed("otbridge")


class Hub:
    """A hub without ports: what it holds, and the ASGI application for its HTTP port.

    Args:
        store: Where everything is kept; the caller opens and closes it.
        settings: Who may connect, and where the rest is kept.
        clock: The machine's by default.

    Raises:
        StoreError: The receive log cannot be opened, or belongs to another hub.
        ConfigurationError: What is to be passed on cannot be, as it was asked.
    """

    def __init__(self, store: Store, settings: HubSettings, *, clock: Clock | None = None) -> None:
        clock = clock or SystemClock()
        self.started_ns = clock.time_ns()
        self.ledger = HubLedger()
        self.live = LiveFeed()
        self.log = open_log(settings.data / "log", settings.log_bytes)
        self.forward = _open_forwarder(settings, clock, self.log)
        self.ingest = Ingest(
            store, self.live, self.ledger, clock, log=self.log, forward=self.forward
        )
        # A destination's place is on disk before anything comes for it.
        self.log.let_go()
        self._settings = settings
        self._clock = clock
        self._origins = Origins(settings.allowed_origins)
        self.access = AccessControl(settings, store, self._origins, self.ledger, clock)
        self.app: App = Unfailing(
            HostGuard(
                self.access.guarded(self._route),
                _own_names(settings),
                any_address=settings.host in ("0.0.0.0", "::"),
            )
        )
        """Serves the HTTP port."""
        self._bridge = BridgeApp(
            BridgeConsumer(self.ingest, self.access),
            origins=settings.allowed_origins,
            authenticate=self.access.authenticate,
            live=True,
            clock=clock,
        )
        self.access.attach(self._bridge)
        self._doors = self._open_doors()
        self._api = _api(self, store)
        self._ui = Ui()
        self._store = store
        self._upkeep: list[asyncio.Task[None]] = []

    def begin(self) -> None:
        """Begin what goes on beside the requests, on the running event loop."""
        self.ingest.begin()
        self._upkeep = [
            asyncio.create_task(keep_within(self._settings.retention, self._store)),
            asyncio.create_task(self.ingest.silence.watch()),
            asyncio.create_task(keep_up(self.log)),
            asyncio.create_task(self.access.keyring.watch()),
        ]
        if self.forward is not None:
            self.forward.begin()
        queues = _queues(self._settings)
        if queues.is_dir():
            from otbridge.hub.forward import tell_of_forgotten

            looking = asyncio.to_thread(tell_of_forgotten, queues, self.forward)
            self._upkeep.append(asyncio.create_task(looking))

    async def close(self) -> None:
        """Let everybody who is connected go with a word; then take nothing more.

        Returns within a second, whatever the others do.
        """
        for task in self._upkeep:
            task.cancel()
        self.live.close()
        try:
            async with asyncio.timeout(_FAREWELL_S):
                await self._bridge.close()
        except TimeoutError:
            pass  # a client that does not listen is cut off with the rest
        self.ingest.close()

    async def end(self, forward_s: float) -> None:
        """Finish what was taken, after the doors were closed and before the store is.

        Args:
            forward_s: Seconds in which what waits for destinations may still leave.
        """
        await self.ingest.end(_STORE_S)
        if self.forward is not None:
            await asyncio.to_thread(self.forward.end, forward_s)
        await asyncio.to_thread(self.log.close)

    def _open_doors(self) -> dict[str, App]:
        otlp = OtlpHttp(self.ingest, self._origins, self.ledger, self.access.admission)
        return {
            **self.access.doors,
            **dict.fromkeys(SIGNALS, otlp),
            "/v1/bridge": self._bridge,
            "/api/v1/live": Live(self.live, version(), self._clock),
            "/healthz": _health,
        }

    async def _route(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._door_for(scope)(scope, receive, send)

    def _door_for(self, scope: Scope) -> App:
        path = scope["path"]
        if scope["type"] == "websocket" and path not in _WEBSOCKETS:
            return _no_websocket
        door = self._doors.get(path)
        if door is not None:
            return door
        if path.startswith("/api/v1/"):
            return self._api
        return _unknown_door if path.startswith(("/api/", "/v1/")) else self._ui


def _api(hub: Hub, store: Store) -> App:
    """Make the query API, whose endpoints find what they need in the application's state."""
    api = Starlette(routes=[Mount("/api/v1", app=router)])
    api.state.store = store
    api.state.ledger = hub.ledger
    api.state.live = hub.live
    api.state.forward = hub.forward
    api.state.log = hub.log
    api.state.follower = hub.ingest.follower
    api.state.access = hub.access
    api.state.started_ns = hub.started_ns
    return api


def _open_forwarder(settings: HubSettings, clock: Clock, log: ReceiveLog) -> Forwarder | None:
    if not settings.forward:
        return None  # and nothing of the delivery is loaded
    from otbridge.hub.forward import open_forwarder

    return open_forwarder(settings.forward, _queues(settings), clock, log, settings.forward_tls)


def _queues(settings: HubSettings) -> Path:
    return settings.data / "forward"


def _own_names(settings: HubSettings) -> tuple[str, ...]:
    host = settings.host
    return (*settings.allowed_hosts, f"[{host}]" if ":" in host else host)


async def _health(scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001
    """Say that the hub is one, and answers."""
    body = {"status": "ok", "hub": "otbridge", "version": version()}
    await respond(send, 200, "application/json", msgspec.json.encode(body))


async def _no_websocket(scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001
    """Refuse before it opens, which servers answer with 403."""
    await receive()
    await send({"type": "websocket.close", "code": 1008})


async def _unknown_door(scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001
    body = error_body(
        "unknown_path",
        f"The hub has no {scope['path'][:80]}.",
        "",
        f"OTLP goes to {', '.join(SIGNALS)}, the bridge to /v1/bridge; the API is at /api/v1/.",
    )
    await respond(send, 404, "application/json", body)
