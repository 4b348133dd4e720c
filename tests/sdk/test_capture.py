"""The capture that users' tests are given."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import otbridge
from otbridge.testing.capture import capture
from otbridge.testing.capture import captured as captured  # noqa: PLC0414 - a fixture, as users take it

if TYPE_CHECKING:
    from otbridge.testing.capture import Captured

log = otbridge.get_logger("shop")


def test_logs_know_their_span_and_spans_their_children(captured: Captured) -> None:
    with otbridge.span("outer"), otbridge.span("inner", n=[1, 2], m=None):
        log.info("hello", nested={"a": [1.5, True, b"x"]})
    assert captured.log("hello").span == captured.span("inner")
    assert captured.children(captured.span("outer")) == [captured.span("inner")]
    assert captured.log("hello").attributes["nested"] == {"a": [1.5, True, b"x"]}
    assert captured.span("inner").attributes["n"] == [1, 2]


def test_what_is_not_there_is_said_with_what_is(captured: Captured) -> None:
    log.info("hello")
    with pytest.raises(AssertionError, match=r"0 of 'bye'; there is: \['hello'\]"):
        captured.log("bye")


def test_the_environment_has_no_say(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTBRIDGE_LEVEL", "error")
    monkeypatch.setenv("OTEL_SDK_DISABLED", "true")
    with capture() as seen:
        log.debug("hello")
    assert seen.log("hello").severity == "DEBUG"


def test_captures_nest_and_the_outer_one_goes_on() -> None:
    with capture(service="outer") as outer:
        log.info("one")
        with capture(service="inner") as inner:
            log.info("two")
        log.info("three")
        assert [record.body for record in outer.logs] == ["one", "three"]
        assert outer.resource["service.name"] == "outer"
    assert [record.body for record in inner.logs] == ["two"]
