"""One click, one trace: the demo, clicked in a real browser and asserted through the hub's API."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from otbridge.cli.demo.stage import Stage
    from otbridge.cli.hub_client import HubClient
    from tests.e2e.chromium import Browser

pytestmark = pytest.mark.alone

# Every span of the click: name, service, name of the parent.
EXPECTED = [
    ("click Something that lasts", "gift-page", None),
    ("POST /api/gift", "gift-page", "click Something that lasts"),
    ("POST /api/gift", "gift-shop", "POST /api/gift"),
    ("GET", "gift-shop", "POST /api/gift"),
    ("GET /advice", "gift-advice", "GET"),
    ("invoke_workflow gift advice", "gift-advice", "GET /advice"),
    ("invoke_agent planner", "gift-advice", "invoke_workflow gift advice"),
    ("chat planner-1", "gift-advice", "invoke_agent planner"),
    ("execute_tool search_catalogue", "gift-advice", "invoke_agent planner"),
    ("execute_tool handoff writer", "gift-advice", "invoke_agent planner"),
    ("invoke_agent writer", "gift-writer", "execute_tool handoff writer"),
    ("chat scribe-2", "gift-writer", "invoke_agent writer"),
    ("execute_tool check_spelling", "gift-writer", "invoke_agent writer"),
]

# Every log line: body, service, name of the span it belongs to.
EXPECTED_LOGS = [
    ("gift wanted", "gift-page", "click Something that lasts"),
    ("gift wanted", "gift-shop", "POST /api/gift"),
    ("planning", "gift-advice", "invoke_agent planner"),
    ("searching", "gift-advice", "execute_tool search_catalogue"),
    ("gift chosen", "gift-advice", "invoke_agent planner"),
    ("HTTP Request", "gift-shop", "POST /api/gift"),
    ("writing a card", "gift-writer", "invoke_agent writer"),
    ("card written", "gift-writer", "invoke_agent writer"),
    ("gift found", "gift-shop", "POST /api/gift"),
]


def complete(trace: dict[str, Any]) -> bool:
    return (
        trace["state"] == "complete"
        and len(trace["spans"]) >= len(EXPECTED)
        and len(trace["logs"]) >= len(EXPECTED_LOGS)
    )


def test_a_click_in_a_real_browser_becomes_one_whole_trace(
    stage: Stage, hub: HubClient, browser: Browser
) -> None:
    """Every participant is there, every parent is right, every log is under its span, once."""
    seen = browser.run("click_demo.mjs", stage.page_url, "find", "trace.png", "check_spelling")

    assert seen["problems"] == []
    assert "walnut music box" in seen["card"]
    trace = hub.wait_for_trace(seen["traceId"], complete, timeout=10)
    spans = {span["span_id"]: span for span in trace["spans"]}

    found = [(span["name"], span["service"], _parent_name(span, spans)) for span in trace["spans"]]
    assert Counter(found) == Counter(EXPECTED)
    logs = [
        (log["body"].split(":")[0], log["service"], spans[log["span_id"]]["name"])
        for log in trace["logs"]
    ]
    assert Counter(logs) == Counter(EXPECTED_LOGS)
    for log in trace["logs"]:
        assert spans[log["span_id"]]["service"] == log["service"]
    assert {span["status"] for span in trace["spans"]} == {"unset"}
    # A person sees something of it within a second of the click, while it still runs.
    assert seen["firstSpanMs"] < 1000


def test_the_failing_button_makes_a_trace_that_says_where_it_failed(
    stage: Stage, hub: HubClient, browser: Browser
) -> None:
    """The tool's exception is on the tool's span, and the page shows the reason."""
    seen = browser.run("click_demo.mjs", stage.page_url, "fail", "trace-error.png", "no gift")

    assert "something impossible" in seen["card"]
    trace = hub.wait_for_trace(
        seen["traceId"], lambda found: found["state"] == "complete", timeout=10
    )
    failed = {span["name"] for span in trace["spans"] if span["status"] == "error"}
    assert "execute_tool search_catalogue" in failed
    tool = next(span for span in trace["spans"] if span["name"].endswith("search_catalogue"))
    exception = next(event for event in tool["events"] if event["name"] == "exception")
    assert exception["attributes"]["exception.message"] == (
        "nothing in the catalogue is 'something impossible'"
    )


def test_the_agents_of_the_click_are_one_run_with_its_handoff(stage: Stage, hub: HubClient) -> None:
    """The run names both agents, their tokens, and the handoff from one process to the other."""
    from otbridge.cli.demo import visitor

    trace_id = visitor.click(stage.page_url, stage.hub_url)
    hub.wait_for_trace(trace_id, lambda found: found["state"] == "complete", timeout=10)

    (run,) = hub.get("/api/v1/runs", trace_id=trace_id)["runs"]
    assert run["agents"] == ["planner", "writer"]
    assert run["llm_calls"] == 2
    assert run["usage"]["input_tokens"] > 0
    whole = hub.get(f"/api/v1/runs/{run['run_id']}")
    handoffs = [
        (edge["source"], edge["target"]) for edge in whole["edges"] if edge["type"] == "handoff"
    ]
    assert handoffs == [("planner", "writer")]


def test_demo_click_prints_the_trace_as_a_tree_without_a_display() -> None:
    """`otbridge demo --click` needs no browser, prints every participant, and ends with 0."""
    finished = subprocess.run(
        [sys.executable, "-m", "otbridge", "demo", "--click"],
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )

    assert finished.returncode == 0, finished.stderr
    assert finished.stderr == ""
    for name, service, _ in EXPECTED:
        assert any(name in line and service in line for line in finished.stdout.splitlines()), (
            f"{name} of {service} is missing in\n{finished.stdout}"
        )


def _parent_name(span: dict[str, Any], spans: dict[str, dict[str, Any]]) -> str | None:
    parent = span["parent_span_id"]
    return None if parent is None else str(spans[parent]["name"])
