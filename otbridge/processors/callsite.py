"""Say where a log call stands: `code.file.path`, `code.line.number`, `code.function.name`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Final

from otbridge.semconv import CODE_FILE_PATH, CODE_FUNCTION_NAME, CODE_LINE_NUMBER

if TYPE_CHECKING:
    from types import FrameType

    from otbridge.typing import EventDict

__all__ = ["caller", "callsite", "describe", "is_machinery"]

_MACHINERY: Final = ("structlog", "logging", "loguru", "otbridge.processors", "otbridge.telemetry")
"""Packages whose frames are never the caller."""

_machinery: dict[str, bool] = {}
# The same few module names are asked about at every call.


def is_machinery(module: str) -> bool:
    """Return whether frames of *module* are never the caller."""
    known = _machinery.get(module)
    if known is None:
        known = _machinery[module] = any(
            module == package or module.startswith(f"{package}.") for package in _MACHINERY
        )
    return known


def caller() -> FrameType | None:
    """Return the nearest frame outside the logging libraries and outside otbridge's own."""
    frame: FrameType | None = sys._getframe(1)  # noqa: SLF001 - documented, and far cheaper than inspect
    while frame is not None and is_machinery(frame.f_globals.get("__name__", "")):
        frame = frame.f_back
    return frame


def describe(frame: FrameType) -> dict[str, Any]:
    """Return the attributes of the place where *frame* is."""
    code = frame.f_code
    return {
        CODE_FILE_PATH: code.co_filename,
        CODE_LINE_NUMBER: frame.f_lineno,
        CODE_FUNCTION_NAME: code.co_qualname,
    }


def callsite(logger: Any, method_name: str, event_dict: EventDict) -> EventDict:  # noqa: ARG001
    """Add the place of the log call, unless the event knows it already."""
    if CODE_FILE_PATH in event_dict:
        return event_dict
    frame = caller()
    if frame is not None:
        event_dict.update(describe(frame))
    return event_dict
