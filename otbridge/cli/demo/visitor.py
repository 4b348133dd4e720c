"""Performs the demo's click without a browser, for terminals and tests.

It sends what the page's SDK would send: the click, the request it causes and a log line, as one
batch over the bridge, and the request itself with its `traceparent`.
"""

from __future__ import annotations

import secrets
import time
from typing import Any

import httpx

__all__ = ["click"]

_SERVICE = "gift-page"
_BUTTON = "Something that lasts"

_INTERNAL, _CLIENT = 1, 3
"""OTLP SpanKind numbers."""


def click(page_url: str, hub_url: str, wish: str = "something that lasts") -> str:
    """Click the page's button and return the trace id, once the shop has answered."""
    trace_id, click_id, fetch_id = (secrets.token_hex(n) for n in (16, 8, 8))
    log = _log(trace_id, click_id, "gift wanted", wish)
    started = time.time_ns()
    with httpx.Client(timeout=60) as http:
        answer = http.post(
            f"{page_url}/api/gift",
            json={"name": "Ada", "wish": wish},
            headers={"traceparent": f"00-{trace_id}-{fetch_id}-01"},
        )
        ended = time.time_ns()
        fetch = _span(
            (trace_id, fetch_id, click_id), "POST /api/gift", _CLIENT, start=started, end=ended
        )
        fetch["attributes"] = [
            _attribute("http.request.method", "stringValue", "POST"),
            _attribute("http.response.status_code", "intValue", str(answer.status_code)),
            _attribute("url.full", "stringValue", f"{page_url}/api/gift"),
        ]
        if answer.is_error:
            fetch["status"] = {"code": 2}
        clicked = _span(
            (trace_id, click_id, ""), f"click {_BUTTON}", _INTERNAL, start=started, end=ended
        )
        envelope = _envelope([clicked, fetch], [log])
        sent = http.post(f"{hub_url}/v1/bridge", json=envelope)
        sent.raise_for_status()
    return trace_id


def _envelope(spans: list[dict[str, Any]], logs: list[dict[str, Any]]) -> dict[str, Any]:
    scope = {"name": "otbridge.demo"}
    batch = {
        "k": "batch",
        "id": 1,
        "n": len(spans) + len(logs),
        "spans": [{"scope": scope, "spans": spans}],
        "logs": [{"scope": scope, "logRecords": logs}],
    }
    return {
        "v": 1,
        "stream": secrets.token_hex(16),
        "epoch": 1,
        "resource": [_attribute("service.name", "stringValue", _SERVICE)],
        "sdk": {"name": "otbridge-demo", "version": "1"},
        "clock": time.time() * 1000,
        "batches": [batch],
    }


def _span(
    ids: tuple[str, str, str], name: str, kind: int, *, start: int, end: int
) -> dict[str, Any]:
    trace_id, span_id, parent_id = ids
    return {
        "traceId": trace_id,
        "spanId": span_id,
        "parentSpanId": parent_id,
        "name": name,
        "kind": kind,
        "startTimeUnixNano": str(start),
        "endTimeUnixNano": str(end),
    }


def _log(trace_id: str, span_id: str, body: str, wish: str) -> dict[str, Any]:
    return {
        "timeUnixNano": str(time.time_ns()),
        "severityNumber": 9,
        "severityText": "INFO",
        "body": {"stringValue": body},
        "attributes": [_attribute("wish", "stringValue", wish)],
        "traceId": trace_id,
        "spanId": span_id,
    }


def _attribute(key: str, kind: str, value: str) -> dict[str, Any]:
    return {"key": key, "value": {kind: value}}
