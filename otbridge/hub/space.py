"""What one tenant has of a hub, or a hub without tenants has: everything that holds records.

Store, receive log, books, live feed, queues for destinations, and the doors to them. Two spaces
have nothing in common but the process, so no question to one can be answered from the other.
"""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Final

from starlette.applications import Starlette
from starlette.routing import Mount

from otbridge.hub.access.key import UNLIMITED
from otbridge.hub.api.links import Redirects
from otbridge.hub.api.live import Live
from otbridge.hub.api.routes import router
from otbridge.hub.ingest import Ingest
from otbridge.hub.ledger import HubLedger
from otbridge.hub.live import LiveFeed
from otbridge.hub.query.permalinks import Permalinks
from otbridge.hub.receive_log.upkeep import keep_up, open_log
from otbridge.hub.receivers.otlp_http import SIGNALS, OtlpHttp
from otbridge.hub.retention import keep_within

if TYPE_CHECKING:
    from pathlib import Path

    from otbridge._clock import Clock
    from otbridge.hub.access.admission import Admission
    from otbridge.hub.access.control import AccessControl
    from otbridge.hub.access.key import Quota
    from otbridge.hub.asgi import App
    from otbridge.hub.forward import Forwarder
    from otbridge.hub.receive_log.log import ReceiveLog
    from otbridge.hub.security import Origins
    from otbridge.hub.settings import HubSettings
    from otbridge.hub.store import Store

__all__ = ["Space"]

_STORE_S: Final = 1.0
"""What was taken last has this long to reach the store; the rest is in the receive log."""


class Space:
    """Everything of one tenant. It belongs to one event loop; making it reads a little from disk.

    Args:
        store: Where everything is kept; the caller opens and closes it.
        settings: Of the hub, with the tenant's own folder and retention.
        clock: Where the time comes from.

    Raises:
        StoreError: The receive log cannot be opened, or belongs to another hub.
        ConfigurationError: What is to be passed on cannot be, as it was asked.
    """

    def __init__(self, store: Store, settings: HubSettings, clock: Clock) -> None:
        self.store = store
        self.ledger = HubLedger()
        self.live = LiveFeed()
        self.log = open_log(settings.data / "log", settings.log_bytes)
        self.forward = _open_forwarder(settings, clock, self.log)
        self.ingest = Ingest(
            store, self.live, self.ledger, clock, log=self.log, forward=self.forward
        )
        # A destination's place is on disk before anything comes for it.
        self.log.let_go()
        self.doors: dict[str, App] = {}
        """The doors to it by path; `/api/v1` and `/l` are for all paths below."""
        self._links = Permalinks(settings.data / "links.jsonl")
        self._settings = settings
        self._clock = clock
        self._started_ns = clock.time_ns()
        self._admission: Admission | None = None
        self._upkeep: list[asyncio.Task[None]] = []

    @property
    def admission(self) -> Admission:
        """Who holds the bearers of keys to what they may do; there is one behind the doors."""
        if self._admission is None:
            raise RuntimeError("The space has no doors yet")
        return self._admission

    @property
    def settled(self) -> bool:
        """Whether nothing in it waits for the store or for a destination."""
        return self.ingest.follower.position >= self.log.end and (
            self.forward is None or self.forward.idle
        )

    def open_doors(
        self,
        access: AccessControl,
        origins: Origins,
        *,
        version: str,
        tenant: str = "",
        quota: Quota = UNLIMITED,
    ) -> None:
        """Make the doors to it, for those whom *access* lets in as of *tenant*.

        All of them together may bring *quota*.
        """
        self._admission = access.admission_for(self.store, self.ledger, quota)
        otlp = OtlpHttp(self.ingest, origins, self.ledger, self._admission)
        self.doors = {
            **dict.fromkeys(SIGNALS, otlp),
            "/api/v1/live": Live(self.live, version, self._clock),
            "/api/v1": self._api(access, tenant),
            "/l": Redirects(self._links),
        }

    def begin(self) -> None:
        """Begin what goes on beside the requests, on the running event loop."""
        self.ingest.begin()
        self._upkeep = [
            asyncio.create_task(keep_within(self._settings.retention, self.store)),
            asyncio.create_task(self.ingest.silence.watch()),
            asyncio.create_task(keep_up(self.log)),
        ]
        if self.forward is not None:
            self.forward.begin()
        queues = _queues(self._settings)
        if queues.is_dir():
            from otbridge.hub.forward import tell_of_forgotten

            looking = asyncio.to_thread(tell_of_forgotten, queues, self.forward)
            self._upkeep.append(asyncio.create_task(looking))

    def let_viewers_go(self) -> None:
        """Begin to end: tell who looks."""
        for task in self._upkeep:
            task.cancel()
        self.live.close()

    async def end(self, forward_s: float) -> None:
        """Finish what was taken, after the doors were closed and before the store is.

        Args:
            forward_s: Seconds in which what waits for destinations may still leave.
        """
        await self.ingest.end(_STORE_S)
        if self.forward is not None:
            await asyncio.to_thread(self.forward.end, forward_s)
        await asyncio.to_thread(self.log.close)

    def _api(self, access: AccessControl, tenant: str) -> App:
        """Make the query API, whose endpoints find what they need in the application's state."""
        api = Starlette(routes=[Mount("/api/v1", app=router)])
        api.state.store = self.store
        api.state.ledger = self.ledger
        api.state.live = self.live
        api.state.forward = self.forward
        api.state.log = self.log
        api.state.links = self._links
        api.state.follower = self.ingest.follower
        api.state.access = partial(access.as_dict, tenant)
        api.state.started_ns = self._started_ns
        return api


def _open_forwarder(settings: HubSettings, clock: Clock, log: ReceiveLog) -> Forwarder | None:
    if not settings.forward:
        return None  # and nothing of the delivery is loaded
    from otbridge.hub.forward import open_forwarder

    return open_forwarder(settings.forward, _queues(settings), clock, log, settings.forward_tls)


def _queues(settings: HubSettings) -> Path:
    return settings.data / "forward"
