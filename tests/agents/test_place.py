"""Where in a run a piece of code is."""

from __future__ import annotations

from opentelemetry import baggage
from opentelemetry.context import Context

from otbridge.agents.place import Place


def test_a_place_survives_the_way_through_baggage() -> None:
    """What is put into a context is read out of it."""
    place = Place("r1", "planner/writer", "c1", "s1", "u1")
    assert Place.of(place.within(Context())) == place
    assert place.agent == "writer"


def test_moving_to_a_place_outside_of_agents_leaves_their_path() -> None:
    """A handle's child begun inside another agent is not that agent's."""
    inside = Place("r1", "planner").within(Context())
    assert Place.of(Place("r1").within(inside)) == Place("r1")


def test_other_baggage_is_left_alone() -> None:
    """The program's own entries stay."""
    context = Place("r1").within(baggage.set_baggage("mine", "1", Context()))
    assert baggage.get_baggage("mine", context) == "1"


def test_what_a_stranger_sent_is_cut_and_cleaned() -> None:
    """Baggage comes over the network: short, and without control characters."""
    context = baggage.set_baggage("otbridge.run.id", "x" * 10_000, Context())
    context = baggage.set_baggage("gen_ai.conversation.id", "a\r\nb\u202e\ud800", context)
    place = Place.of(context)
    assert len(place.run_id) == 256
    assert place.conversation_id == "ab"


def test_a_path_without_end_keeps_its_innermost_names() -> None:
    """Agents that call each other for ever do not fill the headers."""
    place = Place()
    for number in range(1000):
        place = place.inside_agent(f"agent-{number}")
    assert len(place.path) <= 256
    assert place.path.endswith("/agent-998/agent-999")


def test_a_slash_in_a_name_is_no_step_of_the_path() -> None:
    """The path stays readable whatever agents are called."""
    assert Place().inside_agent("a/b").inside_agent("c/d").path == "a_b/c_d"
