"""A process that begins spans and falls silent leaves lost spans, until it is heard of again."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from websockets.sync.client import connect

from otbridge import semconv
from otbridge.hub import silence
from otbridge.hub.ingest import Ingest
from otbridge.hub.ledger import HubLedger
from otbridge.hub.live import LiveFeed
from otbridge.hub.receive_log.log import ReceiveLog
from otbridge.hub.silence import OTHERS_SILENCE_S, SILENCE_S
from otbridge.hub.store import open_store
from otbridge.testing.clock import FakeClock
from tests.hub import hub_process
from tests.hub.screen import Screen

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from otbridge.hub.store import Store


def trace_id(number: int) -> bytes:
    return bytes([number]) * 16


def identify(resource: Any, process: str, distribution: str = "otbridge") -> None:
    """Say in *resource* which SDK sends, in which process."""
    for key, value in (
        (semconv.SERVICE_NAME, "shop"),
        (semconv.SERVICE_INSTANCE_ID, process),
        (semconv.TELEMETRY_DISTRO_NAME, distribution),
    ):
        resource.attributes.add(key=key).value.string_value = value


class Stage:
    """An ingest on a store of its own; times are the clock's."""

    def __init__(self, store: Store, clock: FakeClock, log: ReceiveLog) -> None:
        self.store = store
        self.clock = clock
        self.live = LiveFeed()
        self.screen = Screen(self.live)
        self.ingest = Ingest(store, self.live, HubLedger(), clock, log=log)

    async def begins(self, number: int, process: str = "p", *, again: bool = False) -> None:
        """A process announces that span *number* of trace *number* has begun, or is open still."""
        await self.says(process, announces=number, again=again)

    async def begins_in_logfire(self, number: int, process: str = "p") -> None:
        """The same of a process that sends pending spans."""
        request = ExportTraceServiceRequest()
        source = request.resource_spans.add()
        identify(source.resource, process, "")
        span = source.scope_spans.add().spans.add(
            trace_id=trace_id(number),
            span_id=b"announce",
            parent_span_id=bytes([number]) * 8,
            start_time_unix_nano=5,
            end_time_unix_nano=5,
        )
        for key, value in (
            (semconv.LOGFIRE_SPAN_TYPE, semconv.LOGFIRE_PENDING_SPAN),
            (semconv.LOGFIRE_PENDING_PARENT, "0" * 16),
        ):
            span.attributes.add(key=key).value.string_value = value
        await self.ingest.take("traces", request.SerializeToString(), door="http")
        await self.ingest.follower.caught_up(10)

    async def says(self, process: str = "p", *, announces: int = 0, again: bool = False) -> None:
        request = ExportLogsServiceRequest()
        source = request.resource_logs.add()
        identify(source.resource, process)
        record = source.scope_logs.add().log_records.add(time_unix_nano=5)
        if announces:
            record.event_name = semconv.SPAN_STARTED
            record.trace_id = trace_id(announces)
            record.span_id = bytes([announces]) * 8
        if again:
            record.attributes.add(key=semconv.SPAN_STARTED_AGAIN).value.bool_value = True
        await self.ingest.take("logs", request.SerializeToString(), door="http")
        await self.ingest.follower.caught_up(10)

    async def measures(self, process: str = "p") -> None:
        request = ExportMetricsServiceRequest()
        source = request.resource_metrics.add()
        identify(source.resource, process)
        source.scope_metrics.add().metrics.add(name="n").gauge.data_points.add(as_int=1)
        await self.ingest.take("metrics", request.SerializeToString(), door="http")
        await self.ingest.follower.caught_up(10)

    async def ends(self, number: int, process: str = "p") -> None:
        request = ExportTraceServiceRequest()
        source = request.resource_spans.add()
        identify(source.resource, process)
        source.scope_spans.add().spans.add(
            trace_id=trace_id(number),
            span_id=bytes([number]) * 8,
            start_time_unix_nano=5,
            end_time_unix_nano=9,
        )
        await self.ingest.take("traces", request.SerializeToString(), door="http")
        await self.ingest.follower.caught_up(10)

    async def later(self, seconds: float) -> None:
        self.clock.advance(seconds)
        await self.ingest.silence.look()

    def state(self, number: int) -> str:
        summary = self.store.summary(trace_id(number))
        assert summary is not None
        return summary.state

    @property
    def shown(self) -> list[tuple[str, bool]]:
        items = self.screen.items_now()
        return [(item["t"], item.get("state") == "lost") for item in items]


@pytest.fixture
def play(tmp_path: Path) -> Callable[[Callable[[Stage], Awaitable[None]]], None]:
    """Plays a scene on a stage; a second one finds the store that the first has left."""
    clock = FakeClock()

    def on_stage(scene: Callable[[Stage], Awaitable[None]]) -> None:
        store = open_store(tmp_path / "store", clock=clock)
        log = ReceiveLog(str(tmp_path / "log"))
        try:
            asyncio.run(asyncio.wait_for(scene(Stage(store, clock, log)), 30))
        finally:
            store.close()
            log.close()

    return on_stage


def test_a_minute_and_a_half_of_silence_makes_open_spans_lost_and_shows_it(play: Any) -> None:
    async def scene(stage: Stage) -> None:
        await stage.begins(1)
        await stage.later(SILENCE_S - 1)
        assert stage.state(1) == "open"
        await stage.later(1)
        assert stage.state(1) == "lost"
        assert stage.shown == [("start", False), ("span", True)]

    play(scene)


@pytest.mark.parametrize("sign", ["says", "measures"])
def test_any_record_of_the_process_is_a_sign_of_life(play: Any, sign: str) -> None:
    async def scene(stage: Stage) -> None:
        await stage.begins(1)
        for _ in range(5):
            await stage.later(SILENCE_S - 1)
            await getattr(stage, sign)()
        assert stage.state(1) == "open"
        await stage.later(SILENCE_S)
        assert stage.state(1) == "lost"

    play(scene)


def test_only_the_silent_process_is_given_up(play: Any) -> None:
    async def scene(stage: Stage) -> None:
        await stage.begins(1, "a")
        await stage.begins(2, "b")
        await stage.later(SILENCE_S / 2)
        await stage.says("b")
        await stage.later(SILENCE_S / 2)
        assert (stage.state(1), stage.state(2)) == ("lost", "open")

    play(scene)


def test_the_end_of_a_span_overrules_the_verdict(play: Any) -> None:
    async def scene(stage: Stage) -> None:
        await stage.begins(1)
        await stage.later(SILENCE_S)
        await stage.ends(1)
        assert stage.state(1) == "complete"
        await stage.later(SILENCE_S)
        assert stage.state(1) == "complete"

    play(scene)


@pytest.mark.parametrize("sign", ["says", "measures"])
def test_a_process_that_is_heard_of_again_has_its_spans_back(play: Any, sign: str) -> None:
    async def scene(stage: Stage) -> None:
        await stage.begins(1)
        await stage.begins(2)
        await stage.later(SILENCE_S)
        await stage.ends(2)
        await getattr(stage, sign)()
        await stage.later(0)
        assert (stage.state(1), stage.state(2)) == ("open", "complete")
        assert stage.shown[-1] == ("start", False)
        await stage.later(SILENCE_S)
        assert stage.state(1) == "lost"

    play(scene)


@pytest.mark.parametrize("again", [False, True])
def test_a_span_that_is_announced_after_its_verdict_is_open_again_at_once(
    play: Any, again: bool
) -> None:
    async def scene(stage: Stage) -> None:
        await stage.begins(1)
        await stage.later(SILENCE_S)
        await stage.begins(1, again=again)
        assert stage.state(1) == "open"
        assert stage.shown == [("start", False), ("span", True), ("start", False)]
        await stage.later(SILENCE_S)
        assert stage.state(1) == "lost"

    play(scene)


def test_a_span_that_is_told_of_again_and_again_stays_open_and_is_shown_once(play: Any) -> None:
    async def scene(stage: Stage) -> None:
        await stage.begins(1)
        for _ in range(20):
            await stage.later(SILENCE_S / 3)
            await stage.begins(1, again=True)
        assert stage.state(1) == "open"
        assert stage.shown == [("start", False)]
        assert stage.store.totals().duplicates == 0
        await stage.ends(1)
        await stage.begins(1, again=True)
        assert stage.state(1) == "complete"
        assert stage.store.totals().duplicates == 0

    play(scene)


def test_a_process_that_tells_of_a_beginning_only_once_has_more_time(play: Any) -> None:
    async def scene(stage: Stage) -> None:
        await stage.begins_in_logfire(1)
        await stage.later(OTHERS_SILENCE_S - 1)
        assert stage.state(1) == "open"
        await stage.later(1)
        assert stage.state(1) == "lost"
        assert stage.shown == [("start", False), ("span", True)]

    play(scene)


def test_a_process_that_was_found_has_as_much_time_as_before(play: Any) -> None:
    async def scene(stage: Stage) -> None:
        await stage.begins_in_logfire(1)
        await stage.later(OTHERS_SILENCE_S)
        await stage.begins_in_logfire(2)
        await stage.later(0)
        await stage.later(OTHERS_SILENCE_S - 1)
        assert (stage.state(1), stage.state(2)) == ("open", "open")
        await stage.later(1)
        assert (stage.state(1), stage.state(2)) == ("lost", "lost")

    play(scene)


def test_two_services_may_name_their_processes_alike(play: Any) -> None:
    async def scene(stage: Stage) -> None:
        await stage.begins(1)
        await stage.begins_in_logfire(2)
        assert list(stage.ingest.silence._heard) == ["p", "shop/p"]

    play(scene)


def test_what_was_open_when_the_hub_ended_is_listened_for_by_the_next(play: Any) -> None:
    async def before(stage: Stage) -> None:
        await stage.begins(1, "dead")
        await stage.begins(2, "alive")
        await stage.begins(3, "done")
        await stage.ends(3, "done")

    async def after(stage: Stage) -> None:
        await stage.ingest.silence.resume()
        await stage.later(OTHERS_SILENCE_S - 1)
        await stage.says("alive")
        await stage.later(1)
        assert [stage.state(number) for number in (1, 2, 3)] == ["lost", "open", "complete"]

    play(before)
    play(after)


def test_a_process_that_never_announced_a_span_is_not_listened_for(play: Any) -> None:
    async def scene(stage: Stage) -> None:
        await stage.says()
        await stage.ends(1)
        assert not stage.ingest.silence._heard

    play(scene)


def test_a_bridge_looks_after_its_own_peers(play: Any) -> None:
    async def scene(stage: Stage) -> None:
        request = ExportTraceServiceRequest()
        source = request.resource_spans.add()
        identify(source.resource, "page")
        source.scope_spans.add().spans.add(trace_id=trace_id(1), span_id=b"s" * 8)
        await stage.ingest.take_open_spans(request.SerializeToString())
        await stage.ingest.silence.resume()
        await stage.ingest.take_open_spans(request.SerializeToString())
        await stage.later(10 * SILENCE_S)
        assert stage.state(1) == "open"
        await stage.ingest.producer_gone("page")
        assert stage.state(1) == "lost"

    play(scene)


def test_memory_has_its_limits(play: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(silence, "_MAX_WATCHED", 3)
    monkeypatch.setattr(silence, "_MAX_REMEMBERED", 2)

    async def scene(stage: Stage) -> None:
        for number in range(1, 6):
            await stage.begins(number, f"p{number}")
        assert list(stage.ingest.silence._heard) == ["p3", "p4", "p5"]
        await stage.later(SILENCE_S)
        assert [stage.state(number) for number in (3, 4, 5)] == ["lost"] * 3
        assert list(stage.ingest.silence._lost) == ["p4", "p5"]
        for process in ("p3", "p4"):
            await stage.says(process)
        await stage.later(0)
        assert [stage.state(number) for number in (3, 4, 5)] == ["lost", "open", "lost"]

    play(scene)


def test_a_store_that_refuses_is_asked_again_after_another_silence(play: Any) -> None:
    async def scene(stage: Stage) -> None:
        await stage.begins(1)
        stage.store.close()
        await stage.later(SILENCE_S)
        assert list(stage.ingest.silence._heard) == ["p"]

    play(scene)


HUB_OF_LITTLE_PATIENCE = """
from otbridge.hub import silence
silence.SILENCE_S, silence._LOOK_S = 1.0, 0.1
from otbridge.cli.main import main
main()
"""

KILLED_IN_A_SPAN = """
import os, signal, sys
import otbridge
otbridge.configure("shop", endpoint=sys.argv[1], live="on")
with otbridge.span("never ends") as span:
    otbridge.flush(timeout=5)
    print(format(span.get_span_context().trace_id, "032x"), flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_the_span_of_a_killed_program_is_shown_open_and_then_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = [sys.executable, "-c", HUB_OF_LITTLE_PATIENCE]
    monkeypatch.setattr(hub_process, "COMMAND", command)
    with hub_process.HubProcess(tmp_path) as hub, connect(f"{hub.ws_url}/api/v1/live") as live:
        live.recv(timeout=5)
        killed = subprocess.run(
            [sys.executable, "-c", KILLED_IN_A_SPAN, hub.url],
            capture_output=True,
            text=True,
            check=False,
        )
        assert killed.returncode == -signal.SIGKILL, killed.stderr
        trace = killed.stdout.strip()
        states: list[str] = []
        while "lost" not in states:
            message = json.loads(live.recv(timeout=10))
            states += [item["state"] for item in message["items"] if item["trace_id"] == trace]
        assert states == ["open", "lost"]
        found = hub.http.get(f"/api/v1/traces/{trace}").json()
        assert (found["state"], found["spans"][0]["name"]) == ("lost", "never ends")
        assert hub.end() == (0, "")


WAITS_IN_A_SPAN = """
import sys
import otbridge
from otbridge.telemetry import live
live.AGAIN_S, live._LASTING_S = 0.2, 0.1
otbridge.configure("shop", endpoint=sys.argv[1], live="on")
with otbridge.span("waits for a model"):
    sys.stdin.read()
"""


def test_a_program_that_waits_is_told_from_one_that_was_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = [sys.executable, "-c", HUB_OF_LITTLE_PATIENCE]
    monkeypatch.setattr(hub_process, "COMMAND", command)
    with hub_process.HubProcess(tmp_path) as hub, connect(f"{hub.ws_url}/api/v1/live") as live:

        def shown() -> list[str]:
            message = json.loads(live.recv(timeout=10))
            return [item["state"] for item in message.get("items", [])]

        program = [sys.executable, "-c", WAITS_IN_A_SPAN, hub.url]
        with subprocess.Popen(program, stdin=subprocess.PIPE) as waiting:
            while not shown():
                pass
            told = 0
            while told < 15:  # three times the hub's patience
                told = hub.http.get("/api/v1/stats").json()["log"]["position"]
            (trace,) = hub.http.get("/api/v1/traces").json()["traces"]
            assert (trace["state"], trace["span_count"], trace["log_count"]) == ("open", 1, 0)
            waiting.kill()
        while not (verdict := shown()):
            pass
        assert verdict == ["lost"]  # and nothing was shown while it waited
