"""How a stretch of work ended, by the exception that left it.

Not every exception is a failure: a cancelled task was told to stop, a closed stream was read far
enough, and frameworks interrupt an agent by an exception when it has to wait for a person.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from opentelemetry.trace import Status, StatusCode

from otbridge.semconv import ERROR_TYPE, OUTCOME

if TYPE_CHECKING:
    from opentelemetry.trace import Span

__all__ = ["record_error", "type_name"]

# By name, so that no framework has to be imported to be recognised.
_OUTCOMES: Final = {
    "CancelledError": "cancelled",  # asyncio, concurrent.futures
    "Cancelled": "cancelled",  # trio
    "KeyboardInterrupt": "cancelled",
    "GeneratorExit": "closed",
    "GraphBubbleUp": "interrupted",  # langgraph: interrupts, commands to a parent graph
    "CallDeferred": "interrupted",  # pydantic-ai
    "ApprovalRequired": "interrupted",
    "ToolCallDeferred": "interrupted",
}


def record_error(span: Span, error: BaseException) -> None:
    """Write onto *span* how *error* ended it; failures get the exception and an error status."""
    for ancestor in type(error).__mro__:
        outcome = _OUTCOMES.get(ancestor.__name__)
        if outcome is not None:
            span.set_attribute(OUTCOME, outcome)
            return
    if isinstance(error, SystemExit) and not error.code:
        return
    span.set_attribute(ERROR_TYPE, type_name(error))
    try:
        span.record_exception(error)
        message = str(error)
    except Exception:  # noqa: BLE001 - an exception whose text cannot be made is still an error
        message = ""
    name = type(error).__name__
    span.set_status(Status(StatusCode.ERROR, f"{name}: {message}" if message else name))


def type_name(error: BaseException) -> str:
    """Return the full name of *error*'s class, as `error.type` wants it."""
    kind = type(error)
    return (
        kind.__qualname__
        if kind.__module__ == "builtins"
        else f"{kind.__module__}.{kind.__qualname__}"
    )
