"""A trace as text: every span and line in its place, and nothing that moves a cursor."""

from __future__ import annotations

from typing import Any

from otbridge.cli.trace_tree import draw


def span(span_id: str, parent: str | None, name: str, start: int, **more: Any) -> dict[str, Any]:
    return {
        "span_id": span_id,
        "parent_span_id": parent,
        "name": name,
        "service": "shop",
        "start_time_unix_nano": str(start),
        "duration_nano": 2_500_000,
        "status": "unset",
        "genai": None,
        **more,
    }


def log(span_id: str | None, body: Any, time: int) -> dict[str, Any]:
    return {
        "span_id": span_id,
        "body": body,
        "service": "shop",
        "severity_text": "INFO",
        "time_unix_nano": str(time),
    }


def trace(spans: list[dict[str, Any]], logs: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736",
        "duration_nano": 1_234_000_000,
        "span_count": len(spans),
        "log_count": len(logs),
        "services": [{"name": "shop"}],
        "spans": spans,
        "logs": logs,
    }


def test_children_and_log_lines_stand_under_their_span_in_the_order_of_time() -> None:
    """The tree follows parents, and among siblings the clock."""
    text = draw(
        trace(
            [span("a", None, "order", 0), span("c", "a", "pay", 30), span("b", "a", "check", 10)],
            [log("a", "placed", 20), log("b", "in stock", 11)],
        )
    )

    assert [line.split("  shop")[0].rstrip() for line in text.splitlines()[1:]] == [
        "└─ order",
        "   ├─ check",
        "   │  └─ · info: in stock",
        "   ├─ · info: placed",
        "   └─ pay",
    ]


def test_a_span_whose_parent_is_missing_stands_at_the_top_with_a_question_mark() -> None:
    """An orphan is shown, not hidden, and told apart from a root."""
    text = draw(trace([span("b", "gone", "pay", 0)], []))

    assert "└─ ? pay" in text


def test_a_failed_span_a_running_one_and_tokens_are_told() -> None:
    """What a reader looks for first is on the span's line."""
    usage = {"usage": {"input_tokens": 180, "output_tokens": 20}}
    text = draw(
        trace(
            [
                span("a", None, "chat", 0, status="error", genai=usage),
                span("b", None, "wait", 1, duration_nano=None),
            ],
            [],
        )
    )

    assert "chat ✗" in text
    assert "180 → 20 tokens" in text
    assert "running" in text


def test_control_characters_of_the_telemetry_never_reach_the_terminal() -> None:
    """An escape sequence in a name or a message is shown as dots."""
    text = draw(trace([span("a", None, "x\x1b[2Jy", 0)], [log("a", "one\r\ntwo\x9b3m\u202e", 1)]))

    assert "\x1b" not in text
    assert "x·[2Jy" in text
    assert "one··two·3m·" in text


def test_a_circle_of_parents_is_cut_at_its_earliest_span() -> None:
    """Two spans that name each other as parent are both drawn, once, and the drawing ends."""
    text = draw(trace([span("a", "b", "egg", 0), span("b", "a", "hen", 1)], []))

    assert [line.split("  shop")[0].rstrip() for line in text.splitlines()[1:]] == [
        "└─ ? egg",
        "   └─ hen",
    ]


def test_a_trace_deeper_than_the_interpreters_stack_is_drawn() -> None:
    """Five thousand spans, each the parent of the next, make five thousand lines."""
    chain = [span(str(n), str(n - 1) if n else None, f"s{n}", n) for n in range(5000)]

    assert len(draw(trace(chain, [])).splitlines()) == 5001
