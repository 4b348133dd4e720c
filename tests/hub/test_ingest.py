"""Taken means on disk; what cannot be taken is handed back, counted, and never half kept."""

from __future__ import annotations

import asyncio
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from otbridge._clock import SystemClock
from otbridge.errors import MalformedData, StoreError
from otbridge.hub.ingest import Busy, Ingest, Overload
from otbridge.hub.ledger import HubLedger
from otbridge.hub.limits import DECODE_INLINE_BYTES, MAX_WAITING_BYTES
from otbridge.hub.live import LiveFeed
from otbridge.hub.store import StoreFull

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from otbridge.wire.rows import Batch, SpanRow


class SlowStore:
    """A store whose commits happen when the test says so."""

    def __init__(self) -> None:
        self.submitted: list[tuple[Batch, Future[None]]] = []
        self.arrived = asyncio.Event()

    def submit(self, batch: Batch) -> Future[None]:
        future: Future[None] = Future()
        self.submitted.append((batch, future))
        self.arrived.set()
        return future

    def mark_lost(self, producer: str) -> Future[list[SpanRow]]:
        future: Future[list[SpanRow]] = Future()
        future.set_exception(StoreError(f"cannot find {producer}"))
        return future

    async def next(self) -> tuple[Batch, Future[None]]:
        await asyncio.wait_for(self.arrived.wait(), 5)
        return self.submitted[-1]


class Stage:
    def __init__(self) -> None:
        self.store = SlowStore()
        self.ledger = HubLedger()
        self.live = LiveFeed()
        store: Any = self.store
        self.ingest = Ingest(store, self.live, self.ledger, SystemClock())

    def take(self, request: bytes) -> asyncio.Task[Any]:
        return asyncio.create_task(self.ingest.take("traces", request, door="http"))

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


def play(scene: Callable[[Stage], Awaitable[None]]) -> None:
    async def within_limit() -> None:
        await asyncio.wait_for(scene(Stage()), 20)

    asyncio.run(within_limit())


def test_a_request_is_answered_when_it_is_stored_and_not_before() -> None:
    async def scene(stage: Stage) -> None:
        taking = stage.take(spans(3))
        _, stored = await stage.store.next()
        await asyncio.sleep(0)
        assert not taking.done()
        assert stage.waiting == 3
        stored.set_result(None)
        assert (await taking).rejected == 0
        assert stage.waiting == 0
        assert stage.ledger.as_dict()["stored"]["traces"] == 3

    play(scene)


def test_it_is_shown_before_it_is_stored() -> None:
    async def scene(stage: Stage) -> None:
        viewer = stage.live.join()
        taking = stage.take(spans(1))
        _, stored = await stage.store.next()
        assert len(viewer._ring) == 1
        stored.set_result(None)
        await taking

    play(scene)


@pytest.mark.parametrize(
    "error", [StoreFull("The store is full.", "", "Come again."), StoreError("The disk is gone.")]
)
def test_what_the_store_refuses_goes_back_to_the_sender(error: StoreError) -> None:
    async def scene(stage: Stage) -> None:
        taking = stage.take(spans(2))
        _, stored = await stage.store.next()
        stored.set_exception(error)
        with pytest.raises(Busy) as caught:
            await taking
        assert error.what in str(caught.value)
        assert caught.value.retry_s > 0
        books = stage.ledger.as_dict()
        assert (books["refused"]["traces"], books["stored"]["traces"]) == (2, 0)
        assert stage.waiting == 0

    play(scene)


def test_a_sender_that_hangs_up_does_not_stop_its_batch() -> None:
    async def scene(stage: Stage) -> None:
        taking = stage.take(spans(2))
        _, stored = await stage.store.next()
        taking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await taking
        assert not stored.cancelled()
        stored.set_result(None)
        for _ in range(10):  # the loop's own round trips until the commit is noticed
            await asyncio.sleep(0)
        assert stage.ledger.as_dict()["stored"]["traces"] == 2

    play(scene)


def test_more_than_the_hub_may_hold_at_once_is_handed_back() -> None:
    async def scene(stage: Stage) -> None:
        large = spans(1, MAX_WAITING_BYTES // 2)
        takings = []
        for _ in range(2):
            stage.store.arrived.clear()
            takings.append(stage.take(large[: len(large)]))
            if len(takings) == 1:
                await stage.store.next()
        with pytest.raises(Overload, match="waiting"):
            await takings[1]
        assert stage.ledger.as_dict()["rejected"] == {"overload": 1}
        stage.store.submitted[0][1].set_result(None)
        await takings[0]
        stage.store.arrived.clear()
        again = stage.take(large)
        (await stage.store.next())[1].set_result(None)
        await again

    play(scene)


def test_a_large_request_is_decoded_beside_the_event_loop() -> None:
    async def scene(stage: Stage) -> None:
        taking = stage.take(spans(2000, DECODE_INLINE_BYTES // 1000))
        batch, stored = await stage.store.next()
        assert len(batch.spans) == 2000
        stored.set_result(None)
        await taking

    play(scene)


def test_a_malformed_request_is_counted_and_holds_no_room() -> None:
    async def scene(stage: Stage) -> None:
        with pytest.raises(MalformedData):
            await stage.take(b"\xff")
        assert stage.ledger.as_dict()["rejected"] == {"malformed": 1}
        assert stage.ingest._waiting_bytes == 0

    play(scene)


def test_a_closing_hub_takes_nothing_more() -> None:
    async def scene(stage: Stage) -> None:
        stage.ingest.close()
        with pytest.raises(Busy, match="shutting down"):
            await stage.take(spans(1))
        assert stage.store.submitted == []

    play(scene)


def test_open_spans_are_shown_even_where_the_store_has_no_room() -> None:
    async def scene(stage: Stage) -> None:
        viewer = stage.live.join()
        taking = asyncio.create_task(stage.ingest.take_open_spans(spans(1)))
        batch, stored = await stage.store.next()
        assert batch.spans == []
        assert batch.open_spans[0].end_ns == 0
        stored.set_exception(StoreFull("The store is full."))
        await taking
        assert [item.kind for item in viewer._ring] == ["start"]

    play(scene)


def test_a_store_that_cannot_be_asked_for_lost_spans_harms_nobody() -> None:
    async def scene(stage: Stage) -> None:
        await stage.ingest.producer_gone("somebody")

    play(scene)
