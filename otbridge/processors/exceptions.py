"""Turn `exc_info` into OpenTelemetry's exception attributes."""

from __future__ import annotations

import sys
import traceback
from typing import TYPE_CHECKING, Any, Final

from otbridge.semconv import EXCEPTION_MESSAGE, EXCEPTION_STACKTRACE, EXCEPTION_TYPE

if TYPE_CHECKING:
    from otbridge.typing import EventDict

__all__ = ["describe", "exceptions"]

_LONGEST_TRACE: Final = 65_536
"""Characters of a stack trace; beyond it the middle is left out, for both ends say the most."""


def describe(error: BaseException) -> dict[str, str]:
    """Return type, message and stack trace of *error*; never raises.

    The stack trace is Python's own text and so holds the whole chain (`raise … from …`, errors
    while handling errors, and the members of an exception group).
    """
    kind = type(error)
    name = kind.__qualname__
    if kind.__module__ not in {"builtins", "__main__"}:
        name = f"{kind.__module__}.{name}"
    try:
        message = str(error)
    except Exception as broken:  # noqa: BLE001 - a __str__ of the user's; whatever it raises
        message = f"(its __str__ raised {type(broken).__name__})"
    try:
        trace = "".join(traceback.format_exception(error))
    except Exception as broken:  # noqa: BLE001 - traceback calls the user's __str__ and __repr__
        trace = f"(no stack trace: {type(broken).__name__} while formatting it)"
    if len(trace) > _LONGEST_TRACE:
        half = _LONGEST_TRACE // 2
        cut = len(trace) - 2 * half
        trace = f"{trace[:half]}\n  … {cut} characters left out …\n{trace[-half:]}"
    return {EXCEPTION_TYPE: name, EXCEPTION_MESSAGE: message, EXCEPTION_STACKTRACE: trace}


def _error_in(info: Any) -> BaseException | None:
    """Return the exception that *info* means, in any form that log calls take it."""
    if isinstance(info, BaseException):
        return info
    if isinstance(info, tuple):
        return info[1] if len(info) == 3 and isinstance(info[1], BaseException) else None
    return sys.exception() if info else None


def exceptions(logger: Any, method_name: str, event_dict: EventDict) -> EventDict:  # noqa: ARG001
    """Replace `exc_info` by `exception.type`, `exception.message`, `exception.stacktrace`.

    `exc_info` may be True, an exception, or the triple of `sys.exc_info()`; `log.exception`
    implies True. What structlog has made of it already (`exception`, as text or as data) is
    understood, too. A `stack_info` text becomes `code.stacktrace`.
    """
    if "exc_info" in event_dict or method_name == "exception":
        error = _error_in(event_dict.pop("exc_info", True))
        if error is not None:
            event_dict.update(describe(error))
    if "exception" in event_dict and EXCEPTION_TYPE not in event_dict:
        _take_rendered(event_dict)
    if "stack_info" in event_dict:
        stack = event_dict.pop("stack_info")
        if stack:
            event_dict["code.stacktrace"] = _stack() if stack is True else str(stack)
    return event_dict


def _take_rendered(event_dict: EventDict) -> None:
    """Understand the `exception` of structlog's `format_exc_info` or `dict_tracebacks`."""
    rendered = event_dict["exception"]
    if isinstance(rendered, str) and "Traceback (most recent call last)" in rendered:
        del event_dict["exception"]
        name, _, message = rendered.rstrip().rpartition("\n")[2].partition(": ")
        event_dict[EXCEPTION_TYPE] = name
        event_dict[EXCEPTION_MESSAGE] = message
        event_dict[EXCEPTION_STACKTRACE] = rendered
    elif isinstance(rendered, list) and rendered and isinstance(rendered[0], dict):
        # Its frames stay where they are, as data.
        event_dict[EXCEPTION_TYPE] = str(rendered[0].get("exc_type", ""))
        event_dict[EXCEPTION_MESSAGE] = str(rendered[0].get("exc_value", ""))


def _stack() -> str:
    """Return the stack of the log call, without the frames of the logging libraries."""
    from otbridge.processors.callsite import caller

    return "".join(traceback.format_stack(caller()))
