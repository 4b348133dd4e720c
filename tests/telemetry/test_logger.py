from __future__ import annotations

import asyncio
from typing import Any

import pytest
import structlog

import otbridge
from otbridge.testing.capture import Captured, capture

log = otbridge.get_logger("shop.orders", shop="north")

LEVELS = [
    ("trace", 1), ("debug", 5), ("info", 9), ("success", 10), ("audit", 11), ("compliance", 12),
    ("warning", 13), ("security", 14), ("error", 17), ("failure", 18), ("critical", 21),
]  # fmt: skip


@pytest.mark.parametrize(("level", "number"), LEVELS)
def test_every_level_arrives_with_its_severity(level: Any, number: Any) -> None:
    with capture(level="trace") as seen:
        getattr(log, level)("said", n=1)
    record = seen.log("said")
    assert record.severity_number == number
    assert record.attributes["n"] == 1


@pytest.mark.parametrize(("level", "number"), LEVELS)
def test_every_level_has_an_async_twin(level: Any, number: Any) -> None:
    with capture(level="trace") as seen:
        asyncio.run(getattr(log, f"a{level}")("said"))
    assert seen.log("said").severity_number == number


def test_bound_and_given_fields_the_name_and_the_place_arrive(seen: Captured) -> None:
    log.bind(order_id=7).info("placed", total=1.5)
    record = seen.log("placed")
    attributes = record.attributes
    assert (attributes["shop"], attributes["order_id"], attributes["total"]) == ("north", 7, 1.5)
    assert record.scope == "shop.orders"
    assert attributes["code.file.path"] == __file__
    assert attributes["code.function.name"].startswith("test_bound_and_given_fields")


def test_a_logger_without_a_name_is_called_after_its_module(seen: Captured) -> None:
    otbridge.get_logger().info("hello")
    assert seen.log("hello").scope == __name__


def test_positional_arguments_are_filled_in_and_never_raise(seen: Captured) -> None:
    log.info("%s has %d", "cart", 3)
    log.info("%(a)s", {"a": 1})
    log.info("%d", "no number")
    log.info("no placeholder", *[1, 2])
    assert [record.body for record in seen.logs] == [
        "cart has 3", "1", "%d (arguments that do not fit: 1)",
        "no placeholder (arguments that do not fit: 2)",
    ]  # fmt: skip


def test_a_field_named_like_the_message_is_kept_under_another_name(seen: Captured) -> None:
    log.info("message", event="field")
    assert seen.log("message").attributes["event_"] == "field"


def test_fields_that_only_look_like_ours_are_kept(seen: Captured) -> None:
    log.info("x", trace_id="order-7", timestamp="noon", logger="paper", severity_number="high")
    record = seen.log("x")
    attributes = record.attributes
    assert (attributes["trace_id"], attributes["timestamp"]) == ("order-7", "noon")
    assert attributes["logger"] == "paper"
    assert (record.trace_id, record.severity_number) == ("", 9)


def test_the_exception_being_handled_is_told(seen: Captured) -> None:
    try:
        dict[str, int]()["x"]
    except KeyError:
        log.exception("failed")
    attributes = seen.log("failed").attributes
    assert attributes["exception.type"] == "KeyError"
    assert "KeyError: 'x'" in attributes["exception.stacktrace"]


@pytest.mark.parametrize("key", ["event_name", "event.name"])
def test_an_event_name_makes_the_record_an_event(seen: Captured, key: Any) -> None:
    log.info("placed", **{key: "shop.order.placed"})
    record = seen.log("placed")
    assert record.event_name == "shop.order.placed"
    assert key not in record.attributes


def test_a_separator_is_a_named_event(seen: Captured) -> None:
    log.sep("chapter two")
    assert seen.log("chapter two").event_name == "otbridge.log.separator"


def test_log_takes_a_level_by_name_and_by_number(seen: Captured) -> None:
    log.log("audit", "a")
    log.log(35, "b")
    assert [record.severity_number for record in seen.logs] == [11, 15]


def test_below_the_threshold_nothing_is_recorded() -> None:
    with capture(level="warning") as seen:
        log.info("no")
        log.warning("yes")
        assert not log.is_enabled_for(20)
        assert log.is_enabled_for(30)
    assert [record.body for record in seen.logs] == ["yes"]


def test_structlogs_own_loggers_come_the_same_way_where_nobody_configured_structlog(
    seen: Captured,
) -> None:
    structlog.get_logger("native").warning("hello", n=1)
    record = seen.log("hello")
    assert (record.scope, record.severity, record.attributes["n"]) == (__name__, "WARN", 1)


def test_a_structlog_configuration_made_later_finds_structlogs_own_defaults(
    own_structlog: None, capsys: pytest.CaptureFixture[str]
) -> None:
    with capture(level="error") as seen:
        structlog.configure(processors=[structlog.processors.JSONRenderer()])
        structlog.get_logger().debug("theirs")
    assert capsys.readouterr().out == '{"event": "theirs"}\n'
    assert not seen.logs


def test_below_the_threshold_structlogs_own_loggers_record_nothing_either() -> None:
    with capture(level="error") as seen:
        structlog.get_logger().info("no")
        structlog.get_logger().error("yes")
    assert [record.body for record in seen.logs] == ["yes"]


def test_structlogs_context_variables_are_on_every_event(seen: Captured) -> None:
    with structlog.contextvars.bound_contextvars(tenant="blue"):
        log.info("hello")
    assert seen.log("hello").attributes["tenant"] == "blue"


def test_a_structlog_configuration_of_the_programs_own_is_left_alone(own_structlog: Any) -> None:
    structlog.configure(processors=[structlog.processors.JSONRenderer()])
    before = structlog.get_config()
    with capture():
        assert structlog.get_config() == before
    assert structlog.get_config() == before


class Hostile:
    def __str__(self) -> str:
        log.info("logged while being printed")
        raise RuntimeError("no")

    __repr__ = __str__


def test_no_value_whatever_raises_into_the_caller(seen: Captured) -> None:
    cycle: dict[str, object] = {}
    cycle["self"] = cycle
    log.info("a", x=Hostile(), y=cycle, z=float("nan"), big=2**99, odd="\ud800", data=b"\xff")
    log.info(Hostile())
    log.info(None)
    log.info("\ud800")
    bodies = [record.body for record in seen.logs]
    assert bodies.count("logged while being printed") >= 2  # what a value logs is an event, too
    assert len(bodies) - bodies.count("logged while being printed") == 4


def test_a_value_that_logs_itself_ends_and_is_counted(seen: Captured) -> None:
    class Endless:
        def __str__(self) -> str:
            log.info("again", me=self)
            return "endless"

        __repr__ = __str__

    log.info("begin", me=Endless())
    assert seen.log("begin").attributes["me"] == "endless"
    assert otbridge.stats()["logs"].dropped["recursion"] >= 1


def test_loggers_are_compared_and_shown_like_structlogs() -> None:
    assert log.bind(a=1) == log.bind(a=1)
    assert "shop" in repr(log)
