"""Puts the hub together: which door serves which path, and who is behind it.

This is the hub's composition root; `otbridge.hub.process` gives it ports and a life.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from functools import cache
from typing import TYPE_CHECKING, Final

import msgspec

from otbridge._clock import SystemClock
from otbridge.bridge.asgi import BridgeApp
from otbridge.hub.access.control import AccessControl
from otbridge.hub.access.principal import principal_of
from otbridge.hub.asgi import error_body, respond
from otbridge.hub.ingest import Busy
from otbridge.hub.receivers.bridge import BridgeConsumer
from otbridge.hub.receivers.otlp_http import SIGNALS
from otbridge.hub.security import HostGuard, Origins
from otbridge.hub.space import Space
from otbridge.hub.tenants.door import TENANTS_PATH, TenantsDoor, refuse_busy
from otbridge.hub.tenants.opening import open_tenant
from otbridge.hub.tenants.spaces import Spaces
from otbridge.hub.ui import Ui
from otbridge.hub.unfailing import Unfailing

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from otbridge._clock import Clock
    from otbridge.hub.access.principal import Principal
    from otbridge.hub.asgi import App, Receive, Scope, Send
    from otbridge.hub.settings import HubSettings
    from otbridge.hub.store import Store

__all__ = ["Hub", "version"]

_FAREWELL_S: Final = 1.0
"""Clients of the bridge have this long to hear that the hub goes."""

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
        self.home = Space(store, settings, clock)
        """What belongs to those who are of no tenant: everybody, where there are none."""
        self._settings = settings
        self._clock = clock
        self._origins = Origins(settings.allowed_origins)
        self.access = AccessControl(settings, self._origins, self.home.ledger, clock)
        self.app: App = Unfailing(
            HostGuard(
                self.access.guarded(self._route),
                _own_names(settings),
                any_address=settings.host in ("0.0.0.0", "::"),
            )
        )
        """Serves the HTTP port."""
        self.home.open_doors(self.access, self._origins, version=version())
        self.tenants = Spaces(self._open_space, settings.data, clock)
        self._bridge = BridgeApp(
            BridgeConsumer(self.home.ingest, self.access, self.way_in),
            origins=settings.allowed_origins,
            authenticate=self.access.authenticate,
            live=True,
            clock=clock,
        )
        self.access.attach(self._bridge)
        self._ui = Ui()
        self._doors: dict[str, App] = {
            **self.access.doors,
            "/v1/bridge": self._bridge,
            "/healthz": _health,
            TENANTS_PATH: TenantsDoor(self.home, self.tenants, self.access, settings.data),
        }
        self._upkeep: list[asyncio.Task[None]] = []

    def begin(self) -> None:
        """Begin what goes on beside the requests, on the running event loop."""
        self.home.begin()
        self._upkeep = [
            asyncio.create_task(self.access.keyring.watch()),
            asyncio.create_task(self.tenants.tend()),
        ]

    async def close(self) -> None:
        """Let everybody who is connected go with a word; then take nothing more.

        Returns within a second, whatever the others do.
        """
        for task in self._upkeep:
            task.cancel()
        self.home.let_viewers_go()
        self.tenants.let_viewers_go()
        try:
            async with asyncio.timeout(_FAREWELL_S):
                await self._bridge.close()
        except TimeoutError:
            pass  # a client that does not listen is cut off with the rest
        self.home.ingest.close()
        self.tenants.close()

    async def end(self, forward_s: float) -> None:
        """Finish what was taken, after the doors were closed and before the store is.

        Args:
            forward_s: Seconds in which what waits for destinations may still leave.
        """
        await asyncio.gather(self.home.end(forward_s), self.tenants.end())

    @asynccontextmanager
    async def way_in(self, principal: Principal) -> AsyncIterator[Space]:
        """Hold the space open that *principal* writes to and reads from.

        Raises:
            Busy: It cannot be opened now.
        """
        if not principal.tenant:
            yield self.home
            return
        async with self.tenants.use(principal.tenant) as space:
            yield space

    async def _open_space(self, tenant: str) -> Space:
        store, settings, quota = await open_tenant(self._settings, tenant)
        try:
            space = Space(store, settings, self._clock)
        except BaseException:
            await asyncio.to_thread(store.close)
            raise
        space.open_doors(self.access, self._origins, version=version(), tenant=tenant, quota=quota)
        return space

    async def _route(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"]
        if scope["type"] == "websocket" and path not in _WEBSOCKETS:
            await _no_websocket(scope, receive, send)
            return
        door = self._doors.get(path)
        if door is not None:
            await door(scope, receive, send)
            return
        principal = principal_of(scope)
        if not principal.tenant:
            await self._door_for(path, self.home)(scope, receive, send)
            return
        try:
            async with self.way_in(principal) as space:
                await self._door_for(path, space)(scope, receive, send)
        except Busy as error:
            await refuse_busy(scope, receive, send, error)

    def _door_for(self, path: str, space: Space) -> App:
        door = space.doors.get(path)
        if door is not None:
            return door
        if path.startswith("/api/v1/"):
            return space.doors["/api/v1"]
        if path.startswith("/l/"):
            return space.doors["/l"]
        return _unknown_door if path.startswith(("/api/", "/v1/")) else self._ui


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
