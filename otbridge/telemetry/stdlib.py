"""Records of the standard `logging` module, onto the same path as everything else.

The handler takes no lock: it only turns a record into an event, and what comes after has none on
the way either. It leaves every other handler alone.
"""

from __future__ import annotations

import logging
from time import time_ns
from typing import TYPE_CHECKING, Any, Final

from otbridge.context.suppression import is_suppressed
from otbridge.semconv import CODE_FILE_PATH, CODE_FUNCTION_NAME, CODE_LINE_NUMBER
from otbridge.telemetry.bound import with_bound
from otbridge.telemetry.record import DEFAULT_SCOPE
from otbridge.telemetry.sites import Site

if TYPE_CHECKING:
    from otbridge.telemetry.logs import LogPath
    from otbridge.telemetry.short import ShortWay

__all__ = ["Capture", "Handler"]

_LOOK_AGAIN_NS: Final = 2_000_000_000

_PLAIN: Final = vars(logging.LogRecord("", 0, "", 0, "", (), None))
"""Attributes that every record is born with."""
_BORN: Final = len(_PLAIN)
_LAST: Final = list(_PLAIN)[-1]
_MOST_SITES: Final = 4096
_STANDARD: Final = frozenset({*_PLAIN, "message", "asctime", "taskName", "_logger", "_name"})
"""Attributes that are no `extra`: those, and what formatters and structlog leave on a record."""


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
        self._sites: dict[tuple[Any, ...], Site] = {}

    def createLock(self) -> None:  # noqa: N802 - logging's name
        """Have no lock; `logging` takes None for that."""
        self.lock = None

    def close(self) -> None:
        """Close as handlers do. Who configures logging anew closes all: it is time to look."""
        super().close()
        self._path.looked_ns = 0

    def handle(self, record: logging.LogRecord) -> bool:
        """Take *record*. Never raises, never blocks."""
        path = self._path
        if record.levelno < path.threshold or is_suppressed():
            return False
        try:
            if self.filters and not self.filter(record):
                return False
            if path.hands_over and path.was_handed_over(record):
                return False
            facts = vars(record)
            if "extra" in facts and _comes_from_loguru(facts["extra"]):
                return False
            if self._taken_short(record, facts):
                return True
            level, event = _event(record, callsite=self._callsite)
        except Exception:  # noqa: BLE001 - odd records must not raise in the caller
            level, event = record.levelname.lower(), {"event": str(record.msg)}
        show = self._is_shown
        at_ns = int(record.created * 1e9)
        ours = not _is_structlogs(record)
        path.foreign(record.name, level, event, at_ns, show=show, ours=ours)
        return True

    @property
    def _is_shown(self) -> bool:
        """Whether our console shows records: not beside a handler of the program's own."""
        return self._show and len(logging.root.handlers) <= 1

    def _taken_short(self, record: logging.LogRecord, facts: dict[str, Any]) -> bool:
        """Take *record* the short way, if it is a plain one; return whether it was taken."""
        short, message = self._path.short, record.msg
        if short is None or type(message) is not str or record.exc_info or record.stack_info:
            return False
        try:
            place = record.pathname, record.lineno, record.funcName
            level = record.levelno, record.levelname
            site = self._sites.get((place, level)) or self._learn(short, place, level)
            if record.args:
                message = record.getMessage()
            said = site.said.get(message) or short.say(site, short.numbered_grade(*level), message)
            if said is None:
                return False
            fields, scope = with_bound(_extras(facts)), record.name or DEFAULT_SCOPE
            at_ns, around = int(record.created * 1e9), short.surroundings.current()
            if not short.take(fields, said, scope, at_ns, time_ns(), around):
                return False
        except Exception:  # noqa: BLE001 - the long way copes with it, or tells what it was
            return False
        if self._path.console is not None and self._is_shown:
            self._path.show_plain(fields, message, said, scope, at_ns, around, site)
        return True

    def _learn(self, short: ShortWay, place: tuple[str, int, str], level: tuple[int, str]) -> Site:
        """Return a site for calls at *level* from *place*: what is said there has that level."""
        if len(self._sites) >= _MOST_SITES:
            self._sites.clear()
        site = short.sites.told(*place) if short.callsite else Site({})
        self._sites[place, level] = site
        return site


def _extras(facts: dict[str, Any]) -> dict[str, Any]:
    """Return what came in as `extra`, or was put on the record by a filter or factory."""
    keys = list(facts)
    if len(keys) >= _BORN and keys[_BORN - 1] == _LAST:  # those that all are born with come first
        keys = keys[_BORN:]
    if not _STANDARD.isdisjoint(keys):
        keys = [key for key in keys if key not in _STANDARD]
    return {key: facts[key] for key in keys}


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
    for key, value in _extras(facts).items():
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


def _comes_from_loguru(extra: Any) -> bool:
    """Return whether loguru passed this on; its sink has the original.

    Loguru puts its own `extra` dict on the records it makes, as one attribute of that name.
    """
    if not isinstance(extra, dict):
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
        self._looked_ns = 0

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
        self._path.looked_ns = 0

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

    def _keep(self, at_ns: int) -> None:
        """Look after the handlers: at the root always, everywhere at most every few seconds."""
        # The clock on the wall may be turned back: then it is time to look, too.
        if self._on_root not in logging.root.handlers or not (
            0 <= at_ns - self._looked_ns < _LOOK_AGAIN_NS
        ):
            self._looked_ns = at_ns
            self.ensure()

    def stop(self) -> None:
        """Take the handlers away and put the level back."""
        self._path.sees_stdlib = lambda _logger: False
        self._path.keep_captured = lambda _at_ns: None
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
