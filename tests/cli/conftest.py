"""A hub with one trace in it, and the command line as its user has it."""

from __future__ import annotations

import json
import os
import subprocess
import time
from typing import TYPE_CHECKING

import pytest

from tests.hub.hub_process import COMMAND, HubProcess

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736"
SPAN_ID = "00f067aa0ba902b7"


@pytest.fixture(scope="module")
def filled_hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HubProcess]:
    """A hub that holds one failed span and two log lines of it."""
    with HubProcess(tmp_path_factory.mktemp("hub") / "data") as hub:
        send_order(hub)
        yield hub


def send_order(hub: HubProcess) -> None:
    """Send the trace to *hub*."""
    now = time.time_ns()
    resource = {"attributes": [_attribute("service.name", "shop")]}
    span = {
        "traceId": TRACE_ID,
        "spanId": SPAN_ID,
        "name": "place order",
        "kind": 2,
        "startTimeUnixNano": str(now),
        "endTimeUnixNano": str(now + 2_000_000),
        "status": {"code": 2, "message": "sold out"},
    }
    logs = [
        {
            "timeUnixNano": str(now + 1000 * number),
            "severityNumber": number,
            "severityText": text,
            "body": {"stringValue": body},
            "attributes": [_attribute("article", "music box")],
            "traceId": TRACE_ID,
            "spanId": SPAN_ID,
        }
        for number, text, body in ((9, "INFO", "order came in"), (17, "ERROR", "sold out"))
    ]
    for path, name, group, records in (
        ("traces", "resourceSpans", "scopeSpans", {"spans": [span]}),
        ("logs", "resourceLogs", "scopeLogs", {"logRecords": logs}),
    ):
        body = {name: [{"resource": resource, group: [{"scope": {"name": "test"}, **records}]}]}
        hub.http.post(f"/v1/{path}", json=body).raise_for_status()


@pytest.fixture
def otbridge() -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs `otbridge …` and returns how it ended."""

    def run(*arguments: str, hub: HubProcess | None = None) -> subprocess.CompletedProcess[str]:
        address = {} if hub is None else {"OTBRIDGE_HUB_URL": hub.url}
        return subprocess.run(
            [*COMMAND, *arguments],
            env={**os.environ, **address},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    return run


def _attribute(key: str, value: str) -> dict[str, object]:
    return {"key": key, "value": {"stringValue": value}}


def last_json(text: str) -> dict[str, object]:
    """Return the JSON document on the last line of *text*."""
    document: dict[str, object] = json.loads(text.splitlines()[-1])
    return document
