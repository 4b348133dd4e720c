"""Taken means on disk; what cannot be taken is handed back, counted, and never half kept."""

from __future__ import annotations

import asyncio
import errno
import os
import threading
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from otbridge._clock import SystemClock
from otbridge.delivery.spool.files import SystemFiles
from otbridge.errors import MalformedData, StoreError
from otbridge.hub.ingest import Busy, Ingest, Overload
from otbridge.hub.ledger import HubLedger
from otbridge.hub.limits import DECODE_INLINE_BYTES, MAX_WAITING_BYTES
from otbridge.hub.live import LiveFeed
from otbridge.hub.receive_log.log import ReceiveLog
from otbridge.hub.receive_log.settings import ReceiveLogSettings
from otbridge.hub.store import StoreFull
from tests.hub.screen import Screen

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from otbridge.wire.rows import Batch, SpanRow

    Play = Callable[[Callable[["Stage"], Awaitable[None]]], None]


class SlowDisk(SystemFiles):
    """A disk whose syncs take until the test says so, or fail."""

    __slots__ = ("error", "may_sync", "syncs")

    def __init__(self) -> None:
        super().__init__()
        self.may_sync = threading.Event()
        self.may_sync.set()
        self.syncs = threading.Semaphore(0)
        self.error: int | None = None

    def sync(self, fd: int) -> None:
        self.syncs.release()
        self.may_sync.wait(20)
        if self.error is not None:
            raise OSError(self.error, os.strerror(self.error))
        super().sync(fd)


class SlowStore:
    """A store whose commits happen when the test says so."""

    def __init__(self) -> None:
        self.submitted: list[tuple[Batch, Future[None]]] = []
        self.arrived = asyncio.Event()
        self.loop = asyncio.get_running_loop()

    def submit(self, batch: Batch) -> Future[None]:
        future: Future[None] = Future()
        self.submitted.append((batch, future))
        self.loop.call_soon_threadsafe(self.arrived.set)
        return future

    def mark_lost(self, producer: str) -> Future[list[SpanRow]]:
        future: Future[list[SpanRow]] = Future()
        future.set_exception(StoreError(f"cannot find {producer}"))
        return future

    async def next(self) -> tuple[Batch, Future[None]]:
        await asyncio.wait_for(self.arrived.wait(), 5)
        self.arrived.clear()
        return self.submitted[-1]


class Stage:
    def __init__(self, folder: Path) -> None:
        self.store = SlowStore()
        self.ledger = HubLedger()
        self.live = LiveFeed()
        self.disk = SlowDisk()
        self.log = ReceiveLog(str(folder), ReceiveLogSettings(max_bytes=200 << 20), self.disk)
        store: Any = self.store
        self.ingest = Ingest(store, self.live, self.ledger, SystemClock(), log=self.log)

    def take(self, request: bytes) -> asyncio.Task[Any]:
        return asyncio.create_task(self.ingest.take("traces", request, door="http"))

    async def until_the_disk_syncs(self) -> None:
        await asyncio.to_thread(self.disk.syncs.acquire, timeout=10)

    @property
    def waiting(self) -> int:
        return self.ledger.waiting


def spans(count: int, padding: int = 0) -> bytes:
    request = ExportTraceServiceRequest()
    scope = request.resource_spans.add().scope_spans.add()
    for number in range(count):
        span = scope.spans.add(trace_id=b"t" * 16, span_id=(number + 1).to_bytes(8, "big"))
        if padding:
            span.attributes.add(key="padding").value.string_value = "x" * padding
    return request.SerializeToString()


@pytest.fixture
def play(tmp_path: Path) -> Play:
    def on_stage(scene: Callable[[Stage], Awaitable[None]]) -> None:
        async def within_limit() -> None:
            stage = Stage(tmp_path / "log")
            await asyncio.wait_for(scene(stage), 20)
            stage.disk.may_sync.set()
            stage.disk.error = None
            stage.ingest.close()
            for _, stored in stage.store.submitted:
                if not stored.done():
                    stored.set_result(None)
            await stage.ingest.end(0)
            stage.log.close()

        asyncio.run(within_limit())

    return on_stage


def test_a_request_is_answered_when_it_is_synced_and_not_before(play: Play) -> None:
    async def scene(stage: Stage) -> None:
        stage.disk.may_sync.clear()
        taking = stage.take(spans(3))
        await stage.until_the_disk_syncs()
        assert not taking.done()
        assert stage.log.end == 0
        stage.disk.may_sync.set()
        assert (await taking).rejected == 0
        assert stage.log.end == 3

    play(scene)


def test_the_answer_does_not_wait_for_the_store(play: Play) -> None:
    async def scene(stage: Stage) -> None:
        await stage.take(spans(3))
        _, stored = await stage.store.next()
        assert stage.waiting == 3
        stored.set_result(None)
        assert await stage.ingest.follower.caught_up(5)
        assert stage.waiting == 0
        assert stage.ledger.as_dict()["stored"]["traces"] == 3

    play(scene)


def test_it_is_shown_when_it_is_safe_and_before_it_is_stored(play: Play) -> None:
    async def scene(stage: Stage) -> None:
        screen = Screen(stage.live)
        stage.disk.may_sync.clear()
        taking = stage.take(spans(1))
        await stage.until_the_disk_syncs()
        assert not screen.items_now()
        stage.disk.may_sync.set()
        await taking
        assert len(screen.items_now()) == 1
        assert stage.ledger.as_dict()["stored"]["traces"] == 0

    play(scene)


def test_requests_that_come_during_a_sync_share_the_next_one(play: Play) -> None:
    async def scene(stage: Stage) -> None:
        await stage.take(spans(1))  # begins the segment
        while stage.disk.syncs.acquire(blocking=False):
            pass
        stage.disk.may_sync.clear()
        first = stage.take(spans(1))
        await stage.until_the_disk_syncs()
        others = [stage.take(spans(1)) for _ in range(20)]
        await asyncio.sleep(0)
        stage.disk.may_sync.set()
        await asyncio.gather(first, *others)
        await stage.until_the_disk_syncs()
        assert not stage.disk.syncs.acquire(blocking=False)

    play(scene)


@pytest.mark.parametrize("code", [errno.EIO, errno.ENOSPC])
def test_what_the_disk_refuses_goes_back_to_the_sender(play: Play, code: int) -> None:
    async def scene(stage: Stage) -> None:
        await stage.take(spans(1))
        stage.disk.error = code
        with pytest.raises(Busy, match=os.strerror(code)) as caught:
            await stage.take(spans(2))
        assert caught.value.retry_s > 0
        books = stage.ledger.as_dict()
        assert books["refused"]["traces"] == 2
        assert stage.waiting == 1
        stage.disk.error = None
        await stage.take(spans(4))
        kept = list(iter(stage.log.reader(0).next, None))
        assert [one.entry.records for one in kept] == [1, 4]

    play(scene)


@pytest.mark.parametrize(
    "error", [StoreFull("The store is full.", "", "Come again."), StoreError("The disk is gone.")]
)
def test_what_the_store_refuses_is_offered_again_until_it_takes_it(
    play: Play, error: StoreError
) -> None:
    async def scene(stage: Stage) -> None:
        await stage.take(spans(2))
        first, refused = await stage.store.next()
        refused.set_exception(error)
        again, stored = await stage.store.next()
        assert again.spans == first.spans
        assert again.key == first.key is not None
        stored.set_result(None)
        assert await stage.ingest.follower.caught_up(5)
        books = stage.ledger.as_dict()
        assert (books["refused"]["traces"], books["stored"]["traces"]) == (0, 2)
        assert stage.waiting == 0

    play(scene)


def test_a_sender_that_hangs_up_does_not_stop_its_batch(play: Play) -> None:
    async def scene(stage: Stage) -> None:
        stage.disk.may_sync.clear()
        taking = stage.take(spans(2))
        await stage.until_the_disk_syncs()
        taking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await taking
        stage.disk.may_sync.set()
        _, stored = await stage.store.next()
        stored.set_result(None)
        assert await stage.ingest.follower.caught_up(5)
        assert stage.ledger.as_dict()["stored"]["traces"] == 2

    play(scene)


def test_more_than_the_hub_may_hold_at_once_is_handed_back(play: Play) -> None:
    async def scene(stage: Stage) -> None:
        large = spans(1, MAX_WAITING_BYTES // 2)
        stage.disk.may_sync.clear()
        first = stage.take(large)
        await stage.until_the_disk_syncs()
        with pytest.raises(Overload, match="waiting"):
            await stage.take(large)
        assert stage.ledger.as_dict()["rejected"] == {"overload": 1}
        stage.disk.may_sync.set()
        await first
        await stage.take(large)

    play(scene)


def test_where_the_log_has_no_room_the_sender_is_told_to_wait(play: Play) -> None:
    async def scene(stage: Stage) -> None:
        stage.log.settings = ReceiveLogSettings(max_bytes=100_000)
        large = spans(1, 30_000)
        for _ in range(3):
            await stage.take(large)
        with pytest.raises(Overload, match="too far behind") as caught:
            await stage.take(large)
        assert caught.value.retry_s > 0
        assert stage.ledger.as_dict()["rejected"] == {"overload": 1}

    play(scene)


def test_a_large_request_is_decoded_beside_the_event_loop(play: Play) -> None:
    async def scene(stage: Stage) -> None:
        await stage.take(spans(2000, DECODE_INLINE_BYTES // 1000))
        batch, _ = await stage.store.next()
        assert len(batch.spans) == 2000

    play(scene)


def test_a_malformed_request_is_counted_and_holds_no_room(play: Play) -> None:
    async def scene(stage: Stage) -> None:
        with pytest.raises(MalformedData):
            await stage.take(b"\xff")
        assert stage.ledger.as_dict()["rejected"] == {"malformed": 1}
        assert stage.ingest._waiting_bytes == 0

    play(scene)


def test_a_closing_hub_takes_nothing_more(play: Play) -> None:
    async def scene(stage: Stage) -> None:
        stage.ingest.close()
        with pytest.raises(Busy, match="shutting down"):
            await stage.take(spans(1))
        assert stage.store.submitted == []

    play(scene)


def test_open_spans_are_shown_even_where_the_store_has_no_room(play: Play) -> None:
    async def scene(stage: Stage) -> None:
        screen = Screen(stage.live)
        taking = asyncio.create_task(stage.ingest.take_open_spans(spans(1)))
        batch, stored = await stage.store.next()
        assert batch.spans == []
        assert batch.open_spans[0].end_ns == 0
        stored.set_exception(StoreFull("The store is full."))
        await taking
        assert [item["t"] for item in screen.items_now()] == ["start"]

    play(scene)


def test_a_store_that_cannot_be_asked_for_lost_spans_harms_nobody(play: Play) -> None:
    async def scene(stage: Stage) -> None:
        await stage.ingest.producer_gone("somebody")

    play(scene)
