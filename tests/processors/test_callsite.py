from __future__ import annotations

import sys

from otbridge.processors.callsite import callsite


def test_file_line_and_function_of_the_call_are_told() -> None:
    event = callsite(None, "info", {})
    line = sys._getframe().f_lineno - 1
    assert event == {
        "code.file.path": __file__,
        "code.line.number": line,
        "code.function.name": "test_file_line_and_function_of_the_call_are_told",
    }


def test_a_place_that_the_event_knows_is_left_alone() -> None:
    assert callsite(None, "info", {"code.file.path": "x"}) == {"code.file.path": "x"}
