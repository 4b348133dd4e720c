"""Row 46: a store that somebody else has locked keeps nothing from being acknowledged or shown."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from typing import TYPE_CHECKING

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

if TYPE_CHECKING:
    from pathlib import Path

    from tests.hub.hub_process import HubProcess


def post(hub: HubProcess, body: str) -> int:
    request = ExportLogsServiceRequest()
    request.resource_logs.add().scope_logs.add().log_records.add(body={"string_value": body})
    headers = {"content-type": "application/x-protobuf"}
    answer = hub.http.post("/v1/logs", content=request.SerializeToString(), headers=headers)
    return answer.status_code


def shown(hub: HubProcess) -> list[str]:
    logs = hub.http.get("/api/v1/logs", params={"limit": "100"}).json()["logs"]
    return sorted(log["body"] for log in logs)


def test_a_store_that_is_locked_gets_everything_when_it_is_free_again(
    shared_hub: HubProcess,
) -> None:
    """Row 46: acknowledged, as the receive log has it; questions are answered; then it is all there once."""
    assert post(shared_hub, "before") == 200
    assert shown(shared_hub) == ["before"]
    with closing(sqlite3.connect(_day(shared_hub.data), isolation_level=None)) as intruder:
        intruder.execute("BEGIN IMMEDIATE")
        for number in range(20):
            assert post(shared_hub, f"line {number:02}") == 200
        assert shown(shared_hub) == ["before"]
        assert shared_hub.http.get("/api/v1/stats").json()["behind"]["records"] == 20
        intruder.execute("ROLLBACK")
    deadline = time.monotonic() + 30
    while shared_hub.http.get("/api/v1/stats").json()["behind"]["records"]:
        assert time.monotonic() < deadline
        time.sleep(0.05)  # another process
    assert shown(shared_hub) == ["before", *(f"line {number:02}" for number in range(20))]
    assert shared_hub.http.get("/api/v1/stats").json()["rejected"] == {}


def _day(data: Path) -> Path:
    (newest,) = (path for path in data.rglob("*.db") if path.stem[:2] == "20")
    return newest
