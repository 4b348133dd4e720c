"""The live feed over a real WebSocket, from records sent to a real hub."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from otbridge import semconv

if TYPE_CHECKING:
    from websockets.sync.client import ClientConnection

    from tests.hub.hub_process import HubProcess


def look(hub: HubProcess, origin: str | None = None) -> ClientConnection:
    return connect(f"{hub.ws_url}/api/v1/live", origin=origin)  # type: ignore[arg-type]


def greeted(viewer: ClientConnection) -> ClientConnection:
    hello = json.loads(viewer.recv(timeout=5))
    assert hello["k"] == "hello"
    assert abs(int(hello["time_unix_nano"]) - time.time_ns()) < 5e9
    return viewer


def next_items(viewer: ClientConnection) -> list[dict[str, Any]]:
    message = json.loads(viewer.recv(timeout=5))
    assert message["k"] == "batch"
    items: list[dict[str, Any]] = message["items"]
    return items


def send_log(hub: HubProcess, body: str, service: str = "shop", **fields: Any) -> None:
    attributes = [{"key": "service.name", "value": {"stringValue": service}}]
    record = {"body": {"stringValue": body}, "severityNumber": 9, **fields}
    document = {
        "resourceLogs": [
            {"resource": {"attributes": attributes}, "scopeLogs": [{"logRecords": [record]}]}
        ]
    }
    assert hub.http.post("/v1/logs", json=document).status_code == 200


def test_a_record_is_on_its_way_within_half_a_second(shared_hub: HubProcess) -> None:
    with look(shared_hub) as viewer:
        greeted(viewer)
        began = time.monotonic()
        send_log(shared_hub, "hello")
        (item,) = next_items(viewer)
        assert time.monotonic() - began < 0.5
        assert (item["t"], item["body"], item["service"]) == ("log", "hello", "shop")
        assert "resource" not in item


def test_the_last_filter_holds(shared_hub: HubProcess) -> None:
    with look(shared_hub) as viewer:
        greeted(viewer)
        viewer.send(json.dumps({"k": "filter", "service": "none"}))
        viewer.send(json.dumps({"k": "filter", "service": "bakery"}))
        viewer.send(json.dumps({"k": "unknown"}))
        viewer.ping().wait(5)  # the hub has read what came before
        send_log(shared_hub, "not wanted")
        send_log(shared_hub, "wanted", "bakery")
        assert [item["body"] for item in next_items(viewer)] == ["wanted"]


@pytest.mark.parametrize(
    "message",
    ["no json", "[]", "[" * 5000, '{"k":"filter","trace_id":"xyz"}', '{"k":"filter","service":[]}'],
)
def test_a_filter_that_cannot_be_understood_is_explained_and_the_last_one_stays(
    shared_hub: HubProcess, message: str
) -> None:
    with look(shared_hub) as viewer:
        greeted(viewer)
        viewer.send(message)
        answer = json.loads(viewer.recv(timeout=5))
        assert answer["k"] == "error"
        assert answer["error"]["what"]
        send_log(shared_hub, "still here")
        assert next_items(viewer)[0]["body"] == "still here"


def test_a_viewer_that_talks_too_much_is_let_go(shared_hub: HubProcess) -> None:
    with look(shared_hub) as viewer:
        greeted(viewer)
        viewer.send("x" * 20_000)
        with pytest.raises(ConnectionClosed) as caught:
            viewer.recv(timeout=5)
        assert caught.value.rcvd is not None
        assert caught.value.rcvd.code == 1009


def test_a_span_is_seen_beginning_and_not_as_a_log(shared_hub: HubProcess) -> None:
    trace_id, span_id = "a1" * 16, "b2" * 8
    with look(shared_hub) as viewer:
        greeted(viewer)
        send_log(
            shared_hub,
            "",
            eventName=semconv.SPAN_STARTED,
            traceId=trace_id,
            spanId=span_id,
            timeUnixNano=str(time.time_ns()),
            attributes=[
                {"key": semconv.SPAN_STARTED_NAME, "value": {"stringValue": "checkout"}},
                {"key": semconv.SPAN_STARTED_KIND, "value": {"intValue": "2"}},
                {"key": semconv.SPAN_STARTED_PARENT, "value": {"stringValue": "c3" * 8}},
                {"key": "items", "value": {"intValue": "3"}},
            ],
        )
        (item,) = next_items(viewer)
    assert (item["t"], item["state"], item["duration_nano"]) == ("start", "open", None)
    assert (item["name"], item["kind"], item["parent_span_id"]) == ("checkout", "server", "c3" * 8)
    assert item["attributes"] == {"items": 3}
    trace = shared_hub.http.get(f"/api/v1/traces/{trace_id}").json()
    assert trace["state"] == "open"
    assert trace["logs"] == []


@pytest.mark.parametrize(
    "origin",
    ["http://evil.test", "http://localhost:3000", "http://127.0.0.1.evil.test", "null", "https://"],
)
def test_pages_of_others_may_not_look(shared_hub: HubProcess, origin: str) -> None:
    with pytest.raises(InvalidStatus) as caught:
        look(shared_hub, origin=origin)
    assert caught.value.response.status_code == 403


def test_the_hubs_own_pages_may_look(shared_hub: HubProcess) -> None:
    with look(shared_hub, origin=shared_hub.url) as viewer:
        greeted(viewer)


def test_asking_for_the_feed_without_a_websocket_is_explained(shared_hub: HubProcess) -> None:
    answer = shared_hub.http.get("/api/v1/live")
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "websocket_expected"


def test_viewers_are_counted_while_they_look(hub: HubProcess) -> None:
    with look(hub) as viewer:
        greeted(viewer)
        assert hub.http.get("/api/v1/stats").json()["live"]["viewers"] == 1
    deadline = time.monotonic() + 5
    while hub.http.get("/api/v1/stats").json()["live"]["viewers"]:
        assert time.monotonic() < deadline
