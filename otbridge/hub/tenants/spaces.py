"""The spaces of the tenants: opened on first use, bounded in number, closed when nobody comes."""

from __future__ import annotations

import asyncio
import logging
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from otbridge.delivery.spool.trouble import Trouble
from otbridge.errors import OtbridgeError
from otbridge.hub.ingest import Busy
from otbridge.hub.tenants.names import names_in

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
    from pathlib import Path

    from otbridge._clock import Clock
    from otbridge.hub.space import Space

__all__ = ["MAX_OPEN", "Spaces"]

MAX_OPEN: Final = 32
"""Spaces open at once; beyond, the one that was used least recently makes room. Each takes some
5 MB, two threads and nine open files."""

_IDLE_S: Final = 300.0
"""A space that nobody used for so long is closed, and opened again in some 20 ms."""

_LOOK_S: Final = 30.0
"""How often it is looked for those."""

_ROUND_S: Final = 3600.0
"""How often every tenant is opened once: for what a killed hub has left, for destinations that
were away, and for days that are too old."""

_CATCH_UP_S: Final = 60.0
"""What a killed hub has left has this long to reach the store on a round; the rest on the next."""

_FORWARD_S: Final = 0.5
"""Seconds in which what waits for destinations may still leave when a space is closed."""

_logger = logging.getLogger("otbridge.hub")


@dataclass(slots=True, eq=False)
class _Open:
    """A space that is open."""

    space: Space
    used_at: float
    users: int = 0
    """Requests and viewers that are in it."""


class Spaces:
    """Opens and closes them. It belongs to one event loop.

    Args:
        open_space: Returns the space of a tenant with its doors, not begun.
        data: The hub's data folder.
        clock: Tells how long one was not used.
    """

    def __init__(
        self,
        open_space: Callable[[str], Awaitable[Space]],
        data: Path,
        clock: Clock,
        *,
        max_open: int = MAX_OPEN,
    ) -> None:
        self._open_space = open_space
        self._data = data
        self._clock = clock
        self._max_open = max_open
        self._open: dict[str, _Open] = {}
        self._opening: dict[str, asyncio.Task[None]] = {}
        self._ending: dict[str, asyncio.Task[None]] = {}
        self._trouble = Trouble(clock, _logger.warning, 0.0)
        self._closing = False

    @property
    def open_ones(self) -> Mapping[str, Space]:
        """Those that are open, by tenant."""
        return {tenant: found.space for tenant, found in self._open.items()}

    @asynccontextmanager
    async def use(self, tenant: str) -> AsyncIterator[Space]:
        """Hold the tenant's space open, and open it first where it is not.

        Raises:
            Busy: It cannot be opened now; the request may come again.
        """
        while (found := self._open.get(tenant)) is None:
            await self._opened(tenant)
        found.users += 1
        try:
            yield found.space
        finally:
            found.users -= 1
            found.used_at = self._clock.monotonic()

    async def tend(self) -> None:
        """Close those that nobody uses, and make the rounds, for ever."""
        round_at = self._clock.monotonic()
        while True:
            if self._clock.monotonic() >= round_at:
                round_at = self._clock.monotonic() + _ROUND_S
                await self.make_round()
            await asyncio.sleep(_LOOK_S)
            await self.close_idle(_IDLE_S)

    async def make_round(self) -> None:
        """Open every tenant that is not open once, and close it where nothing is left to do."""
        for tenant in await asyncio.to_thread(names_in, self._data):
            if tenant in self._open or len(self._open) >= self._max_open:
                continue  # it looks after itself; or there is no room, and others need theirs more
            try:
                async with self.use(tenant) as space:
                    await space.ingest.follower.caught_up(_CATCH_UP_S)
                    await asyncio.wrap_future(space.store.expire())
            except OtbridgeError as error:
                self._trouble.say(f"The tenant {tenant} could not be looked after: {error}")
                continue
            await self._close(tenant, idle_s=0.0)

    async def close_idle(self, idle_s: float) -> None:
        """Close those that nobody used for *idle_s* seconds and in which nothing waits."""
        for tenant in list(self._open):
            await self._close(tenant, idle_s=idle_s)

    def let_viewers_go(self) -> None:
        """Begin to end: open no more, and tell who looks."""
        self._closing = True
        for found in self._open.values():
            found.space.let_viewers_go()

    def close(self) -> None:
        """Take nothing any more."""
        for found in self._open.values():
            found.space.ingest.close()

    async def end(self) -> None:
        """Finish what was taken, after the doors were closed, and close the stores."""
        await asyncio.gather(*self._opening.values(), return_exceptions=True)
        ending = [self._begin_to_end(tenant) for tenant in list(self._open)]
        await asyncio.gather(*self._ending.values(), *ending)

    async def _opened(self, tenant: str) -> None:
        """Wait until the space was opened, for all who wait for it at once."""
        task = self._opening.get(tenant)
        if task is None:
            task = self._opening[tenant] = asyncio.create_task(self._really_open(tenant))
            task.add_done_callback(lambda done: self._has_opened(tenant, done))
        # Who hangs up does not leave a store half open.
        await asyncio.shield(task)

    def _ends(self) -> bool:
        return self._closing

    def _has_opened(self, tenant: str, done: asyncio.Task[None]) -> None:
        del self._opening[tenant]
        if not done.cancelled():
            done.exception()  # was for those who waited, and they may all be gone

    async def _really_open(self, tenant: str) -> None:
        if tenant in self._ending:
            await asyncio.wait({self._ending[tenant]})
        if self._ends():
            raise Busy("The hub is shutting down.", "", "Send again when it is back.", retry_s=2)
        await self._make_room()
        try:
            space = await self._open_space(tenant)
        except OtbridgeError as error:
            self._trouble.say(f"The records of the tenant {tenant} cannot be opened: {error}")
            raise Busy(
                "Your records cannot be opened at the moment.",
                "The hub's log says why.",
                "Come again later.",
                retry_s=5,
            ) from error
        space.begin()
        self._open[tenant] = _Open(space, self._clock.monotonic())
        if self._ends():  # began meanwhile; this one ends with the others
            space.let_viewers_go()
            space.ingest.close()

    async def _make_room(self) -> None:
        """Close the one that was used least recently, where there are too many.

        Whatever waits in it is on disk, and goes on when it is opened again.
        """
        while len(self._open) + len(self._opening) > self._max_open:
            idle = [
                (not found.space.settled, found.used_at, tenant)
                for tenant, found in self._open.items()
                if not found.users
            ]
            if not idle:
                self._trouble.say(f"{self._max_open} tenants are busy: no further one gets in.")
                raise Busy(
                    "The hub has as many tenants at once as it can.", "", "Come again in a second."
                )
            await asyncio.shield(self._begin_to_end(min(idle)[2]))

    async def _close(self, tenant: str, *, idle_s: float) -> None:
        found = self._open.get(tenant)
        if found is None or self._closing or found.users or not found.space.settled:
            return
        if self._clock.monotonic() - found.used_at >= idle_s:
            await asyncio.shield(self._begin_to_end(tenant))

    def _begin_to_end(self, tenant: str) -> asyncio.Task[None]:
        """Close a space; who comes from now on waits for that, and opens it anew."""
        space = self._open.pop(tenant).space
        space.let_viewers_go()
        space.ingest.close()
        task = self._ending[tenant] = asyncio.create_task(self._end(space))
        task.add_done_callback(lambda _: self._ending.pop(tenant))
        return task

    async def _end(self, space: Space) -> None:
        try:
            await space.end(_FORWARD_S)
            await asyncio.to_thread(space.store.close)
        except (OSError, OtbridgeError) as error:
            # The others go on. What it held is on disk.
            self._trouble.say(f"The records of a tenant could not be closed: {error}")
