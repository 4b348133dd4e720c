"""Records of the standard `logging` module, onto the same path as everything else.

The handler takes no lock: it only turns a record into an event, and what comes after has none on
the way either. It leaves every other handler alone.
"""

from __future__ import annotations

import logging
from time import monotonic
from typing import TYPE_CHECKING, Any, Final

from otbridge.semconv import CODE_FILE_PATH, CODE_FUNCTION_NAME, CODE_LINE_NUMBER

if TYPE_CHECKING:
    from otbridge.telemetry.logs import LogPath

__all__ = ["Capture", "Handler"]

_LOOK_AGAIN_S: Final = 2.0

_STANDARD: Final = frozenset(
    {
        *vars(logging.makeLogRecord({})),
        *("message", "asctime", "taskName", "_logger", "_name"),
    }
)
"""Attributes that every record has; all others came in as `extra`."""
_PLAIN_LENGTH: Final = len(vars(logging.makeLogRecord({})))


class Handler(logging.Handler):
    """Turns log records into events.

    Args:
        path: Where the events go.
        show: Whether they are shown on our console, too.
        callsite: Whether to keep file, line and function.
    """

    def __init__(self, path: LogPath, *, show: bool, callsite: bool = True) -> None:
        super().__init__(logging.NOTSET)
        self._path = path
        self._show = show
        self._callsite = callsite

    def createLock(self) -> None:  # noqa: N802 - logging's name
        """Have no lock; `logging` takes None for that."""
        self.lock = None

    def handle(self, record: logging.LogRecord) -> bool:
        """Take *record*. Never raises, never blocks."""
        path = self._path
        if record.levelno < path.threshold:
            return False
        try:
            if self.filters and not self.filter(record):
                return False
            if _comes_from_loguru(record) or path.was_handed_over(record):
                return False
            level, event = _event(record, callsite=self._callsite)
        except Exception:  # noqa: BLE001 - odd records must not raise in the caller
            level, event = record.levelname.lower(), {"event": str(record.msg)}
        show = self._show and len(logging.root.handlers) <= 1
        at_ns = int(record.created * 1e9)
        ours = not _is_structlogs(record)
        path.foreign(record.name, level, event, at_ns, show=show, ours=ours)
        return True


def _event(record: logging.LogRecord, *, callsite: bool) -> tuple[str, dict[str, Any]]:
    """Return level and event of *record*, however it came to be."""
    from otbridge.processors.severity import of_number

    facts = vars(record)
    level = record.levelname.lower()
    event: dict[str, Any]
    if _is_structlogs(record):
        event = dict(facts["msg"])
        level = str(event.setdefault("level", facts["_name"]))
    else:
        event = {"event": _message(record), "level": level}
    if len(facts) > _PLAIN_LENGTH:
        for key in [key for key in facts if key not in _STANDARD]:
            value = facts[key]
            if key not in event:
                event[key] = value
            elif event[key] != value:  # an `extra` with a name that is taken
                event[f"{key}_"] = value
    event.setdefault("severity_number", of_number(record.levelno, level).number)
    if record.exc_info:
        event.setdefault("exc_info", record.exc_info)
    if record.stack_info:
        event.setdefault("stack_info", record.stack_info)
    if callsite:
        event.setdefault(CODE_FILE_PATH, record.pathname)
        event.setdefault(CODE_LINE_NUMBER, record.lineno)
        event.setdefault(CODE_FUNCTION_NAME, record.funcName)
    return level, event


def _is_structlogs(record: logging.LogRecord) -> bool:
    """Return whether the message is an event: `ProcessorFormatter.wrap_for_formatter` does so."""
    return isinstance(record.msg, dict) and "_name" in vars(record) and "_logger" in vars(record)


def _message(record: logging.LogRecord) -> Any:
    try:
        return record.getMessage()
    except Exception:  # noqa: BLE001 - placeholders that do not fit: show what there is
        return f"{record.msg} (arguments that do not fit: {len(record.args or ())})"


def _comes_from_loguru(record: logging.LogRecord) -> bool:
    """Return whether loguru passed this on; its sink has the original.

    Loguru puts its own `extra` dict on the records it makes, as one attribute of that name.
    """
    if not isinstance(getattr(record, "extra", None), dict):
        return False
    from otbridge.telemetry import loguru

    return loguru.is_captured()


class Capture:
    """Our handler on the root logger and on every logger that does not pass records up.

    uvicorn, for one, gives its loggers handlers of their own and switches propagation off.

    Args:
        path: Where the events go.
        callsite: Whether to keep file, line and function.
    """

    def __init__(self, path: LogPath, *, callsite: bool) -> None:
        self._on_root = Handler(path, show=True, callsite=callsite)
        self._elsewhere = Handler(path, show=False, callsite=callsite)
        self._level_before: int | None = None
        self._path = path
        self._look_again = 0.0

    def start(self) -> None:
        """Add the handlers.

        Where nobody has configured logging (no handler on the root, the level it was born with),
        its level is set to ours, for a program that logs at INFO expects to see it.
        """
        root = logging.root
        if not root.handlers and root.level == logging.WARNING:
            self._level_before = root.level
            root.setLevel(self._path.threshold)
        self.ensure()
        self._path.sees_stdlib = self.sees
        self._path.keep_captured = self._keep

    def ensure(self) -> None:
        """Add the handlers where they are missing, e.g. after a `dictConfig`, which removes them."""
        if self._on_root not in logging.root.handlers:
            logging.root.addHandler(self._on_root)
        for logger in list(logging.root.manager.loggerDict.values()):
            if (
                isinstance(logger, logging.Logger)
                and not logger.propagate
                and self._elsewhere not in logger.handlers
            ):
                logger.addHandler(self._elsewhere)

    def _keep(self) -> None:
        """Look after the handlers: at the root always, everywhere at most every few seconds."""
        now = monotonic()
        if now >= self._look_again or self._on_root not in logging.root.handlers:
            self._look_again = now + _LOOK_AGAIN_S
            self.ensure()

    def stop(self) -> None:
        """Take the handlers away and put the level back."""
        self._path.sees_stdlib = lambda _logger: False
        self._path.keep_captured = lambda: None
        logging.root.removeHandler(self._on_root)
        for logger in list(logging.root.manager.loggerDict.values()):
            if isinstance(logger, logging.Logger):
                logger.removeHandler(self._elsewhere)
        if self._level_before is not None and logging.root.level == self._path.threshold:
            logging.root.setLevel(self._level_before)

    def sees(self, logger: logging.Logger) -> bool:
        """Return whether records of *logger* reach one of our handlers."""
        current: logging.Logger | None = logger
        while current is not None:
            if self._on_root in current.handlers or self._elsewhere in current.handlers:
                return True
            current = current.parent if current.propagate else None
        return False
