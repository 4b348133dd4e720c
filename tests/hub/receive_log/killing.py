"""A hub that is killed at random moments while it takes telemetry, and what it owes afterwards."""

from __future__ import annotations

import http.client
import random
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.hub.hub_process import HubProcess

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from otbridge.testing.receiver import OtlpReceiver

SENDERS = 3
RECORDS = 4
"""In one request."""


@dataclass
class Owed:
    """What the senders were told, over all hubs."""

    acknowledged: set[str] = field(default_factory=set)
    sent: set[str] = field(default_factory=set)
    requests: int = 0
    """Acknowledged ones."""
    again: list[list[int]] = field(default_factory=list)
    """Spans whose answer was lost; their senders send them again."""


def spans(numbers: list[int]) -> bytes:
    request = ExportTraceServiceRequest()
    scope = request.resource_spans.add().scope_spans.add()
    for number in numbers:
        scope.spans.add(
            trace_id=(number // 8 + 1).to_bytes(16, "big"),
            span_id=number.to_bytes(8, "big"),
            name=f"span {number}",
            start_time_unix_nano=5,
            end_time_unix_nano=9,
        )
    return request.SerializeToString()


def logs(numbers: list[int]) -> bytes:
    request = ExportLogsServiceRequest()
    scope = request.resource_logs.add().scope_logs.add()
    for number in numbers:
        scope.log_records.add(body={"string_value": f"log {number}"})
    return request.SerializeToString()


class Sender(threading.Thread):
    """Sends spans and logs, one request after the other, until the hub is gone."""

    def __init__(self, hub: HubProcess, owed: Owed, numbers: Iterator[int]) -> None:
        super().__init__()
        self._connection = http.client.HTTPConnection(hub.url.removeprefix("http://"), timeout=10)
        self._owed = owed
        self._numbers = numbers
        self.stopped = False

    def run(self) -> None:
        while not self.stopped and self._send_spans() and self._send_logs():
            pass
        self._connection.close()

    def _send_spans(self) -> bool:
        try:
            numbers = self._owed.again.pop()
        except IndexError:
            numbers = [next(self._numbers) for _ in range(RECORDS)]
        if self._post("/v1/traces", spans(numbers), [f"span {number}" for number in numbers]):
            return True
        self._owed.again.append(numbers)
        return False

    def _send_logs(self) -> bool:
        numbers = [next(self._numbers) for _ in range(RECORDS)]
        return self._post("/v1/logs", logs(numbers), [f"log {number}" for number in numbers])

    def _post(self, path: str, body: bytes, names: list[str]) -> bool:
        self._owed.sent.update(names)
        try:
            self._connection.request("POST", path, body, {"content-type": "application/x-protobuf"})
            answer = self._connection.getresponse()
            answer.read()
        except (OSError, http.client.HTTPException):
            return False
        if answer.status != 200:
            return False
        self._owed.acknowledged.update(names)
        self._owed.requests += 1
        return True


class Numbers:
    """Numbers from 1, for several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last = 0

    def __iter__(self) -> Iterator[int]:
        return self

    def __next__(self) -> int:
        with self._lock:
            self._last += 1
            return self._last


def kill_and_send(data: Path, kills: int, seed: int, *options: str) -> Owed:
    """Run *kills* hubs on *data*, one after the other, each killed while it is being sent to."""
    rng = random.Random(seed)
    owed, numbers = Owed(), Numbers()
    for _ in range(kills):
        with HubProcess(data, *options) as hub:
            senders = [Sender(hub, owed, numbers) for _ in range(SENDERS)]
            for sender in senders:
                sender.start()
            time.sleep(rng.uniform(0.01, 0.3))  # the moment of death is what is tried
            hub.process.kill()
            for sender in senders:
                sender.stopped = True
                sender.join()
    return owed


def shown(hub: HubProcess) -> list[str]:
    """Return the names of all records that the hub shows, once it has stored everything."""
    hub.wait_until_stored()
    return [*_exported(hub, "traces"), *_exported(hub, "logs")]


def _exported(hub: HubProcess, signal: str) -> Iterator[str]:
    cursor: dict[str, str] = {}
    while True:
        asked = {"signal": signal, "limit": "1000", **cursor}
        page: dict[str, Any] = hub.http.get("/api/v1/export", params=asked).json()
        for source in page.get("resourceSpans", []):
            for scope in source["scopeSpans"]:
                yield from (span["name"] for span in scope["spans"])
        for source in page.get("resourceLogs", []):
            for scope in source["scopeLogs"]:
                yield from (record["body"]["stringValue"] for record in scope["logRecords"])
        if not page.get("next_cursor"):
            return
        cursor = {"cursor": page["next_cursor"]}


def received_all(upstream: OtlpReceiver, wanted: set[str]) -> set[str]:
    """Wait until *upstream* has received *wanted*; return what it has not after half a minute."""
    deadline = time.monotonic() + 30
    while missing := wanted - _received(upstream):
        if time.monotonic() > deadline:
            return set(missing)
        time.sleep(0.1)  # another process's queue
    return set()


def _received(upstream: OtlpReceiver) -> set[str]:
    spans = {span.name for span in upstream.spans}
    return spans | {record.body.string_value for record in upstream.logs}
