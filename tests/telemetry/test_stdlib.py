from __future__ import annotations

import logging
import logging.config
import threading

import pytest

import otbridge
from otbridge.testing.capture import Captured, capture


def test_a_record_arrives_with_everything_it_has(seen: Captured) -> None:
    logging.getLogger("lib.db").warning("slow: %s", "query", extra={"ms": 12})
    record = seen.log("slow: query")
    assert (record.scope, record.severity, record.severity_number) == ("lib.db", "WARN", 13)
    assert record.attributes["ms"] == 12
    assert record.attributes["code.file.path"] == __file__
    assert "levelno" not in record.attributes
    assert not any(key.startswith("otel") for key in record.attributes)


def test_a_record_inside_a_span_belongs_to_it(seen: Captured) -> None:
    with otbridge.span("work"):
        logging.getLogger("lib").error("inside")
    assert seen.log("inside").span == seen.span("work")


def test_an_exception_is_told_once_and_whole(seen: Captured) -> None:
    try:
        dict[str, int]()["x"]
    except KeyError:
        logging.getLogger("lib").exception("failed")
    attributes = seen.log("failed").attributes
    assert attributes["exception.type"] == "KeyError"
    assert "exc_info" not in attributes


def test_a_level_of_ones_own_keeps_its_name_and_its_place(seen: Captured) -> None:
    logging.addLevelName(35, "ALARM")
    logging.getLogger("lib").log(35, "ring")
    record = seen.log("ring")
    assert (record.severity, record.severity_number) == ("ALARM", 15)


def test_arguments_that_do_not_fit_never_raise(seen: Captured) -> None:
    logger = logging.getLogger("lib.bad")
    logger.propagate = False  # away from pytest's own handler, which raises here
    otbridge.get_logger("x").debug("makes otbridge look for such loggers")
    logger.warning("%d", "no number")
    seen.log("%d (arguments that do not fit: 1)")
    logger.propagate = True


def test_extra_fields_that_cannot_be_encoded_never_raise(seen: Captured) -> None:
    class Broken:
        def __str__(self) -> str:
            raise RuntimeError

        __repr__ = __str__

    logging.getLogger("lib").warning("odd", extra={"x": Broken(), "password": "hunter2"})
    assert seen.log("odd").attributes["password"] == "[redacted]"


def test_existing_handlers_stay_and_ours_goes_away_again() -> None:
    mine = logging.NullHandler()
    logging.root.addHandler(mine)
    before = list(logging.root.handlers)
    with capture():
        assert len(logging.root.handlers) == len(before) + 1
    assert logging.root.handlers == before
    logging.root.removeHandler(mine)


def test_a_logger_that_does_not_propagate_is_captured_too() -> None:
    logger = logging.getLogger("server.access")
    logger.propagate = False
    try:
        with capture() as seen:
            logger.warning("GET /")
        assert seen.log("GET /").scope == "server.access"
        assert not logger.handlers
    finally:
        logger.propagate = True


def test_a_logging_configuration_made_later_does_not_end_the_capture() -> None:
    level, handlers = logging.root.level, list(logging.root.handlers)
    try:
        with capture() as seen:
            logging.config.dictConfig(
                {"version": 1, "disable_existing_loggers": False, "root": {"level": "INFO"}}
            )
            otbridge.get_logger("any").info("event of ours")
            logging.getLogger("lib").warning("after dictConfig")
        assert seen.log("after dictConfig").scope == "lib"
    finally:
        logging.root.setLevel(level)
        for handler in handlers:
            logging.root.addHandler(handler)


def test_extra_fields_whose_names_are_taken_are_kept_under_another(seen: Captured) -> None:
    logging.getLogger("lib").warning("x", extra={"event": "e", "level": "l", "timestamp": "noon"})
    record = seen.log("x")
    attributes = record.attributes
    assert (attributes["event_"], attributes["level_"]) == ("e", "l")
    assert (attributes["timestamp"], record.severity) == ("noon", "WARN")


def test_it_can_be_switched_off() -> None:
    with capture(capture_stdlib=False) as seen:
        logging.getLogger("lib").error("no")
    assert not seen.logs


def test_the_handler_takes_no_lock() -> None:
    from otbridge.telemetry.stdlib import Handler

    with capture():
        ours = [handler for handler in logging.root.handlers if isinstance(handler, Handler)]
        assert [handler.lock for handler in ours] == [None]


def test_threads_log_at_the_same_time_without_loss(seen: Captured) -> None:
    def work(name: str) -> None:
        for n in range(200):
            logging.getLogger(name).warning("line %d", n)

    threads = [threading.Thread(target=work, args=(f"t{n}",)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(seen.logs) == 800


@pytest.mark.parametrize("protocol", ["http/protobuf", "grpc"])
def test_delivery_at_debug_level_does_not_record_itself(protocol: str) -> None:
    from otbridge.testing import OtlpReceiver

    level = logging.root.level
    logging.root.setLevel(logging.DEBUG)
    try:
        with OtlpReceiver() as receiver:
            endpoint = receiver.grpc_target if protocol == "grpc" else receiver.http_url
            with otbridge.configure(
                "x", endpoint=endpoint, protocol=protocol, level="debug", console="off"
            ):
                otbridge.get_logger("x").info("one")
                for _ in range(3):
                    otbridge.flush(2)
            assert [record.body.string_value for record in receiver.logs] == ["one"]
    finally:
        logging.root.setLevel(level)
