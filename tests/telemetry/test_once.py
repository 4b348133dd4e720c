"""Each event exactly once, whichever way it comes."""

from __future__ import annotations

import io
import json
import logging
import sys
from typing import Any

import pytest
import structlog

import otbridge
from otbridge.testing.capture import Captured, capture

SHARED: list[Any] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.processors.TimeStamper(fmt="iso"),
]


@pytest.fixture
def handler() -> Any:
    """A handler that the program itself has put on the root logger."""
    made = logging.StreamHandler(io.StringIO())
    logging.root.addHandler(made)
    level = logging.root.level
    logging.root.setLevel(logging.DEBUG)
    yield made
    logging.root.removeHandler(made)
    logging.root.setLevel(level)


def through_stdlib(*processors: Any) -> None:
    structlog.configure(
        processors=[*SHARED, *processors],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )


def formatter(*foreign: Any) -> Any:
    return structlog.stdlib.ProcessorFormatter(
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.JSONRenderer(),
        ],
        foreign_pre_chain=[*SHARED, *foreign],
    )


def bodies(seen: Captured) -> Any:
    return [record.body for record in seen.logs]


def test_structlog_wrapped_for_a_processor_formatter_keeps_its_fields(
    own_structlog: Any, handler: Any
) -> None:
    handler.setFormatter(formatter())
    with capture() as seen:
        through_stdlib(structlog.stdlib.ProcessorFormatter.wrap_for_formatter)
        structlog.get_logger("app").warning("placed", order_id=7)
    record = seen.log("placed")
    assert (record.scope, record.severity, record.attributes["order_id"]) == ("app", "WARN", 7)
    assert "timestamp" not in record.attributes
    assert '"event": "placed"' in handler.stream.getvalue()


def test_structlog_with_our_processors_and_a_processor_formatter(
    own_structlog: Any, handler: Any
) -> None:
    handler.setFormatter(formatter())
    with capture() as seen:
        through_stdlib(
            *otbridge.processors.default(), structlog.stdlib.ProcessorFormatter.wrap_for_formatter
        )
        structlog.get_logger("app").info("placed", order_id=7)
    assert seen.log("placed").attributes["order_id"] == 7


def test_our_processors_in_the_foreign_chain_of_a_processor_formatter(
    own_structlog: Any, handler: Any
) -> None:
    handler.setFormatter(formatter(*otbridge.processors.default()))
    with capture() as seen:
        through_stdlib(structlog.stdlib.ProcessorFormatter.wrap_for_formatter)
        logging.getLogger("plain").info("plain")
        structlog.get_logger("app").info("structured")
    assert bodies(seen) == ["plain", "structured"]


def test_structlog_rendered_to_json_through_the_standard_library(
    own_structlog: Any, handler: Any
) -> None:
    with capture() as seen:
        through_stdlib(*otbridge.processors.default(), structlog.processors.JSONRenderer())
        structlog.get_logger("app").info("placed", order_id=7)
    assert seen.log("placed").attributes["order_id"] == 7


def test_structlog_rendered_to_keywords_through_the_standard_library(
    own_structlog: Any, handler: Any
) -> None:
    with capture() as seen:
        through_stdlib(*otbridge.processors.default(), structlog.stdlib.render_to_log_kwargs)
        structlog.get_logger("app").info("placed", order_id=7)
    assert seen.log("placed").attributes["order_id"] == 7


def test_structlog_through_the_standard_library_without_any_processor_of_ours(
    own_structlog: Any,
) -> None:
    with capture() as seen:
        through_stdlib(structlog.stdlib.render_to_log_kwargs)
        structlog.get_logger("app").warning("placed", order_id=7)
    assert seen.log("placed").attributes["order_id"] == 7


def test_structlog_on_its_own_printer_with_our_processors(
    own_structlog: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    with capture() as seen:
        structlog.configure(
            processors=[*otbridge.processors.default(), structlog.processors.JSONRenderer()],
            logger_factory=structlog.PrintLoggerFactory(),
        )
        structlog.get_logger().info("placed", password="hunter2")
    assert seen.log("placed").attributes["password"] == "[redacted]"
    assert seen.log("placed").scope == __name__
    assert "hunter2" not in capsys.readouterr().out


def test_our_processors_leave_the_exception_to_the_programs_own_renderer(
    own_structlog: None, capsys: pytest.CaptureFixture[str]
) -> None:
    with capture() as seen:
        structlog.configure(
            processors=[
                *otbridge.processors.default(),
                structlog.processors.format_exc_info,
                structlog.processors.JSONRenderer(),
            ],
            logger_factory=structlog.PrintLoggerFactory(),
        )
        try:
            dict[str, int]()["x"]
        except KeyError:
            structlog.get_logger().exception("failed", order_id=7)
    printed = json.loads(capsys.readouterr().out)
    assert set(printed) == {"event", "order_id", "exception"}
    assert "KeyError: 'x'" in printed["exception"]
    attributes = seen.log("failed").attributes
    assert attributes["exception.type"] == "KeyError"
    assert attributes["code.file.path"] == __file__


def test_the_threshold_holds_in_the_programs_own_chain_too(
    own_structlog: None, capsys: pytest.CaptureFixture[str]
) -> None:
    with capture(level="warning") as seen:
        structlog.configure(
            processors=[*otbridge.processors.default(), structlog.processors.JSONRenderer()],
            logger_factory=structlog.PrintLoggerFactory(),
        )
        structlog.get_logger().info("no")
        structlog.get_logger().warning("yes")
    assert bodies(seen) == ["yes"]
    assert "no" in capsys.readouterr().out


def test_a_record_that_a_filter_stopped_does_not_hide_the_next_one(own_structlog: Any) -> None:
    logger = logging.getLogger("app.filtered")
    logger.addFilter(no := (lambda record: False))
    try:
        with capture() as seen:
            through_stdlib(*otbridge.processors.default(), structlog.processors.JSONRenderer())
            structlog.get_logger("app.filtered").warning("structured")
            logger.removeFilter(no)
            logger.warning("plain")
    finally:
        logger.removeFilter(no)
    assert bodies(seen) == ["structured", "plain"]


def test_structlog_below_the_standard_librarys_level_is_not_recorded(own_structlog: Any) -> None:
    logging.getLogger("app.quiet").setLevel(logging.ERROR)
    with capture() as seen:
        through_stdlib(*otbridge.processors.default(), structlog.processors.JSONRenderer())
        structlog.get_logger("app.quiet").info("no")
    assert bodies(seen) == []


def test_loguru_is_captured_when_the_program_has_imported_it() -> None:
    from loguru import logger

    logger.remove()
    with capture() as seen:
        logger.bind(order_id=7).success("placed {}", 1)
        try:
            dict[str, int]()["x"]
        except KeyError:
            logger.exception("failed")
        logger.log("WARNING", "careful")
    placed = seen.log("placed 1")
    assert (placed.severity, placed.severity_number, placed.scope) == ("SUCCESS", 10, __name__)
    assert placed.attributes["order_id"] == 7
    assert placed.attributes["code.file.path"] == __file__
    assert seen.log("failed").attributes["exception.type"] == "KeyError"
    assert seen.log("careful").severity == "WARN"


def test_loguru_passed_on_to_the_standard_library_is_recorded_once() -> None:
    from loguru import logger

    class Propagate(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            logging.getLogger(record.name).handle(record)

    logger.remove()
    with capture() as seen:
        sink = logger.add(Propagate(), format="{message}")
        logger.warning("once")
        logger.remove(sink)
    assert bodies(seen) == ["once"]


def test_the_standard_library_intercepted_into_loguru_is_recorded_once() -> None:
    from loguru import logger

    class Intercept(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            logger.opt(depth=6, exception=record.exc_info).log(
                record.levelname, record.getMessage()
            )

    logger.remove()
    intercept = Intercept()
    logging.root.addHandler(intercept)
    try:
        with capture() as seen:
            logging.getLogger("std").warning("once")
            logger.warning("native")
    finally:
        logging.root.removeHandler(intercept)
    assert sorted(bodies(seen)) == ["native", "once"]


def test_loguru_is_not_imported_on_its_account() -> None:
    code = (
        "import otbridge, sys; otbridge.get_logger('x').info('y'); print('loguru' in sys.modules)"
    )
    import subprocess

    environ = {"OTBRIDGE_PROFILE": "testing"}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environ, capture_output=True, text=True, check=True
    )
    assert done.stdout == "False\n"
