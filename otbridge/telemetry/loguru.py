"""loguru's messages, onto the same path as everything else."""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING, Any, Final

from otbridge.processors.severity import of_number
from otbridge.semconv import CODE_FILE_PATH, CODE_FUNCTION_NAME, CODE_LINE_NUMBER

if TYPE_CHECKING:
    from types import FrameType

    from otbridge.telemetry.logs import LogPath

__all__ = ["is_captured", "start", "stop"]

_DEEPEST: Final = 60
"""Frames searched for the standard library; loguru and an intercepting handler take about ten."""

_sink_id: int | None = None


def is_captured() -> bool:
    """Return whether our sink is in place."""
    return _sink_id is not None


def start(path: LogPath, *, callsite: bool, wanted: bool | str) -> bool:
    """Add our sink to loguru; returns whether it is in place.

    Args:
        path: Where the events go.
        callsite: Whether to keep file, line and function.
        wanted: True imports loguru; `auto` only takes it when the program has imported it.
    """
    global _sink_id
    if wanted is False or (wanted == "auto" and "loguru" not in sys.modules):
        return False
    if _sink_id is not None:
        return True
    from loguru import logger

    def sink(message: Any) -> None:
        if not _intercepted_from_logging(path):
            _take(path, message.record, callsite=callsite)

    # The format is what loguru would append a traceback to; the event has the exception itself.
    _sink_id = logger.add(sink, level=0, format="{message}", backtrace=False, diagnose=False)
    return True


def stop() -> None:
    """Take our sink away."""
    global _sink_id
    if _sink_id is None:
        return
    from loguru import logger

    try:
        logger.remove(_sink_id)
    except ValueError:  # the program has removed all sinks itself
        pass
    _sink_id = None


def _take(path: LogPath, record: dict[str, Any], *, callsite: bool) -> None:
    level = record["level"]
    if level.no < path.threshold:
        return
    name = level.name.lower()
    event: dict[str, Any] = {
        **record["extra"],
        "event": record["message"],
        "level": name,
        "severity_number": of_number(level.no, name).number,
    }
    if record["exception"] is not None:
        event["exc_info"] = record["exception"].value
    if callsite:
        event[CODE_FILE_PATH] = record["file"].path
        event[CODE_LINE_NUMBER] = record["line"]
        event[CODE_FUNCTION_NAME] = record["function"]
    at_ns = int(record["time"].timestamp() * 1e9)
    # Not shown on our console: loguru has sinks of its own for that.
    path.foreign(record["name"] or "", name, event, at_ns, show=False)


def _intercepted_from_logging(path: LogPath) -> bool:
    """Return whether this message is a standard library record that our handler sees as well.

    The usual recipe sends all of logging to loguru by a handler; then its record is in the frame
    of `Logger.callHandlers` below us.
    """
    frame: FrameType | None = sys._getframe(1)  # noqa: SLF001 - documented; the stack is what we ask about
    handlers = logging.Logger.callHandlers.__code__
    for _ in range(_DEEPEST):
        if frame is None:
            return False
        if frame.f_code is handlers:
            logger = frame.f_locals.get("self")
            return isinstance(logger, logging.Logger) and path.sees_stdlib(logger)
        frame = frame.f_back
    return False
