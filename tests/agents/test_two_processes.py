"""The example: a planner in one process, a pydantic-ai agent in another, one trace."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from otbridge.hub.analysis.genai import describe
from otbridge.hub.analysis.runs import Run, summarise
from otbridge.hub.analysis.span_tree import RunSpan
from otbridge.testing import OtlpReceiver

_EXAMPLE = Path(__file__).parents[2] / "examples" / "pydantic_ai_agents.py"


@pytest.fixture(scope="module")
def received() -> OtlpReceiver:
    """What a real receiver got from both processes."""
    with OtlpReceiver() as receiver:
        environment = os.environ | {"OTEL_EXPORTER_OTLP_ENDPOINT": receiver.http_url}
        ended = subprocess.run(
            [sys.executable, str(_EXAMPLE)],
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert ended.returncode == 0, ended.stderr
        assert ended.stdout.splitlines()[-1] == "Something that lasts, because the best days do."
        receiver.wait_for(8, signal="traces")
        receiver.wait_for(2, signal="logs")
    return receiver


def attributes(message: Any) -> dict[str, Any]:
    """The attributes of a decoded span or log record, as far as these tests look at them."""
    return {
        pair.key: getattr(pair.value, pair.value.WhichOneof("value") or "string_value")
        for pair in message.attributes
        if pair.value.WhichOneof("value") in {"string_value", "int_value"}
    }


def run_of(received: OtlpReceiver) -> Run:
    """What the hub makes of it."""
    spans = []
    for resource in received.resource_spans:
        service = str(attributes(resource.resource)["service.name"])
        for scope in resource.scope_spans:
            spans += [
                RunSpan(
                    span.trace_id,
                    span.span_id,
                    span.parent_span_id,
                    span.name,
                    service,
                    span.start_time_unix_nano,
                    span.end_time_unix_nano,
                    genai=describe(span.name, span.kind, attributes(span), scope.scope.name),
                )
                for span in scope.spans
            ]
    found = summarise(spans)
    assert found is not None
    return found


def test_both_processes_are_in_one_trace_with_the_right_parents(received: OtlpReceiver) -> None:
    """Every span has the parent that waited for it, across the process border, too."""
    assert len({span.trace_id for span in received.spans}) == 1
    by_id = {span.span_id: span for span in received.spans}
    tree = sorted(
        (span.name, by_id[span.parent_span_id].name if span.parent_span_id else "")
        for span in received.spans
    )
    assert tree == [
        ("chat planner-1", "invoke_agent planner"),
        ("chat scribe-2", "invoke_agent writer"),
        ("chat scribe-2", "invoke_agent writer"),
        ("execute_tool check_spelling", "invoke_agent writer"),
        ("execute_tool handoff writer", "invoke_agent planner"),
        ("invoke_agent planner", "invoke_workflow gift card"),
        ("invoke_agent writer", "execute_tool handoff writer"),
        ("invoke_workflow gift card", ""),
    ]


def test_run_and_conversation_are_on_every_span(received: OtlpReceiver) -> None:
    """The stamps cross the process border in baggage, onto spans that a framework makes."""
    said = [attributes(span) for span in received.spans]
    assert {stamps.get("gen_ai.conversation.id") for stamps in said} == {"order-7"}
    assert len({stamps.get("otbridge.run.id") for stamps in said}) == 1


def test_log_lines_sit_under_their_spans_and_know_their_agent(received: OtlpReceiver) -> None:
    """A log line of a tool in a framework's agent belongs to that tool's span."""
    names = {span.span_id: span.name for span in received.spans}
    logs = {log.body.string_value: log for log in received.logs}
    assert names[logs["handing over"].span_id] == "invoke_agent planner"
    assert attributes(logs["handing over"])["agent"] == "planner"
    assert names[logs["checking"].span_id] == "execute_tool check_spelling"


def test_the_hub_sees_one_run_of_two_agents(received: OtlpReceiver) -> None:
    """Who handed over to whom, with whose tokens."""
    run = run_of(received)
    assert run.name == "gift card"
    assert run.conversation == "order-7"
    assert [(agent.name, agent.service, agent.llm_calls) for agent in run.agents] == [
        ("planner", "gift-planner", 1),
        ("writer", "gift-writer", 2),
    ]
    assert [(edge.source, edge.target, edge.type) for edge in run.edges] == [
        ("planner", "writer", "handoff"),
        ("writer", "check_spelling", "tool"),
    ]
    writer = run.agents[1].usage
    assert run.usage.input_tokens == 120 + writer.input_tokens
    assert writer.input_tokens > 0
