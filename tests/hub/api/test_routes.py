"""The API over a socket, against docs/reference/hub-api.md."""

from __future__ import annotations

import base64
import math
import re
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_type_hints

import msgspec
import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.metrics.v1.metrics_pb2 import ResourceMetrics

from otbridge.hub.api.doors import DOORS
from otbridge.hub.api.routes import ENDPOINTS
from otbridge.hub.store.sqlite import SqliteStore
from otbridge.wire.otlp_json import parse_logs, parse_traces
from otbridge.wire.rows import Batch, MetricsRow
from tests.hub.store.builders import SECOND, T0, log, span, span_id, store_now, trace_id

if TYPE_CHECKING:
    import httpx

    from otbridge.hub.store import Store

TRACE = trace_id(1).hex()


@pytest.fixture(autouse=True)
def shop(store: Store) -> None:
    """A failed order with an agent in it, and an open trace."""
    store_now(
        store,
        span(1, name="click Order", service="shop-web", start=1, duration=9),
        span(
            2,
            parent=1,
            name="POST /order",
            service="shop-api",
            kind=2,
            start=2,
            duration=3,
            error=True,
            attributes={
                "text": "ü",
                "exact": 2**53 - 1,
                "large": 2**60,
                "bytes": b"\x00\xff",
                "nan": math.nan,
                "list": [1, "x", 2**60],
            },
            links=[(5, 6)],
        ),
        span(
            3,
            parent=2,
            name="chat m",
            service="worker",
            kind=3,
            start=3,
            attributes={
                "gen_ai.operation.name": "chat",
                "gen_ai.request.model": "m",
                "gen_ai.agent.name": "planner",
                "gen_ai.usage.input_tokens": 310,
                "gen_ai.usage.output_tokens": 92,
                "otbridge.run.id": "run-1",
            },
        ),
        log("order placed", trace=1, span=2, service="shop-api", at=3, attributes={"order_id": 7}),
        log({"a": [1, 2**60]}, trace=1, service="shop-api", at=4, severity=17, event="e"),
        log("alone", service="shop-web", at=5, attributes={"session.id": "visit"}),
    )
    store_now(store, span(1, trace=2, name="running", service="shop-web", start=20, is_open=True))
    metrics = ResourceMetrics()
    load = metrics.scope_metrics.add().metrics.add(name="load")
    load.gauge.data_points.add(time_unix_nano=time.time_ns(), as_double=0.5)
    row = MetricsRow("shop-api", T0, 1, metrics.SerializeToString())
    store.submit(Batch(metrics=[row])).result(timeout=20)


def get(api: httpx.Client, address: str, **query: Any) -> Any:
    response = api.get(address, params=query)
    assert response.status_code == 200, response.text
    assert response.headers["content-type"] == "application/json"
    return response.json()


def error(api: httpx.Client, address: str, status: int) -> Any:
    response = api.get(address)
    assert response.status_code == status, response.text
    body = response.json()
    assert set(body) == {"error"}
    assert set(body["error"]) == {"code", "what", "why", "do"}
    assert body["error"]["what"]
    return body["error"]


def test_the_list_of_traces(api: httpx.Client) -> None:
    answer = get(api, "/traces")

    running, order = answer["traces"]
    assert answer["next_cursor"] is None
    assert order == {
        "trace_id": TRACE,
        "name": "click Order",
        "root": {
            "span_id": span_id(1).hex(),
            "name": "click Order",
            "service": "shop-web",
            "kind": "internal",
        },
        "start_time_unix_nano": str(T0 + SECOND),
        "end_time_unix_nano": str(T0 + 10 * SECOND),
        "duration_nano": 9 * SECOND,
        "span_count": 3,
        "open_span_count": 0,
        "error_count": 1,
        "log_count": 2,
        "services": [
            {"name": "shop-web", "span_count": 1},
            {"name": "shop-api", "span_count": 1},
            {"name": "worker", "span_count": 1},
        ],
        "state": "complete",
        "agents": ["planner"],
        "usage": {
            "input_tokens": 310,
            "output_tokens": 92,
            "cache_read_tokens": 0,
            "cache_write_tokens": 0,
            "reasoning_tokens": 0,
        },
    }
    assert (running["state"], running["open_span_count"], running["usage"]) == ("open", 1, None)


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ({"service": "worker"}, 1),
        ({"service": "nobody"}, 0),
        ({"service": ""}, 2),
        ({"name": "order"}, 1),
        ({"min_duration": "9s"}, 1),
        ({"min_duration": "9001"}, 0),
        ({"error": "true"}, 1),
        ({"error": "false"}, 1),
        ({"q": "placed order_id=7"}, 1),
        ({"q": "order_id=8"}, 0),
        ({"from": "2026-01-01T00:00:20Z"}, 1),
        ({"to": "2026-01-01T00:00:20Z"}, 1),
        ({"from": "-1m", "to": "now"}, 0),
    ],
)
def test_the_filters_of_traces(api: httpx.Client, query: dict[str, str], count: int) -> None:
    assert len(get(api, "/traces", **query)["traces"]) == count


def test_a_trace(api: httpx.Client) -> None:
    answer = get(api, f"/traces/{TRACE}")

    assert {key: answer[key] for key in ("name", "state", "span_count", "error_count")} == {
        "name": "click Order",
        "state": "complete",
        "span_count": 3,
        "error_count": 1,
    }
    assert [entry["service"] for entry in answer["resources"]] == ["shop-web", "shop-api", "worker"]
    assert answer["resources"][1]["attributes"] == {"service.name": "shop-api"}
    assert [entry["resource"] for entry in answer["spans"]] == [0, 1, 2]
    assert [entry["resource"] for entry in answer["logs"]] == [1, 1]
    assert answer["truncated"] is False
    assert answer["spans"][1] == {
        "trace_id": TRACE,
        "span_id": span_id(2).hex(),
        "parent_span_id": span_id(1).hex(),
        "name": "POST /order",
        "kind": "server",
        "service": "shop-api",
        "resource": 1,
        "scope": {"name": "tests", "version": ""},
        "start_time_unix_nano": str(T0 + 2 * SECOND),
        "duration_nano": 3 * SECOND,
        "state": "ended",
        "status": "error",
        "status_message": "it broke",
        "attributes": {
            "text": "ü",
            "exact": 2**53 - 1,
            "large": str(2**60),
            "bytes": base64.b64encode(b"\x00\xff").decode(),
            "nan": "NaN",
            "list": [1, "x", str(2**60)],
        },
        "events": [],
        "links": [{"trace_id": trace_id(5).hex(), "span_id": span_id(6).hex(), "attributes": {}}],
        "genai": None,
    }
    genai = answer["spans"][2]["genai"]
    assert (genai["kind"], genai["agent"], genai["model"]) == ("llm", "planner", "m")
    assert [entry["body"] for entry in answer["logs"]] == ["order placed", {"a": [1, str(2**60)]}]


def test_an_open_and_a_lost_span(api: httpx.Client, store: Store) -> None:
    address = f"/traces/{trace_id(2).hex()}"
    (open_span,) = get(api, address)["spans"]
    assert (open_span["state"], open_span["duration_nano"]) == ("open", None)

    store.mark_lost("").result(timeout=20)
    answer = get(api, address)
    assert (answer["state"], answer["spans"][0]["state"]) == ("lost", "lost")


def test_a_traces_otlp_is_what_was_sent(api: httpx.Client, store: Store) -> None:
    stored = store.trace(trace_id(1), 10)
    assert stored is not None
    response = api.get(f"/traces/{TRACE}/otlp")
    answer = response.json()
    assert set(answer) == {"resourceSpans", "resourceLogs"}

    request = msgspec.json.encode({"resourceSpans": answer["resourceSpans"]})
    traces = ExportTraceServiceRequest.FromString(parse_traces(request))
    assert [entry.schema_url for entry in traces.resource_spans] == [
        "https://example.org/resource"
    ] * 3
    sent_spans = [
        record.SerializeToString()
        for resource in traces.resource_spans
        for scope in resource.scope_spans
        for record in scope.spans
    ]
    assert sent_spans == [row.data for row in stored.spans]

    request = msgspec.json.encode({"resourceLogs": answer["resourceLogs"]})
    logs = ExportLogsServiceRequest.FromString(parse_logs(request))
    sent_logs = [
        record.SerializeToString()
        for resource in logs.resource_logs
        for scope in resource.scope_logs
        for record in scope.log_records
    ]
    assert sent_logs == [row.data for row in stored.logs]


def test_the_list_of_logs(api: httpx.Client) -> None:
    answer = get(api, "/logs")

    assert [entry["body"] for entry in answer["logs"]] == [
        "alone",
        {"a": [1, str(2**60)]},
        "order placed",
    ]
    entry = answer["logs"][2]
    assert len({entry["id"] for entry in answer["logs"]}) == 3
    assert entry == {
        "id": entry["id"],
        "trace_id": TRACE,
        "span_id": span_id(2).hex(),
        "time_unix_nano": str(T0 + 3 * SECOND),
        "observed_time_unix_nano": str(T0),
        "severity_number": 9,
        "severity_text": "LEVEL",
        "service": "shop-api",
        "scope": {"name": "tests", "version": ""},
        "body": "order placed",
        "event_name": "",
        "attributes": {"order_id": 7},
        "resource": {"service.name": "shop-api"},
    }
    assert (answer["logs"][0]["trace_id"], answer["logs"][0]["span_id"]) == (None, None)


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ({"trace_id": TRACE}, 2),
        ({"trace_id": TRACE.upper(), "span_id": span_id(2).hex()}, 1),
        ({"service": "shop-web"}, 1),
        ({"severity": "warn"}, 1),
        ({"severity": "18"}, 0),
        ({"q": "plac"}, 1),
        ({"q": "order_id=7"}, 1),
        ({"from": str(T0 + 4 * SECOND)}, 2),
        ({"to": str(T0 + 4 * SECOND)}, 1),
    ],
)
def test_the_filters_of_logs(api: httpx.Client, query: dict[str, str], count: int) -> None:
    assert len(get(api, "/logs", **query)["logs"]) == count


def test_equal_logs_have_ids_of_their_own(api: httpx.Client, store: Store) -> None:
    store_now(store, log("twin", at=9), log("twin", at=9))

    first, second = get(api, "/logs", q="twin")["logs"]
    assert second["id"] == first["id"] + "-2"


@pytest.mark.parametrize("address", ["/traces", "/logs"])
def test_a_cursor_leads_to_the_next_page_and_ends_at_the_last(
    api: httpx.Client, address: str
) -> None:
    whole = get(api, address)
    name = address[1:]
    seen = []
    cursor = None
    while True:
        page = get(api, address, limit=1, **({"cursor": cursor} if cursor else {}))
        seen += page[name]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert seen == whole[name]


def test_runs(api: httpx.Client) -> None:
    (run,) = get(api, "/runs")["runs"]
    assert run["run_id"] == "run-1"
    assert run["trace_ids"] == [TRACE]
    assert run["usage"]["input_tokens"] == 310
    assert get(api, "/runs", trace_id=TRACE)["runs"] == [run]
    assert get(api, "/runs", trace_id=trace_id(2).hex())["runs"] == []

    details = get(api, "/runs/run-1")
    assert run.items() <= details.items()
    assert [step["span_id"] for step in details["steps"]] == [span_id(3).hex()]
    assert details["agent_details"][0]["name"] == "planner"
    assert get(api, f"/runs/{TRACE}") == details


def test_services(api: httpx.Client) -> None:
    assert get(api, "/services")["services"] == [
        {"name": "shop-api", "span_count": 1, "log_count": 2, "last_seen_unix_nano": str(T0)},
        {"name": "shop-web", "span_count": 2, "log_count": 1, "last_seen_unix_nano": str(T0)},
        {"name": "worker", "span_count": 1, "log_count": 0, "last_seen_unix_nano": str(T0)},
    ]


def test_stats(api: httpx.Client, store: Store) -> None:
    store_now(store, log("alone"), key=("s", 1))
    store_now(store, log("alone"), key=("s", 1))

    answer = get(api, "/stats")
    assert answer["duplicates"] == 1
    assert (answer["store"]["spans"], answer["store"]["logs"]) == (4, 4)
    assert answer["store"]["days"] == ["2026-01-01"]
    assert answer["live"] == {"viewers": 0, "skipped": 0}
    assert answer["received"] == {"logs": 0, "traces": 0, "metrics": 0}


def test_facets(api: httpx.Client) -> None:
    """The values that the list could be narrowed to, most frequent first."""
    answer = get(api, "/facets", field="service", limit="1")
    assert (answer["of"], answer["field"], answer["complete"]) == ("logs", "service", True)
    logs = get(api, "/logs", limit="1000")["logs"]
    counts = sorted(
        (
            (sum(log["service"] == name for log in logs), name)
            for name in {x["service"] for x in logs}
        ),
        key=lambda pair: (-pair[0], pair[1]),
    )
    assert answer["values"] == [{"value": counts[0][1], "count": counts[0][0]}]
    assert answer["value_count"] == len(counts)
    assert answer["looked_at"] == len(logs)
    traces = get(api, "/facets", of="traces", field="name", error="false")
    assert traces["looked_at"] == len(get(api, "/traces", error="false")["traces"])


def test_export_pages_are_otlp_and_lead_on(api: httpx.Client) -> None:
    first = get(api, "/export", signal="logs", limit="1")
    assert first["records"] == 1
    second = get(api, "/export", signal="logs", limit="1", cursor=first["next_cursor"])
    assert second["resourceLogs"] != first["resourceLogs"]
    whole = get(api, "/export", signal="traces")
    assert (whole["records"] > 0, whole["next_cursor"]) == (True, None)


@pytest.mark.parametrize(
    ("address", "status", "code"),
    [
        ("/traces/" + "0" * 31 + "9", 404, "unknown_trace"),
        ("/traces/" + "0" * 31 + "9/otlp", 404, "unknown_trace"),
        ("/traces/xyz", 400, "bad_argument"),
        ("/runs/nobody", 404, "unknown_run"),
        ("/traces?limit=0", 400, "bad_argument"),
        ("/traces?cursor=abc", 400, "bad_argument"),
        ("/traces?from=soon", 400, "bad_argument"),
        ("/traces?service=a&service=b", 400, "bad_argument"),
        ("/logs?severity=loud", 400, "bad_argument"),
        ("/logs?trace_id=1", 400, "bad_argument"),
        ("/stats?limit=1", 400, "bad_argument"),
        ("/export?signal=noise", 400, "bad_argument"),
        ("/export?cursor=abc", 400, "bad_argument"),
        ("/facets?field=colour", 400, "bad_argument"),
        ("/facets?of=metrics", 400, "bad_argument"),
        ("/facets?of=traces&field=severity", 400, "bad_argument"),
        ("/facets?of=traces&severity=warn", 400, "bad_argument"),
        ("/facets?of=logs&error=true", 400, "bad_argument"),
        ("/nowhere", 404, "unknown_address"),
        ("/", 404, "unknown_address"),
        ("/traces/", 404, "unknown_address"),
    ],
)
def test_errors_have_one_shape(api: httpx.Client, address: str, status: int, code: str) -> None:
    assert error(api, address, status)["code"] == code


def test_a_misspelt_argument_is_not_passed_over(api: httpx.Client) -> None:
    found = error(api, "/traces?min_duratoin=1s", 400)

    assert "min_duratoin" in found["what"]
    assert found["do"] == "Did you mean min_duration?"


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
def test_the_api_only_answers_questions(api: httpx.Client, method: str) -> None:
    response = api.request(method, "/traces")

    assert response.status_code == 405
    assert response.headers["allow"] == "GET, HEAD"
    assert response.json()["error"]["code"] == "method_not_allowed"


def test_head_is_get_without_a_body(api: httpx.Client) -> None:
    response = api.head("/traces")

    assert (response.status_code, response.content) == (200, b"")


def test_a_question_beyond_its_budget_says_what_to_do(api: httpx.Client, store: Store) -> None:
    assert isinstance(store, SqliteStore)
    store_now(store, *(span(trace=number + 10) for number in range(2_000)))
    store._readers.budget_s = 0.0

    response = api.get("/traces", params={"name": "nothing like it"})
    assert response.status_code == 503
    assert response.headers["retry-after"] == "1"
    assert response.json()["error"]["code"] == "query_too_slow"


def test_a_closed_store_is_a_503(api: httpx.Client, store: Store) -> None:
    store.close()

    assert error(api, "/traces", 503)["code"] == "store_unavailable"


EXAMPLES = {
    "/traces/{trace_id}": f"/traces/{TRACE}",
    "/traces/{trace_id}/otlp": f"/traces/{TRACE}/otlp",
    "/runs/{run_id}": "/runs/run-1",
    "/sessions/{session_id}": "/sessions/visit",
    "/metrics/{metric_name}": "/metrics/load",
}


QUESTIONS = [endpoint for endpoint in ENDPOINTS if endpoint.method == "GET"]


@pytest.mark.parametrize("endpoint", QUESTIONS, ids=lambda endpoint: endpoint.path)
def test_answers_are_of_the_type_that_the_openapi_document_says(
    api: httpx.Client, endpoint: Any
) -> None:
    response = api.get(EXAMPLES.get(endpoint.path, endpoint.path))
    msgspec.json.decode(response.content, type=endpoint.answer)  # all that is required is there

    assert set(response.json()) <= set(get_type_hints(endpoint.answer))


def test_the_openapi_document_names_every_address_and_argument(api: httpx.Client) -> None:
    document = get(api, "/openapi.json")

    assert document["openapi"].startswith("3.1")
    assert set(document["paths"]) == {
        *(f"/api/v1{endpoint.path}" for endpoint in ENDPOINTS),
        *(door.path for door in DOORS),
    }
    for door in DOORS:
        operation = document["paths"][door.path][door.method.lower()]
        assert ("requestBody" in operation) == (door.body is not None)
        assert str(door.status) in operation["responses"]
    for endpoint in ENDPOINTS:
        operation = document["paths"][f"/api/v1{endpoint.path}"][endpoint.method.lower()]
        assert ("requestBody" in operation) == (endpoint.body is not None)
        assert [told["name"] for told in operation["parameters"]] == [
            parameter.name for parameter in endpoint.parameters
        ]
    operations = [
        operation["operationId"]
        for path in document["paths"].values()
        for operation in path.values()
    ]
    assert len(set(operations)) == len(operations)
    references = set(_references(document))
    assert references
    assert {name.removeprefix("#/components/schemas/") for name in references} <= set(
        document["components"]["schemas"]
    )


def test_the_reference_names_every_address_and_argument() -> None:
    """docs/reference/hub-api.md says all that there is."""
    text = (Path(__file__).parents[3] / "docs/reference/hub-api.md").read_text(encoding="utf-8")
    for door in DOORS:
        assert door.path in text, door
    for endpoint in ENDPOINTS:
        path = endpoint.path.replace("{metric_name}", "{name}")
        assert f"`{endpoint.method} /api/v1{path}" in text, endpoint
        for parameter in endpoint.parameters:
            told = rf"[`?&]{parameter.name}[`=]"
            assert parameter.in_path or re.search(told, text), parameter.name


def _references(node: Any) -> list[str]:
    if isinstance(node, dict):
        own = [node["$ref"]] if "$ref" in node else []
        return own + [found for value in node.values() for found in _references(value)]
    if isinstance(node, list):
        return [found for value in node for found in _references(value)]
    return []
