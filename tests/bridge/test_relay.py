"""What a page sends to somebody's application leaves by that application's own delivery."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

from otbridge.testing.receiver import OtlpReceiver

if TYPE_CHECKING:
    from pathlib import Path

APPLICATION = """
import asyncio, json, sys

import httpx
from fastapi import FastAPI

import otbridge
from otbridge.bridge import asgi_app

otbridge.configure("shop", endpoint=sys.argv[1])
app = FastAPI()
app.mount("/telemetry", asgi_app())


async def main() -> None:
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://shop") as client:
        answer = await client.post(
            "/telemetry/v1/bridge", content=sys.argv[2], headers={"content-type": "text/plain"}
        )
        print(answer.status_code, answer.text)


asyncio.run(main())
otbridge.flush(timeout=10)
"""


def test_a_pages_records_leave_with_their_own_resource(tmp_path: Path) -> None:
    """A log record and a span of a page arrive at the application's destination, as the page's."""
    program = tmp_path / "application.py"
    program.write_text(APPLICATION)
    body = {
        "v": 1,
        "stream": "a" * 32,
        "resource": [{"key": "service.name", "value": {"stringValue": "shop-web"}}],
        "sdk": {"name": "otbridge-js", "version": "0.1.0"},
        "clock": 0,
        "batches": [
            {
                "id": 1,
                "n": 2,
                "logs": [{"logRecords": [{"body": {"stringValue": "cart"}}]}],
                "spans": [{"spans": [{"traceId": "1" * 32, "spanId": "2" * 16, "name": "click"}]}],
            }
        ],
    }
    with OtlpReceiver() as receiver:
        result = subprocess.run(
            [sys.executable, str(program), receiver.http_url, json.dumps(body)],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert result.stdout.strip() == '200 {"k":"ack","id":1}', result.stderr
        receiver.wait_for(2, timeout=10)
        (logs,) = [entry for entry in receiver.resource_logs if _service(entry) == "shop-web"]
        (spans,) = [entry for entry in receiver.resource_spans if _service(entry) == "shop-web"]
    assert logs.scope_logs[0].log_records[0].body.string_value == "cart"
    assert spans.scope_spans[0].spans[0].name == "click"


def _service(entry: Any) -> str:
    attributes = {pair.key: pair.value.string_value for pair in entry.resource.attributes}
    return str(attributes["service.name"])
