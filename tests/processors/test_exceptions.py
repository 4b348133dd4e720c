from __future__ import annotations

import sys

import pytest
import structlog

from otbridge.processors.exceptions import describe, exceptions


class UnprintableError(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no")


def raised(error: BaseException) -> BaseException:
    with pytest.raises(type(error)) as caught:
        raise error
    return caught.value


def test_type_message_and_stack_trace_are_told() -> None:
    facts = describe(raised(ValueError("no funds")))
    assert facts["exception.type"] == "ValueError"
    assert facts["exception.message"] == "no funds"
    assert facts["exception.stacktrace"].endswith("ValueError: no funds\n")


def test_a_type_of_a_module_is_told_with_its_module() -> None:
    import json

    assert (
        describe(json.JSONDecodeError("x", "y", 0))["exception.type"]
        == "json.decoder.JSONDecodeError"
    )


def test_the_whole_chain_is_in_the_stack_trace() -> None:
    error = ValueError("second")
    error.__cause__ = raised(KeyError("first"))
    trace = describe(error)["exception.stacktrace"]
    assert "KeyError: 'first'" in trace
    assert "direct cause" in trace
    assert "ValueError: second" in trace


def test_the_members_of_a_group_are_in_the_stack_trace() -> None:
    trace = describe(ExceptionGroup("many", [ValueError("a"), KeyError("b")]))
    assert "ValueError: a" in trace["exception.stacktrace"]


def test_an_exception_that_cannot_be_printed_is_still_described() -> None:
    facts = describe(raised(UnprintableError()))
    assert facts["exception.message"] == "(its __str__ raised RuntimeError)"
    assert "UnprintableError" in facts["exception.stacktrace"]


def test_a_monstrous_stack_trace_keeps_both_ends() -> None:
    trace = describe(ValueError("x" * 200_000))["exception.stacktrace"]
    assert len(trace) < 70_000
    assert "characters left out" in trace


def test_exc_info_is_taken_in_every_form() -> None:
    error = raised(ValueError("x"))
    for info in (error, (type(error), error, error.__traceback__)):
        event = exceptions(None, "error", {"exc_info": info})
        assert event["exception.type"] == "ValueError"
        assert "exc_info" not in event
    try:
        dict[str, int]()["now"]
    except KeyError:
        assert exceptions(None, "error", {"exc_info": True})["exception.type"] == "KeyError"
        assert exceptions(None, "exception", {})["exception.type"] == "KeyError"


def test_exc_info_that_means_none_adds_nothing() -> None:
    assert sys.exception() is None
    for info in (True, False, None, (None, None, None), ()):
        assert exceptions(None, "error", {"exc_info": info}) == {}


def test_what_structlog_has_made_of_an_exception_is_understood() -> None:
    error = raised(ValueError("no: funds"))
    as_text = structlog.processors.format_exc_info(None, "error", {"exc_info": error})
    as_data = structlog.processors.dict_tracebacks(None, "error", {"exc_info": error})
    for event in (exceptions(None, "error", as_text), exceptions(None, "error", as_data)):
        assert event["exception.type"] == "ValueError"
        assert event["exception.message"] == "no: funds"
    assert exceptions(None, "info", {"exception": "mine"}) == {"exception": "mine"}


def test_stack_info_becomes_a_stack_trace_of_the_call() -> None:
    assert exceptions(None, "info", {"stack_info": "Stack…"}) == {"code.stacktrace": "Stack…"}
    assert "test_exceptions" in exceptions(None, "info", {"stack_info": True})["code.stacktrace"]
