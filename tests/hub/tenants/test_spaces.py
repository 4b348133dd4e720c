"""Spaces are opened when they are needed, so many at a time, and closed when nobody needs them."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

from otbridge.errors import StoreError
from otbridge.hub.ingest import Busy
from otbridge.hub.settings import HubSettings
from otbridge.hub.space import Space
from otbridge.hub.store.vocabulary import LogFilter
from otbridge.hub.tenants.opening import open_tenant
from otbridge.hub.tenants.spaces import Spaces
from otbridge.testing import FakeClock

if TYPE_CHECKING:
    from pathlib import Path


class Stage:
    """Spaces with real stores in a folder, and how often each was opened."""

    def __init__(self, data: Path, max_open: int = 2) -> None:
        self.clock = FakeClock()
        self.settings = HubSettings(data=data)
        self.opened: list[str] = []
        self.asked = asyncio.Event()
        self.may_open = asyncio.Event()
        self.may_open.set()
        self.fails = False
        self.spaces = Spaces(self._open, data, self.clock, max_open=max_open)

    async def _open(self, tenant: str) -> Space:
        self.opened.append(tenant)
        self.asked.set()
        await self.may_open.wait()
        if self.fails:
            raise StoreError("The disk is away.")
        store, settings, _ = await open_tenant(self.settings, tenant)
        return Space(store, replace(settings), self.clock)

    async def send(self, tenant: str) -> None:
        request = ExportLogsServiceRequest()
        records = request.resource_logs.add().scope_logs.add().log_records
        records.add(time_unix_nano=self.clock.time_ns()).body.string_value = f"of {tenant}"
        async with self.spaces.use(tenant) as space:
            await space.ingest.take("logs", request.SerializeToString(), door="http")
            assert await space.ingest.follower.caught_up(5)

    async def seen(self, tenant: str) -> list[str]:
        async with self.spaces.use(tenant) as space:
            rows = await asyncio.to_thread(space.store.logs, LogFilter(), 100)
        return [stored.row.body_text for stored in rows]

    async def end(self) -> None:
        self.spaces.let_viewers_go()
        self.spaces.close()
        await self.spaces.end()


def test_who_come_at_once_open_it_once(tmp_path: Path) -> None:
    async def play() -> None:
        stage = Stage(tmp_path)
        await asyncio.gather(*(stage.send("acme") for _ in range(8)))
        assert stage.opened == ["acme"]
        assert len(await stage.seen("acme")) == 8
        await stage.end()

    asyncio.run(play())


def test_the_one_used_least_recently_makes_room_and_comes_back_whole(tmp_path: Path) -> None:
    async def play() -> None:
        stage = Stage(tmp_path)
        for tenant in ("a", "b", "a", "c"):
            await stage.send(tenant)
            stage.clock.advance(1)
        assert sorted(stage.spaces.open_ones) == ["a", "c"]
        assert await stage.seen("b") == ["of b"]
        assert sorted(stage.spaces.open_ones) == ["b", "c"]
        assert await stage.seen("a") == ["of a", "of a"]
        await stage.end()

    asyncio.run(play())


def test_where_all_are_in_use_the_next_is_told_to_come_again(tmp_path: Path) -> None:
    async def play() -> None:
        stage = Stage(tmp_path)
        async with stage.spaces.use("a"), stage.spaces.use("b"):
            with pytest.raises(Busy):
                await stage.send("c")
        await stage.send("c")
        await stage.end()

    asyncio.run(play())


def test_one_that_nobody_uses_is_closed_and_one_in_use_is_not(tmp_path: Path) -> None:
    async def play() -> None:
        stage = Stage(tmp_path)
        await stage.send("a")
        async with stage.spaces.use("b"):
            stage.clock.advance(300)
            await stage.spaces.close_idle(300)
            assert list(stage.spaces.open_ones) == ["b"]
        await stage.send("a")
        await stage.end()

    asyncio.run(play())


def test_who_comes_while_it_is_being_closed_finds_it_open_again(tmp_path: Path) -> None:
    async def play() -> None:
        stage = Stage(tmp_path)
        await stage.send("a")
        closing = asyncio.create_task(stage.spaces.close_idle(0))
        await asyncio.sleep(0)
        assert "a" not in stage.spaces.open_ones
        assert await stage.seen("a") == ["of a"]
        await closing
        await stage.end()

    asyncio.run(play())


def test_who_hangs_up_leaves_no_store_half_open(tmp_path: Path) -> None:
    """The opening goes on, and the next finds the space; nobody else could lock its folder."""

    async def play() -> None:
        stage = Stage(tmp_path)
        stage.may_open.clear()
        asking = asyncio.create_task(stage.send("a"))
        await stage.asked.wait()
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        stage.may_open.set()
        await stage.send("a")
        assert stage.opened == ["a"]
        await stage.end()

    asyncio.run(play())


def test_one_that_cannot_be_opened_is_tried_again(tmp_path: Path) -> None:
    async def play() -> None:
        stage = Stage(tmp_path)
        stage.fails = True
        with pytest.raises(Busy, match="cannot be opened") as caught:
            await stage.send("a")
        assert "disk" not in str(caught.value)  # that is for who runs the hub
        stage.fails = False
        await stage.send("a")
        await stage.end()

    asyncio.run(play())


def test_a_round_stores_what_a_killed_hub_has_left(tmp_path: Path) -> None:
    """And closes again what it has opened."""

    async def play() -> None:
        first = Stage(tmp_path)
        await first.send("a")
        await first.end()
        stage = Stage(tmp_path)
        await stage.spaces.make_round()
        assert stage.opened == ["a"]
        assert not stage.spaces.open_ones
        assert await stage.seen("a") == ["of a"]
        await stage.end()

    asyncio.run(play())


def test_at_the_end_nobody_gets_in(tmp_path: Path) -> None:
    async def play() -> None:
        stage = Stage(tmp_path)
        stage.may_open.clear()
        asking = asyncio.create_task(stage.send("a"))
        await stage.asked.wait()
        ending = asyncio.create_task(stage.end())
        await asyncio.sleep(0)
        stage.may_open.set()
        with pytest.raises(Busy):
            await asking
        await ending
        with pytest.raises(Busy):
            await stage.send("b")
        assert stage.opened == ["a"]

    asyncio.run(play())
