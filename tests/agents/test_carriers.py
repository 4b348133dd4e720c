"""Into another process and out of one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry import trace

from otbridge import agents
from otbridge.context.correlation import correlation, current_correlation

if TYPE_CHECKING:
    from tests.agents.conftest import Spans


@pytest.mark.parametrize("kind", ["http", "queue", "mcp", "a2a"])
def test_a_carrier_is_w3c_headers(spans: Spans, kind: Any) -> None:
    """Headers, messages and metadata carry the names of W3C Trace Context and Baggage."""
    with agents.run("r", conversation_id="c 1"), agents.agent("planner") as planner:
        carrier = agents.carrier(kind)

    assert carrier["traceparent"].split("-")[1:3] == [planner.trace_id, planner.span_id]
    assert "gen_ai.conversation.id=c+1" in carrier["baggage"]
    assert "otbridge.agent.path=planner" in carrier["baggage"]
    assert carrier == planner.carrier(kind)


def test_a_carrier_for_the_environment_has_variables(spans: Spans) -> None:
    """Names are upper case, as OpenTelemetry has them for environments."""
    with agents.agent("planner"):
        assert set(agents.carrier("env")) == {"TRACEPARENT", "BAGGAGE"}


def test_there_is_nothing_to_carry_outside_of_a_trace() -> None:
    """Outside of everything a carrier is empty."""
    assert agents.carrier() == {}


def _nested(carrier: dict[str, str]) -> list[Any]:
    return [
        carrier,
        {name.upper(): value for name, value in carrier.items()},
        {name: value.encode() for name, value in carrier.items()},
        [(name.encode(), value.encode()) for name, value in carrier.items()],
        {"name": "search", "_meta": carrier},
        {"messageId": "m1", "metadata": carrier},
        {**carrier, "depth": 3, "job": {"x": 1}},
    ]


@pytest.mark.parametrize("form", range(7))
def test_whatever_form_a_carrier_arrives_in_the_work_goes_on(spans: Spans, form: int) -> None:
    """Any case, bytes, pairs, MCP's `_meta`, A2A's `metadata`, other keys beside it."""
    with agents.run("r", conversation_id="c1"), agents.handoff("writer") as transfer:
        arrived = _nested(agents.carrier("queue"))[form]
    with agents.continue_from(arrived) as here, agents.agent("writer") as writer:
        assert here.conversation_id == "c1"
        assert here.run_id
        assert writer.trace_id == transfer.trace_id

    assert spans.parent("invoke_agent writer") == "execute_tool handoff writer"
    assert spans.attribute("invoke_agent writer", "gen_ai.conversation.id") == "c1"


@pytest.mark.parametrize(
    "damaged",
    [None, {}, {"traceparent": "00-zz-1-01"}, {"traceparent": 7}, "x", [1], {"baggage": "=;,=="}],
)
def test_a_damaged_carrier_begins_a_new_trace(spans: Spans, damaged: Any) -> None:
    """Nobody's bad message stops the work."""
    with agents.continue_from(damaged), agents.agent("writer"):
        pass

    assert spans.parent("invoke_agent writer") is None


def test_the_verbs_of_a_continued_place_work_in_any_thread(spans: Spans) -> None:
    """`here.agent` is the remote span's child even where nothing is current."""
    with agents.agent("planner"):
        arrived = agents.carrier()
    here = agents.continue_from(arrived)
    with here.agent("one"), here.agent("two"):
        pass

    assert spans.parent("invoke_agent one") == "invoke_agent planner"
    assert spans.parent("invoke_agent two") == "invoke_agent planner"
    assert spans.attribute("invoke_agent two", "otbridge.agent.path") == "planner/two"


def test_what_came_into_the_context_since_holds_for_a_continued_places_children(
    spans: Spans,
) -> None:
    """A correlation id that is set inside reaches `here.agent`, too."""
    with agents.agent("planner"):
        arrived = agents.carrier()
    with (
        agents.continue_from(arrived) as here,
        correlation("req-1"),
        here.agent("writer"),
    ):
        assert current_correlation() == "req-1"

    assert spans.parent("invoke_agent writer") == "invoke_agent planner"


def test_an_agent_may_come_after_a_carrier(spans: Spans) -> None:
    """`after` takes what was sent along."""
    with agents.handoff("billing"):
        arrived = agents.carrier()
    with agents.agent("billing", after=arrived):
        pass

    assert spans.parent("invoke_agent billing") == "execute_tool handoff billing"


def test_an_agent_that_uses_others_output_links_to_them(spans: Spans) -> None:
    """Links say why; carriers without a span are left out."""
    arrived = []
    for name in ("a", "b"):
        with agents.agent(name):
            arrived.append(agents.carrier())
    with agents.agent("merger", links=agents.link_from([*arrived, {}], type="fan_in")) as merger:
        merger.link_from(arrived[:1], type="retry")

    links = spans["invoke_agent merger"].links
    assert [dict(link.attributes or {}) for link in links] == [
        {"otbridge.link.type": "fan_in"},
        {"otbridge.link.type": "fan_in"},
        {"otbridge.link.type": "retry"},
    ]
    assert [link.context.trace_id for link in links[:2]] == [
        span.context.trace_id for span in spans.all[:2] if span.context
    ]
    assert spans.parent("invoke_agent merger") is None


def test_leaving_a_continued_place_puts_back_what_was_current(spans: Spans) -> None:
    """The caller's own span is current again afterwards."""
    with agents.agent("planner"):
        arrived = agents.carrier()
    with agents.step("mine") as mine:
        with agents.continue_from(arrived):
            assert trace.get_current_span() is not mine.span
        assert trace.get_current_span() is mine.span
    assert spans.parent("mine") is None
