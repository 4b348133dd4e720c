"""Questions, however many and expensive, keep nobody waiting who sends."""

from __future__ import annotations

import statistics
import threading
import time
from itertools import count, cycle
from typing import TYPE_CHECKING

import httpx
import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import TracesData

from tests.hub.store.builders import key_values, span_id, trace_id

if TYPE_CHECKING:
    from tests.hub.hub_process import HubProcess

ASKERS = 20
EXPENSIVE = (
    "/traces?attr=http.status_code>9999&limit=1000",
    "/traces?attr=order.id!=1&q=nothing",
    "/facets?of=traces&key=order.id&limit=1000",
    "/operations?series=minute&limit=1000",
    "/service-map",
    "/export?limit=1000",
)
SHARE_S = 4.0
"""What two questions may take from the slowest of a hundred requests where all share two cores that
others use too; twenty of them take tens of seconds."""

_numbers = count(1)


def some_spans(number: int) -> bytes:
    """A request with so many spans, each with values of its own."""
    data = TracesData()
    resource = data.resource_spans.add()
    resource.resource.attributes.extend(key_values({"service.name": "shop"}))
    scope = resource.scope_spans.add()
    now = time.time_ns()
    for one in (next(_numbers) for _ in range(number)):
        span = scope.spans.add(
            trace_id=trace_id(one // 10 + 1),
            span_id=span_id(one),
            name=f"operation {one % 50}",
            start_time_unix_nano=now - 1_000_000,
            end_time_unix_nano=now,
        )
        told = {"http.status_code": 200 + one % 300, "order.id": f"o{one}", "user.id": one % 1000}
        span.attributes.extend(key_values(told))
    return data.SerializeToString()


def send(client: httpx.Client, spans: int) -> float:
    """Send some spans; return the seconds until they were acknowledged."""
    body = some_spans(spans)
    began = time.perf_counter()
    headers = {"content-type": "application/x-protobuf"}
    response = client.post("/v1/traces", content=body, headers=headers)
    assert response.status_code == 200, response.text
    return time.perf_counter() - began


def p99(seconds: list[float]) -> float:
    return statistics.quantiles(seconds, n=100)[98]


@pytest.mark.alone
def test_twenty_expensive_questions_at_once_keep_nobody_waiting_who_sends(hub: HubProcess) -> None:
    for _ in range(40):
        send(hub.http, 500)
    hub.wait_until_stored()
    quiet = [send(hub.http, 50) for _ in range(100)]

    enough = threading.Event()
    answers: list[httpx.Response] = []

    def ask(first: int) -> None:
        with httpx.Client(base_url=hub.url + "/api/v1", timeout=30) as client:
            for question in cycle(EXPENSIVE[first:] + EXPENSIVE[:first]):
                answers.append(client.get(question))
                if enough.is_set():
                    return

    askers = [
        threading.Thread(target=ask, args=(number % len(EXPENSIVE),)) for number in range(ASKERS)
    ]
    for asker in askers:
        asker.start()
    flooded = [send(hub.http, 50) for _ in range(100)]
    enough.set()
    for asker in askers:
        asker.join()

    assert p99(flooded) < p99(quiet) + SHARE_S
    assert len(answers) >= ASKERS
    for answer in answers:
        if answer.status_code != 200:
            assert answer.status_code == 503
            assert answer.headers["retry-after"] == "1"
            assert answer.json()["error"]["code"] in {"too_many_questions", "query_too_slow"}
