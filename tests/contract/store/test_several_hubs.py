"""Several hubs on one ClickHouse: each shows everything, and a death costs nothing."""

from __future__ import annotations

import signal
import threading
import time
from collections import Counter
from itertools import count
from typing import TYPE_CHECKING

import httpx
import pytest
from opentelemetry.proto.logs.v1.logs_pb2 import LogsData
from opentelemetry.proto.trace.v1.trace_pb2 import TracesData

from tests.hub.hub_process import HubProcess
from tests.hub.store.builders import any_value, key_values, span_id, trace_id

if TYPE_CHECKING:
    from pathlib import Path

    from tests.contract.store.server import Server

_databases = count(1)


@pytest.fixture
def shared(server: Server) -> str:
    """The address of a store for several hubs."""
    return f"clickhouse://127.0.0.1:{server.http_port}/shared_{next(_databases)}"


def traces(number: int, service: str, start_ns: int) -> bytes:
    data = TracesData()
    resource = data.resource_spans.add()
    resource.resource.attributes.extend(key_values({"service.name": service}))
    resource.scope_spans.add().spans.add(
        trace_id=trace_id(number),
        span_id=span_id(number),
        name=f"order {number}",
        start_time_unix_nano=start_ns,
        end_time_unix_nano=start_ns + 1_000_000,
    )
    return data.SerializeToString()


def logs(bodies: list[str], time_ns: int) -> bytes:
    data = LogsData()
    resource = data.resource_logs.add()
    resource.resource.attributes.extend(key_values({"service.name": "shop"}))
    scope = resource.scope_logs.add()
    for body in bodies:
        scope.log_records.add(time_unix_nano=time_ns, body=any_value(body))
    return data.SerializeToString()


def send(hub: HubProcess, signal_name: str, body: bytes) -> None:
    headers = {"content-type": "application/x-protobuf"}
    answer = hub.http.post(f"/v1/{signal_name}", content=body, headers=headers)
    assert answer.status_code == 200, answer.text


def names(hub: HubProcess) -> list[str]:
    found = hub.http.get("/api/v1/traces?limit=100").json()["traces"]
    return [trace["name"] for trace in found]


def bodies(hub: HubProcess) -> Counter[str]:
    """Every log body that the hub shows, and how often."""
    found: Counter[str] = Counter()
    cursor = ""
    while True:
        page = hub.http.get(f"/api/v1/logs?limit=1000{cursor}").json()
        found.update(log["body"] for log in page["logs"])
        if page["next_cursor"] is None:
            return found
        cursor = f"&cursor={page['next_cursor']}"


def test_two_hubs_show_what_either_was_sent(shared: str, tmp_path: Path) -> None:
    now_ns = time.time_ns()
    with (
        HubProcess(tmp_path / "a", "--store", shared) as one,
        HubProcess(tmp_path / "b", "--store", shared) as other,
    ):
        send(one, "traces", traces(1, "shop", now_ns))
        send(other, "traces", traces(2, "bank", now_ns + 1))
        send(other, "logs", logs(["paid"], now_ns))
        names(one), names(other)  # each hub answers when it has stored what it took
        assert names(one) == names(other) == ["order 2", "order 1"]
        assert bodies(one) == bodies(other) == {"paid": 1}
        services = [hub.http.get("/api/v1/services").json() for hub in (one, other)]
        assert services[0] == services[1]


def test_a_killed_hub_loses_nothing_it_acknowledged_and_shows_nothing_twice(
    shared: str, tmp_path: Path
) -> None:
    acknowledged: list[str] = []
    now_ns = time.time_ns()
    with HubProcess(tmp_path / "b", "--store", shared) as survivor:
        for life in range(3):
            with HubProcess(tmp_path / "a", "--store", shared) as mortal:
                enough = threading.Event()
                sending = threading.Thread(
                    target=_send_until_it_dies, args=(mortal, life, now_ns, acknowledged, enough)
                )
                sending.start()
                assert enough.wait(20)
                mortal.process.send_signal(signal.SIGKILL)
                sending.join()
        with HubProcess(tmp_path / "a", "--store", shared) as again:
            again.wait_until_stored()
            found = bodies(again)
        assert bodies(survivor) == found
    assert len(acknowledged) >= 3 * _ENOUGH
    assert not [body for body in acknowledged if found[body] != 1]
    assert max(found.values()) == 1


_ENOUGH = 400


def _send_until_it_dies(
    hub: HubProcess, life: int, now_ns: int, acknowledged: list[str], enough: threading.Event
) -> None:
    headers = {"content-type": "application/x-protobuf"}
    with httpx.Client(base_url=hub.url, timeout=20) as client:
        for number in count():
            sent = [f"{life}.{number}.{index}" for index in range(20)]
            try:
                answer = client.post("/v1/logs", content=logs(sent, now_ns), headers=headers)
            except httpx.TransportError:
                return  # it was killed: what it did not answer may be there or not
            assert answer.status_code == 200, answer.text
            acknowledged += sent
            if number * len(sent) > _ENOUGH:
                enough.set()
