"""The logger that `otbridge.get_logger` returns: structlog's interface and six more levels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from structlog import BoundLoggerBase, DropEvent

from otbridge.config.values import LEVELS
from otbridge.telemetry import logs

if TYPE_CHECKING:
    from otbridge.typing import EventDict, Processor

__all__ = ["CHAIN", "Logger", "Name", "get_logger"]


def _take(logger: Any, method_name: str, event_dict: EventDict) -> EventDict:
    """Take the event, and let structlog go no further with it."""
    path = logs.active()
    if path is not None and LEVELS.get(method_name, 20) >= path.threshold:
        fields = dict(event_dict)
        scope = getattr(logger, "name", "") or logs.calling_module()
        path.native(scope, method_name, fields, fields.pop("event", None))
    raise DropEvent


CHAIN: Final[list[Processor]] = [_take]
"""The processors of our loggers, and of structlog's where the program has not configured it."""


class Name:
    """The innermost "logger" of ours: only a name, because delivery does the writing."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return f"<otbridge logger {self.name!r}>"


class Logger(BoundLoggerBase):
    """A structlog logger: `log.info("order placed", order_id=7)`.

    `bind`, `unbind` and `new` work as in structlog. Positional arguments are for %-formatting.
    Every method has an async twin with an `a` in front (`await log.ainfo(…)`), for code that
    expects it; no method ever blocks, so the plain ones are fine in async code too.

    A call never raises, whatever is passed to it.
    """

    def _say(
        self, method: str, level: int, event: Any, args: tuple[Any, ...], fields: dict[str, Any]
    ) -> None:
        path = logs._active or logs.active()  # noqa: SLF001 - one attribute instead of one call
        if path is None or level < path.threshold:
            return
        if args:
            event = _formatted(event, args)
        if "event" in fields:
            fields["event_"] = fields.pop("event")  # the message has that name already
        if self._processors is not CHAIN:
            self._proxy_to_logger(method, event, **fields)
            return
        if self._context:
            fields = {**self._context, **fields}
        scope = getattr(self._logger, "name", "") or logs.calling_module()
        path.native(scope, method, fields, event)

    def trace(self, event: Any = None, /, *args: Any, **fields: Any) -> None:
        """Log finer detail than debug (severity TRACE)."""
        self._say("trace", 5, event, args, fields)

    def debug(self, event: Any = None, /, *args: Any, **fields: Any) -> None:
        """Log what helps to find a fault (severity DEBUG)."""
        self._say("debug", 10, event, args, fields)

    def info(self, event: Any = None, /, *args: Any, **fields: Any) -> None:
        """Log that something happened (severity INFO)."""
        self._say("info", 20, event, args, fields)

    def success(self, event: Any = None, /, *args: Any, **fields: Any) -> None:
        """Log that something worked out (severity INFO2)."""
        self._say("success", 20, event, args, fields)

    def audit(self, event: Any = None, /, *args: Any, **fields: Any) -> None:
        """Log who did what (severity INFO3)."""
        self._say("audit", 20, event, args, fields)

    def compliance(self, event: Any = None, /, *args: Any, **fields: Any) -> None:
        """Log something that a rule asks to be logged (severity INFO4)."""
        self._say("compliance", 20, event, args, fields)

    def warning(self, event: Any = None, /, *args: Any, **fields: Any) -> None:
        """Log something that may become a problem (severity WARN)."""
        self._say("warning", 30, event, args, fields)

    def security(self, event: Any = None, /, *args: Any, **fields: Any) -> None:
        """Log something that a guard should see (severity WARN2)."""
        self._say("security", 30, event, args, fields)

    def error(self, event: Any = None, /, *args: Any, **fields: Any) -> None:
        """Log that something failed (severity ERROR)."""
        self._say("error", 40, event, args, fields)

    def failure(self, event: Any = None, /, *args: Any, **fields: Any) -> None:
        """Log that an undertaking failed as a whole, success's opposite (severity ERROR2)."""
        self._say("failure", 40, event, args, fields)

    def exception(self, event: Any = None, /, *args: Any, **fields: Any) -> None:
        """Log an error with the exception that is being handled."""
        fields.setdefault("exc_info", True)
        self._say("error", 40, event, args, fields)

    def critical(self, event: Any = None, /, *args: Any, **fields: Any) -> None:
        """Log that the program cannot go on as it should (severity FATAL)."""
        self._say("critical", 50, event, args, fields)

    def sep(self, event: Any = "", /, *args: Any, **fields: Any) -> None:
        """Log a separator: a rule across the console, with a title if one is given."""
        fields.setdefault("event_name", "otbridge.log.separator")
        self._say("sep", 20, event, args, fields)

    def log(self, level: int | str, event: Any = None, /, *args: Any, **fields: Any) -> None:
        """Log at a level given by name or by the standard library's number."""
        import logging

        from otbridge.processors.severity import of_number

        if isinstance(level, int):
            name = logging.getLevelName(level)
            fields.setdefault("severity_number", of_number(level, name).number)
            self._say(name.lower(), level, event, args, fields)
        else:
            self._say(str(level).lower(), LEVELS.get(str(level).lower(), 20), event, args, fields)

    def is_enabled_for(self, level: int) -> bool:
        """Return whether a call at *level* (standard library's number) is kept."""
        path = logs.active()
        return path is not None and level >= path.threshold

    def get_effective_level(self) -> int:
        """Return the least level kept, as the standard library's number."""
        path = logs.active()
        return 100 if path is None else path.threshold

    isEnabledFor = is_enabled_for  # noqa: N815 - the standard library's spelling
    getEffectiveLevel = get_effective_level  # noqa: N815 - as above
    msg = info
    warn = warning
    err = error
    fatal = critical


def _async_twin(method: str) -> Any:
    async def twin(self: Logger, *args: Any, **fields: Any) -> None:
        getattr(self, method)(*args, **fields)

    twin.__name__ = f"a{method}"
    twin.__doc__ = f"Do as `{method}`; it does not block, so there is nothing to wait for."
    return twin


for _method in (
    *("trace", "debug", "info", "success", "audit", "compliance", "warning", "security", "error"),
    *("failure", "exception", "critical", "sep", "log", "msg", "warn", "fatal"),
):
    setattr(Logger, f"a{_method}", _async_twin(_method))


def _formatted(event: Any, args: tuple[Any, ...]) -> Any:
    """Fill *args* into the message as logging does; a mismatch shows both instead of raising."""
    try:
        if len(args) == 1 and isinstance(args[0], dict) and args[0]:
            return event % args[0]
        return event % args
    except Exception:  # noqa: BLE001 - wrong placeholders, or a __str__ that raises
        return f"{event} (arguments that do not fit: {len(args)})"


def get_logger(name: str = "", /, **fields: Any) -> Logger:
    """Return a logger.

    Args:
        name: Usually `__name__`; it becomes the record's instrumentation scope. The calling
            module's name when left out.
        fields: Bound to every event of this logger.
    """
    if not name:
        from otbridge.processors.callsite import caller

        frame = caller()
        name = "" if frame is None else frame.f_globals.get("__name__", "")
    return Logger(Name(name), CHAIN, fields)
