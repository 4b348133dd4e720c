"""What is in the log comes into the store: all of it, once, whatever the store says meanwhile."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import threading
import time
from concurrent.futures import Future
from contextlib import closing
from typing import TYPE_CHECKING, Any, Self

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

from otbridge import semconv
from otbridge._clock import SystemClock
from otbridge.errors import StoreError
from otbridge.hub.decoding import decode, records_of
from otbridge.hub.ledger import HubLedger
from otbridge.hub.receive_log.entries import Entry
from otbridge.hub.receive_log.log import ReceiveLog
from otbridge.hub.receive_log.settings import ReceiveLogSettings
from otbridge.hub.receive_log.store_follower import StoreFollower
from otbridge.hub.store import StoreFull, open_store
from otbridge.hub.store.vocabulary import LogFilter

if TYPE_CHECKING:
    from pathlib import Path

    from otbridge.hub.store import Store
    from otbridge.wire.rows import Batch


class MoodyStore:
    """A store that can be told to refuse everything, or one batch, or to take its time."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.refuses: StoreError | None = None
        self.refuses_body = ""
        self.may_answer = threading.Event()
        self.may_answer.set()
        self.submitted = 0

    def submit(self, batch: Batch) -> Future[None]:
        self.submitted += 1
        error = self.refuses
        if self.refuses_body and batch.logs[0].body_text == self.refuses_body:
            error = StoreError("This one cannot be stored.")
        answer: Future[None] = Future()
        if error is not None:
            answer.set_exception(error)
            return answer

        def later(_: Future[None]) -> None:
            self.may_answer.wait(20)
            answer.set_result(None)

        self.store.submit(batch).add_done_callback(later)
        return answer


def request(*bodies: str) -> bytes:
    exported = ExportLogsServiceRequest()
    scope = exported.resource_logs.add().scope_logs.add()
    for body in bodies:
        scope.log_records.add(body={"string_value": body}, time_unix_nano=5)
    return exported.SerializeToString()


class Stage:
    """A log and a store in one folder, as one process of a hub has them."""

    def __init__(self, folder: Path, **options: Any) -> None:
        self.real = open_store(folder / "store")
        self.store = MoodyStore(self.real)
        self.log = ReceiveLog(str(folder / "log"), ReceiveLogSettings(segment_bytes=2000))
        self.ledger = HubLedger()
        store: Any = self.store
        self.follower = StoreFollower(self.log, store, self.ledger, SystemClock(), **options)

    def take(self, *bodies: str) -> None:
        """Do what an ingest does with a request once it is decoded."""
        received_ns = time.time_ns()
        data = request(*bodies)
        batch, _ = decode("logs", data, received_ns)
        count = records_of(batch)
        self.ledger.received("logs", count, [])
        (kept,) = self.log.append([Entry("logs", data, received_ns, count)])
        self.follower.offer(kept, batch, count)

    async def all_stored(self) -> list[str]:
        """Wait until the follower is at the end; return what the store has, in its order."""
        wanted = self.log.end
        assert await self.follower._notices.reached(wanted, 10)
        return self.stored()

    def stored(self) -> list[str]:
        found = self.real.logs(LogFilter(), 1000)
        return [one.row.body_text for one in reversed(found)]

    def ends(self, *, killed: bool = False) -> None:
        """End in order, or like a process that is killed: without saying where it was."""
        self.store.may_answer.set()
        self.follower.close()
        self.real.close()
        if killed:
            os.close(self.log._locked)  # and with it the lock, as the system does
        else:
            self.log.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.ends()


def test_what_comes_is_stored_behind_the_answer(tmp_path: Path) -> None:
    async def scene() -> None:
        with Stage(tmp_path) as stage:
            for number in range(20):
                stage.take(f"a {number}", f"b {number}")
            assert len(await stage.all_stored()) == 40
            assert stage.ledger.as_dict()["stored"]["logs"] == 40
            assert stage.ledger.waiting == 0

    asyncio.run(scene())


def test_the_next_process_stores_what_this_one_has_left(tmp_path: Path) -> None:
    async def scene() -> None:
        with Stage(tmp_path) as stage:
            stage.store.refuses = StoreFull("Full.")
            for number in range(30):
                stage.take(f"line {number}")
        with Stage(tmp_path) as stage:
            stage.follower.begin()
            assert sorted(await stage.all_stored()) == sorted(f"line {n}" for n in range(30))
            books = stage.ledger.as_dict()
            assert books["recovered"]["logs"] == books["stored"]["logs"] == 30
            assert stage.ledger.waiting == 0

    asyncio.run(scene())


def test_what_was_stored_before_a_kill_is_not_stored_again(tmp_path: Path) -> None:
    async def scene() -> None:
        stage = Stage(tmp_path)
        for number in range(30):
            stage.take(f"line {number}")
        await stage.all_stored()
        stage.ends(killed=True)
        with Stage(tmp_path) as again:
            again.follower.begin()
            assert again.follower.position == 0
            assert len(await again.all_stored()) == 30
            assert again.real.totals().duplicates == 30

    asyncio.run(scene())


def test_the_store_forgets_the_keys_of_what_never_comes_again(tmp_path: Path) -> None:
    async def scene() -> None:
        with Stage(tmp_path) as stage:
            for number in range(50):
                stage.take(f"line {number}")
            await stage.all_stored()
            stage.log.let_go()
            stage.take("one more")
            await stage.all_stored()
        (day,) = (tmp_path / "store").glob("*.db")
        with closing(sqlite3.connect(day)) as database:
            assert database.execute("SELECT Sequence FROM batches").fetchall() == [(50,)]

    asyncio.run(scene())


def test_what_does_not_fit_into_memory_is_read_from_the_log_again(tmp_path: Path) -> None:
    async def scene() -> None:
        with Stage(tmp_path, max_bytes=5000) as stage:
            stage.store.may_answer.clear()
            for number in range(200):
                stage.take(f"line {number:03}")
            assert stage.store.submitted < 12
            behind = stage.follower.as_dict()
            assert behind["records"] == 200
            assert behind["bytes"] == stage.log.bytes > 0
            stage.store.may_answer.set()
            assert await stage.all_stored() == [f"line {number:03}" for number in range(200)]
            stage.take("afterwards")
            assert len(await stage.all_stored()) == 201

    asyncio.run(scene())


@pytest.mark.parametrize("error", [StoreFull("Full."), StoreError("The server is away.")])
def test_a_store_that_is_away_gets_everything_when_it_is_back(
    tmp_path: Path, error: StoreError
) -> None:
    async def scene() -> None:
        with Stage(tmp_path) as stage:
            stage.take("before")
            await stage.all_stored()
            stage.store.refuses = error
            for number in range(100):
                stage.take(f"line {number:03}")
            assert not await stage.follower._notices.reached(stage.log.end, 0.5)
            assert stage.store.submitted < 20  # it is asked now and then, and not with everything
            assert stage.follower.as_dict()["records"] == 100
            stage.store.refuses = None
            assert len(await stage.all_stored()) == 101
            assert stage.follower.aside == 0

    asyncio.run(scene())


def test_a_batch_that_cannot_be_stored_is_put_aside_and_holds_up_nobody(tmp_path: Path) -> None:
    async def scene() -> None:
        with Stage(tmp_path) as stage:
            stage.store.refuses_body = "poison"
            stage.take("one")
            stage.take("poison")
            stage.take("two")
            assert await stage.all_stored() == ["one", "two"]
            assert stage.follower.aside == 1
            books = stage.ledger.as_dict()
            assert (books["stored"]["logs"], books["rejected"]) == (2, {"put_aside": 1})
            assert stage.ledger.waiting == 0
            (aside,) = (tmp_path / "log").glob("*.aside")
            assert b"poison" in aside.read_bytes()

    asyncio.run(scene())


def test_the_last_batch_of_all_waits_until_it_is_known_whose_fault_it_is(tmp_path: Path) -> None:
    async def scene() -> None:
        with Stage(tmp_path) as stage:
            stage.store.refuses_body = "poison"
            stage.take("poison")
            assert not await stage.follower._notices.reached(stage.log.end, 0.6)
            assert stage.follower.aside == 0
            stage.take("sound")
            assert await stage.all_stored() == ["sound"]
            assert stage.follower.aside == 1

    asyncio.run(scene())


def test_damage_in_the_log_is_passed(tmp_path: Path) -> None:
    async def scene() -> None:
        stage = Stage(tmp_path)
        stage.store.refuses = StoreFull("Full.")
        for number in range(30):
            stage.take(f"line {number}")
        stage.ends()
        for path in sorted((tmp_path / "log").glob("*.log"))[:2]:
            data = bytearray(path.read_bytes())
            data[60] ^= 1
            data[-1] ^= 1
            path.write_bytes(data)
        with Stage(tmp_path) as again:
            again.follower.begin()
            found = await again.all_stored()
            assert again.log.corrupt == 4
            assert len(found) == 26

    asyncio.run(scene())


def test_open_spans_in_the_log_are_told_of(tmp_path: Path) -> None:
    exported = ExportLogsServiceRequest()
    exported.resource_logs.add().scope_logs.add().log_records.add(
        event_name=semconv.SPAN_STARTED, trace_id=b"t" * 16, span_id=b"s" * 8, time_unix_nano=5
    )
    entry = Entry("logs", exported.SerializeToString(), 7, 0, None, announced=True)

    async def scene() -> None:
        told: list[Batch] = []
        with Stage(tmp_path) as stage:
            stage.log.append([entry])
        with Stage(tmp_path, on_open_spans=told.append) as stage:
            stage.follower.begin()
            await stage.all_stored()
        (batch,) = told
        assert [row.span_id for row in batch.open_spans] == [b"s" * 8]

    asyncio.run(scene())


def test_a_question_waits_for_what_was_acknowledged_before_it(tmp_path: Path) -> None:
    async def scene() -> None:
        with Stage(tmp_path) as stage:
            assert await stage.follower.caught_up(10)
            stage.store.may_answer.clear()
            stage.take("line")
            asking = asyncio.create_task(stage.follower.caught_up(10))
            await asyncio.sleep(0)
            stage.store.may_answer.set()
            assert await asking
            assert stage.stored() == ["line"]

    asyncio.run(scene())


def test_where_one_question_has_waited_in_vain_the_others_do_not_wait(tmp_path: Path) -> None:
    async def scene() -> None:
        with Stage(tmp_path) as stage:
            stage.store.may_answer.clear()
            stage.take("line")
            assert not await stage.follower.caught_up(0.05)
            began = time.monotonic()
            assert not await stage.follower.caught_up(10)
            assert time.monotonic() - began < 5
            stage.store.may_answer.set()
            assert await stage.follower._notices.reached(stage.log.end, 10)
            stage.take("another")
            assert await stage.follower.caught_up(10)

    asyncio.run(scene())
