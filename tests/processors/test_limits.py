from __future__ import annotations

from otbridge.processors.limits import DROPPED, limits


def test_a_long_text_is_cut_and_says_how_long_it_was() -> None:
    event = limits(text=10)(None, "info", {"event": "x" * 50, "short": "y" * 10})
    assert event == {"event": "xxxxxxxxxx… (cut: 50 characters)", "short": "y" * 10}


def test_surplus_attributes_go_from_the_end_and_are_counted() -> None:
    event = {**{f"k{n}": n for n in range(6)}, "event": "m", "level": "info", "trace_id": "t"}
    cut = limits(attributes=4)(None, "info", event)
    assert [key for key in cut if key.startswith("k")] == ["k0", "k1", "k2", "k3"]
    assert cut[DROPPED] == 2
    assert (cut["event"], cut["level"], cut["trace_id"]) == ("m", "info", "t")


def test_what_makes_an_event_readable_does_not_count() -> None:
    event = {"event": "m", "level": "info", "code.file.path": "f", "exception.type": "E", "a": 1}
    assert DROPPED not in limits(attributes=1)(None, "info", event)


def test_a_stack_trace_has_a_limit_of_its_own() -> None:
    event = limits(text=10)(None, "info", {"exception.stacktrace": "x" * 50})
    assert len(event["exception.stacktrace"]) == 50


def test_ids_are_never_cut_for_half_an_id_finds_nothing() -> None:
    ids = {"trace_id": "a" * 32, "span_id": "b" * 16}
    assert limits(text=16)(None, "info", dict(ids)) == ids
    assert limits(text=16)(None, "info", {"trace_id": "a" * 33})["trace_id"] != "a" * 33
