"""The bridge through the hub: the same way in as OTLP, each batch once, and lost spans shown."""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect
from websockets.typing import Origin, Subprotocol

from otbridge._clock import SystemClock
from otbridge.hub.ingest import Ingest
from otbridge.hub.ledger import HubLedger
from otbridge.hub.live import LiveFeed
from otbridge.hub.receive_log.log import ReceiveLog
from otbridge.hub.receivers.bridge import BridgeConsumer
from otbridge.hub.store import open_store
from tests.hub.screen import Screen

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from websockets.sync.client import ClientConnection

    from tests.hub.hub_process import HubProcess

PAGE = "http://localhost:3000"


def string(key: str, value: str) -> dict[str, Any]:
    return {"key": key, "value": {"stringValue": value}}


class Page:
    """A browser page, as far as the hub can tell."""

    def __init__(self, hub: HubProcess) -> None:
        self.hub = hub
        self.stream = uuid.uuid4().hex
        self.trace_id = uuid.uuid4().hex
        self.id = 0

    @property
    def introduction(self) -> dict[str, Any]:
        return {
            "v": 1,
            "stream": self.stream,
            "resource": [string("service.name", "shop-web")],
            "sdk": {"name": "tests", "version": "1"},
            "clock": time.time() * 1000,
        }

    @contextmanager
    def connect(self, origin: str = PAGE) -> Iterator[ClientConnection]:
        with connect(
            f"{self.hub.ws_url}/v1/bridge",
            origin=Origin(origin),
            subprotocols=[Subprotocol("otbridge.v1.json")],
        ) as connection:
            hello = {"k": "hello", "epoch": 1, "caps": ["live"], **self.introduction}
            connection.send(json.dumps(hello))
            ready = json.loads(connection.recv(timeout=5))
            assert (ready["k"], ready["live"]) == ("ready", True)
            yield connection

    def batch(self) -> dict[str, Any]:
        self.id += 1
        now = str(time.time_ns())
        span = {**self.span(self.id), "startTimeUnixNano": now, "endTimeUnixNano": now}
        log = {
            "timeUnixNano": now,
            "body": {"stringValue": f"line {self.id}"},
            "traceId": self.trace_id,
            "spanId": span["spanId"],
        }
        return {
            "k": "batch",
            "id": self.id,
            "n": 2,
            "spans": [{"scope": {"name": "page"}, "spans": [span]}],
            "logs": [{"scope": {"name": "page"}, "logRecords": [log]}],
        }

    def span(self, number: int) -> dict[str, Any]:
        return {"traceId": self.trace_id, "spanId": f"{number:016x}", "name": f"span {number}"}

    def trace(self) -> dict[str, Any]:
        answer: dict[str, Any] = self.hub.http.get(f"/api/v1/traces/{self.trace_id}").json()
        return answer


def test_spans_and_logs_of_a_batch_are_stored_when_it_is_acknowledged(
    shared_hub: HubProcess,
) -> None:
    page = Page(shared_hub)
    with page.connect() as connection:
        connection.send(json.dumps(page.batch()))
        assert json.loads(connection.recv(timeout=5)) == {"k": "ack", "id": 1}
        trace = page.trace()
    assert [span["name"] for span in trace["spans"]] == ["span 1"]
    assert [log["body"] for log in trace["logs"]] == ["line 1"]
    assert trace["resources"][0]["attributes"]["otbridge.origin"] == "browser"
    doors = [sender["door"] for sender in shared_hub.http.get("/api/v1/stats").json()["senders"]]
    assert "bridge/browser" in doors


def test_a_batch_that_comes_by_both_ways_is_stored_once(shared_hub: HubProcess) -> None:
    page = Page(shared_hub)
    batch = page.batch()
    with page.connect() as connection:
        connection.send(json.dumps(batch))
        connection.recv(timeout=5)
    answer = shared_hub.http.post(
        "/v1/bridge",
        content=json.dumps({**page.introduction, "batches": [batch]}),
        headers={"content-type": "text/plain", "origin": PAGE},
    )
    assert (answer.status_code, answer.json()["id"]) == (200, 1)
    assert len(page.trace()["logs"]) == 1


def test_a_span_of_a_page_is_seen_when_it_begins(shared_hub: HubProcess) -> None:
    page = Page(shared_hub)
    with connect(f"{shared_hub.ws_url}/api/v1/live") as viewer:
        viewer.recv(timeout=5)
        viewer.send(json.dumps({"k": "filter", "trace_id": page.trace_id}))
        viewer.ping().wait(5)  # the hub has read what came before
        with page.connect() as connection:
            begun = {**page.span(7), "startTimeUnixNano": str(time.time_ns()), "scope": "page"}
            connection.send(json.dumps({"k": "open", "spans": [begun]}))
            (started,) = json.loads(viewer.recv(timeout=5))["items"]
    assert (started["t"], started["state"], started["service"]) == ("start", "open", "shop-web")


def test_the_open_spans_of_a_page_that_is_gone_are_shown_as_lost(tmp_path: Path) -> None:
    stream, trace_id = "ab" * 16, b"t" * 16
    request = ExportTraceServiceRequest()
    source = request.resource_spans.add()
    for key, value in (("service.instance.id", stream), ("telemetry.distro.name", "otbridge")):
        source.resource.attributes.add(key=key).value.string_value = value
    source.scope_spans.add().spans.add(trace_id=trace_id, span_id=b"s" * 8, name="waiting")

    async def scene() -> None:
        store = open_store(tmp_path / "store")
        log = ReceiveLog(str(tmp_path / "log"))
        live = LiveFeed()
        consumer = BridgeConsumer(Ingest(store, live, HubLedger(), SystemClock(), log=log))
        await consumer.open_spans(request.SerializeToString(), origin="browser", project="")
        screen = Screen(live)
        await consumer.gone("another", project="")
        assert not screen.items_now()
        await consumer.gone(stream, project="")
        (shown,) = screen.items_now()
        assert (shown["t"], shown["state"], shown["name"]) == ("span", "lost", "waiting")
        summary = store.summary(trace_id)
        assert summary is not None
        assert summary.state == "lost"
        store.close()
        log.close()

    asyncio.run(scene())


def test_pages_elsewhere_are_refused(shared_hub: HubProcess) -> None:
    with (
        pytest.raises(InvalidStatus) as caught,
        Page(shared_hub).connect("https://evil.test"),
    ):
        raise AssertionError("connected")
    assert caught.value.response.status_code == 403


def test_a_hub_that_ends_tells_the_page_to_come_again(hub: HubProcess) -> None:
    with Page(hub).connect() as connection:
        assert hub.end() == (0, "")
        assert json.loads(connection.recv(timeout=5))["k"] == "goaway"
        with pytest.raises(ConnectionClosed) as caught:
            connection.recv(timeout=5)
    assert caught.value.rcvd is not None
    assert caught.value.rcvd.code == 1001
