"""The hub's paths lead where they should, and those of nobody are explained."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.hub.hub_process import HubProcess

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("path", ["/api", "/api/", "/api/v2/traces", "/v1", "/v1/", "/v1/x"])
def test_paths_of_no_door_are_explained(shared_hub: HubProcess, path: str) -> None:
    answer = shared_hub.http.get(path)
    if path in ("/api", "/v1"):
        assert answer.headers["content-type"].startswith("text/html")  # a place in the UI
    else:
        assert answer.status_code == 404
        assert answer.json()["error"]["do"]


def spans(count: int) -> bytes:
    request = ExportTraceServiceRequest()
    scope = request.resource_spans.add().scope_spans.add()
    for number in range(count):
        scope.spans.add(trace_id=b"t" * 16, span_id=(number + 1).to_bytes(8, "big"), name="s")
    return request.SerializeToString()


def test_the_statistics_tell_of_the_receive_log_and_the_books_add_up(tmp_path: Path) -> None:
    headers = {"content-type": "application/x-protobuf"}
    with HubProcess(tmp_path) as hub:
        hub.http.post("/v1/traces", content=spans(5), headers=headers).raise_for_status()
        stats = hub.http.get("/api/v1/stats").json()
        assert stats["log"]["position"] == stats["behind"]["position"] == 5
        assert stats["log"]["segments"] == 1
        assert stats["log"]["bytes"] > len(spans(5))
        assert int(stats["log"]["oldest_unix_nano"]) > int(stats["started_unix_nano"])
        assert stats["behind"]["records"] == stats["behind"]["bytes"] == 0
        assert (stats["received"]["traces"], stats["stored"]["traces"]) == (5, 5)
        hub.process.kill()
        hub.process.wait()
    with HubProcess(tmp_path) as hub:
        hub.wait_until_stored()
        stats = hub.http.get("/api/v1/stats").json()
        assert stats["log"]["position"] == stats["behind"]["position"] == 5
        assert (stats["received"]["traces"], stats["waiting"]) == (0, 0)
        assert stats["recovered"] == stats["stored"]
        assert stats["store"]["spans"] == 5


def test_two_hubs_cannot_write_down_in_one_place(tmp_path: Path) -> None:
    with HubProcess(tmp_path), pytest.raises(AssertionError, match="in use"):
        HubProcess(tmp_path, "--store", str(tmp_path / "another"))
