"""Every screen in a real browser, on a hub that has something for each."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from tests.hub.hub_process import HubProcess

if TYPE_CHECKING:
    from pathlib import Path

    from tests.e2e.chromium import Browser

TRACES = 6
MS = 1_000_000


def _attributes(**values: str) -> list[dict[str, Any]]:
    return [
        {"key": key.replace("__", "."), "value": {"stringValue": value}}
        for key, value in values.items()
    ]


def _of(service: str) -> dict[str, Any]:
    return {"attributes": _attributes(service__name=service)}


def _span(number: int, at: int, **more: Any) -> dict[str, Any]:
    duration = more.pop("milliseconds") * MS
    start = {"startTimeUnixNano": str(at), "endTimeUnixNano": str(at + duration)}
    return {"traceId": f"{number:032x}", **start, **more}


def _send_shop(hub: HubProcess, now: int) -> None:
    """Orders of one visitor, each a click, a request and a payment with a query; one fails."""
    page, shop, payments, logs = [], [], [], []
    for number in range(1, TRACES + 1):
        at = now - (60 + number) * 1_000 * MS
        ids = [f"{number:08x}{part:08x}" for part in range(1, 5)]
        visit = _attributes(session__id="visit-7")
        click = {"spanId": ids[0], "name": "click Order", "kind": 1, "attributes": visit}
        page.append(_span(number, at, milliseconds=90, **click))
        request = {"spanId": ids[1], "parentSpanId": ids[0], "name": "POST /orders", "kind": 2}
        shop.append(_span(number, at + MS, milliseconds=80, **request))
        status = {"code": 2, "message": "declined"} if number == 1 else {}
        charge: dict[str, Any] = {"kind": 2, "name": "charge card"}
        charge |= {"spanId": ids[2], "parentSpanId": ids[1]}
        charge["attributes"] = [{"key": "order", "value": {"intValue": str(number)}}]
        payments.append(_span(number, at + 2 * MS, milliseconds=60, status=status, **charge))
        query = {"spanId": ids[3], "parentSpanId": ids[2], "name": "SELECT cards", "kind": 3}
        payments.append(_span(number, at + 3 * MS, milliseconds=4, **query))
        body = {"stringValue": f"order {number} placed"}
        of = {"traceId": f"{number:032x}", "spanId": ids[1]}
        logs.append({"timeUnixNano": str(at), "severityNumber": 9, "body": body, **of})
    spans = {"web": page, "shop": shop, "payments": payments}
    _post(hub, "traces", "resourceSpans", "scopeSpans", {"spans": spans})
    _post(hub, "logs", "resourceLogs", "scopeLogs", {"logRecords": {"shop": logs}})


def _send_durations(hub: HubProcess, now: int) -> None:
    """A histogram of two points, the second with an exemplar of the third order's payment."""
    points: list[dict[str, Any]] = []
    for minute, counts in ((2, [4, 0, 0]), (1, [4, 10, 0])):
        at = now - minute * 60_000 * MS
        of = {"timeUnixNano": str(at), "startTimeUnixNano": str(now - 3_600_000 * MS)}
        numbers = {"count": str(sum(counts)), "sum": 0.05 * sum(counts)}
        buckets = {"explicitBounds": [0.05, 0.1], "bucketCounts": [str(n) for n in counts]}
        points.append({**of, **numbers, **buckets})
    trace = {"traceId": f"{3:032x}", "spanId": f"{3:08x}{3:08x}"}
    exemplar = {"timeUnixNano": points[1]["timeUnixNano"], "asDouble": 0.06, **trace}
    points[1]["exemplars"] = [exemplar]
    histogram = {"aggregationTemporality": 2, "dataPoints": points}
    metric = {"name": "payment.duration", "unit": "s", "histogram": histogram}
    _post(hub, "metrics", "resourceMetrics", "scopeMetrics", {"metrics": {"payments": [metric]}})


def _post(
    hub: HubProcess, path: str, outer: str, scopes: str, records: dict[str, dict[str, Any]]
) -> None:
    ((kind, by_service),) = records.items()
    told = [
        {"resource": _of(service), scopes: [{"scope": {}, kind: of_service}]}
        for service, of_service in by_service.items()
    ]
    assert hub.http.post(f"/v1/{path}", json={outer: told}).status_code == 200


def test_every_screen_fits_every_size_and_numbers_lead_to_traces(
    tmp_path: Path, browser: Browser
) -> None:
    """No screen is wider than its window, and services, sessions and metrics end in traces."""
    with HubProcess(tmp_path) as hub:
        now = time.time_ns()
        _send_shop(hub, now)
        _send_durations(hub, now)
        hub.wait_until_stored()
        arguments = (f"{1:032x}", "visit-7", "payment.duration")
        seen = browser.run("screens.mjs", hub.url, *arguments)

    assert seen["problems"] == []
    assert seen["tooWide"] == []
    assert set(seen["services"]) == {"web", "shop", "payments"}
    assert seen["slowest"] == ["charge card", "SELECT cards"]
    assert seen["tracesOfOperation"] == TRACES
    assert seen["tracesOfComparison"] == 4
    assert seen["tracesOfSession"] == TRACES
    assert sorted(seen["logsOfSession"]) == [f"order {n} placed" for n in range(1, TRACES + 1)]
    assert seen["latest"] == ["97.5 ms"]  # of ten between 50 and 100 ms, since the point before
    assert seen["exemplar"] == f"/traces/{3:032x}"
