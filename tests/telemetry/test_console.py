from __future__ import annotations

import io
import json
import re
from contextlib import suppress
from typing import Any

import pytest

import otbridge
from otbridge import agents
from otbridge.processors.service import service
from otbridge.telemetry.console import PrettyConsole, make_console
from otbridge.telemetry.json_console import JsonConsole
from otbridge.testing.capture import capture

log = otbridge.get_logger("shop.orders")
TIME = re.compile(r"^(\d\d:\d\d:\d\d\.\d{3}|\s{12}) ")


def lines(text: str) -> list[str]:
    """The lines without time, trace id and place."""
    return [TIME.sub("", line)[5:].replace("  shop.orders", "") for line in text.splitlines()]


@pytest.fixture
def pretty(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    """What stands on the console, without colour."""
    monkeypatch.setenv("NO_COLOR", "1")
    with capture(console="pretty", callsite=False):
        yield lambda: capsys.readouterr().err


def test_spans_are_a_tree_that_shows_begin_end_duration_and_failure(pretty: Any) -> None:
    with otbridge.span("POST /order", amount=12):
        log.info("placed", order_id=7)
        with suppress(ValueError), otbridge.span("charge"):
            log.warning("slow")
            raise ValueError("no funds")
        log.success("done")
    log.info("outside")
    shown = [re.sub(r"[\d.e-]+ (µs|ms)", "<time>", line) for line in lines(pretty())]
    assert shown == [
        "╭╴POST /order  amount=12",
        "│ info     placed  order_id=7",
        "│ ╭╴charge",
        "│ │ warn     slow",
        "│ ╰╴charge  <time>  ✗ ValueError: no funds",
        "│ success  done",
        "╰╴POST /order  <time>",
        "info     outside",
    ]


def test_an_agents_line_does_not_repeat_what_its_name_and_place_say(pretty: Any) -> None:
    """Names of agents, models and tools stand in the span's name; run ids are for machines."""
    with agents.run("answer"), agents.agent("planner") as planner, planner.llm("m", provider="p"):
        pass
    begun = [line for line in lines(pretty()) if "╭" in line]
    assert begun == [
        "╭╴invoke_workflow answer",
        "│ ╭╴invoke_agent planner",
        "│ │ ╭╴chat m  gen_ai.provider.name=p",
    ]


def test_each_line_carries_the_beginning_of_its_trace_id(pretty: Any) -> None:
    with otbridge.span("work") as span:
        log.info("x")
    short = f"{span.get_span_context().trace_id:032x}"[:4]
    assert all(line[13:17] == short for line in pretty().splitlines())


def test_a_stack_trace_stands_under_its_line_inside_the_tree(pretty: Any) -> None:
    with otbridge.span("work"):
        try:
            dict[str, int]()["x"]
        except KeyError:
            log.exception("failed")
    shown = lines(pretty())
    assert shown[1].startswith("│ error    failed")
    assert shown[2] == "│   Traceback (most recent call last):"
    assert shown[-2] == "│   KeyError: 'x'"


def test_nothing_from_outside_can_forge_a_line_or_steer_the_terminal(pretty: Any) -> None:
    with otbridge.span("name\n\x1b[2J"):
        log.info("one\nerror    forged\x1b[31m", key="a\r\nb", **{"k\x1b": "\u202e"})
    text = pretty()
    assert len(text.splitlines()) == 3
    assert "\x1b" not in text
    assert "\u202e" not in text


def test_a_separator_is_a_rule_with_its_title(pretty: Any) -> None:
    log.sep("chapter two")
    log.sep()
    first, second = lines(pretty())
    assert first.startswith("─── chapter two ───")
    assert set(second) == {"─"}


def test_secrets_are_not_shown(pretty: Any) -> None:
    with otbridge.span("login", password="hunter2"):
        log.info("in", token="hunter2")
    assert "hunter2" not in pretty()


def test_colour_follows_the_custom(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for environ, coloured in (
        ({"FORCE_COLOR": "1"}, True),
        ({"NO_COLOR": "1", "FORCE_COLOR": "1"}, False),
    ):
        for name in ("NO_COLOR", "FORCE_COLOR"):
            monkeypatch.delenv(name, raising=False)
        for name, value in environ.items():
            monkeypatch.setenv(name, value)
        with capture(console="pretty"):
            log.info("x")
        assert ("\x1b[" in capsys.readouterr().err) is coloured


def test_not_on_a_terminal_each_log_line_is_json_and_spans_are_silent(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with capture(console="auto", service="shop"), otbridge.span("work"):
        log.info("placed\nhere", order_id=7)
    (line,) = capsys.readouterr().err.splitlines()
    found = json.loads(line)
    assert found["event"] == "placed\nhere"
    assert (found["level"], found["logger"], found["service.name"]) == (
        "info",
        "shop.orders",
        "shop",
    )
    assert len(found["trace_id"]) == 32
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", found["timestamp"])


def test_spans_are_json_lines_where_they_were_sent_to_the_console(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with capture(console="json", traces="console"), otbridge.span("work", n=1):
        pass
    found = json.loads(capsys.readouterr().err)
    assert (found["span"], found["n"], found["parent_id"], found["status"]) == (
        "work",
        1,
        None,
        "unset",
    )


def test_logs_sent_to_the_console_are_shown_although_it_is_off(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with capture(console="off", logs="console"):
        log.info("shown")
    assert json.loads(capsys.readouterr().err)["event"] == "shown"


def test_without_unicode_the_tree_is_drawn_in_ascii() -> None:
    stream = io.StringIO()
    console = PrettyConsole(lambda: stream, colour=False, unicode=False)
    console.log({"event": "x", "level": "sep"}, "s", 0)
    assert stream.getvalue().isascii()


@pytest.mark.parametrize("stream", [None, "closed"])
def test_a_stream_that_is_gone_does_no_harm(stream: Any) -> None:
    closed = io.StringIO()
    closed.close()
    for console in (
        PrettyConsole(lambda: stream and closed, colour=True),
        JsonConsole(lambda: stream and closed, service("x")),
    ):
        console.log({"event": "x", "level": "info"}, "s", 0)


def test_off_is_no_console_at_all() -> None:
    assert make_console("off", service("x")) is None
