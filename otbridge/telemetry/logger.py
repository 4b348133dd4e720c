"""The logger that `otbridge.get_logger` returns: structlog's interface and six more levels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from structlog import BoundLoggerBase, DropEvent

from otbridge.config.values import LEVELS
from otbridge.telemetry import logs

if TYPE_CHECKING:
    from otbridge.telemetry.logs import LogPath
    from otbridge.typing import EventDict, Processor

__all__ = ["CHAIN", "Logger", "Name", "formatted", "get_logger"]


def _take(logger: Any, method_name: str, event_dict: EventDict) -> EventDict:
    """Take the event, and let structlog go no further with it."""
    fields = dict(event_dict)
    name = getattr(logger, "name", "")
    own = _loggers.get(name) or _remembered(name)
    logs.say(own, method_name, LEVELS.get(method_name, 20), fields.pop("event", None), (), fields)
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

    def pass_on(
        self, path: LogPath, method: str, event: Any, args: tuple[Any, ...], fields: dict[str, Any]
    ) -> None:
        """Send a call the long way: through processors of others, if this logger has got some."""
        if args:
            event = formatted(event, args)
        if "event" in fields:
            fields["event_"] = fields.pop("event")  # the message has that name already
        if self._processors is not CHAIN:
            self._proxy_to_logger(method, event, **fields)
            return
        scope = getattr(self._logger, "name", "") or logs.calling_module()
        path.native(scope, method, {**self._context, **fields}, event)

    def trace(self, event: Any = None, /, *args: Any, **fields: Any) -> None:
        """Log finer detail than debug (severity TRACE)."""
        logs.say(self, "trace", 5, event, args, fields)

    def debug(self, event: Any = None, /, *args: Any, **fields: Any) -> None:
        """Log what helps to find a fault (severity DEBUG)."""
        logs.say(self, "debug", 10, event, args, fields)

    def info(self, event: Any = None, /, *args: Any, **fields: Any) -> None:
        """Log that something happened (severity INFO)."""
        logs.say(self, "info", 20, event, args, fields)

    def success(self, event: Any = None, /, *args: Any, **fields: Any) -> None:
        """Log that something worked out (severity INFO2)."""
        logs.say(self, "success", 20, event, args, fields)

    def audit(self, event: Any = None, /, *args: Any, **fields: Any) -> None:
        """Log who did what (severity INFO3)."""
        logs.say(self, "audit", 20, event, args, fields)

    def compliance(self, event: Any = None, /, *args: Any, **fields: Any) -> None:
        """Log something that a rule asks to be logged (severity INFO4)."""
        logs.say(self, "compliance", 20, event, args, fields)

    def warning(self, event: Any = None, /, *args: Any, **fields: Any) -> None:
        """Log something that may become a problem (severity WARN)."""
        logs.say(self, "warning", 30, event, args, fields)

    def security(self, event: Any = None, /, *args: Any, **fields: Any) -> None:
        """Log something that a guard should see (severity WARN2)."""
        logs.say(self, "security", 30, event, args, fields)

    def error(self, event: Any = None, /, *args: Any, **fields: Any) -> None:
        """Log that something failed (severity ERROR)."""
        logs.say(self, "error", 40, event, args, fields)

    def failure(self, event: Any = None, /, *args: Any, **fields: Any) -> None:
        """Log that an undertaking failed as a whole, success's opposite (severity ERROR2)."""
        logs.say(self, "failure", 40, event, args, fields)

    def exception(self, event: Any = None, /, *args: Any, **fields: Any) -> None:
        """Log an error with the exception that is being handled."""
        fields.setdefault("exc_info", True)
        logs.say(self, "error", 40, event, args, fields)

    def critical(self, event: Any = None, /, *args: Any, **fields: Any) -> None:
        """Log that the program cannot go on as it should (severity FATAL)."""
        logs.say(self, "critical", 50, event, args, fields)

    def sep(self, event: Any = "", /, *args: Any, **fields: Any) -> None:
        """Log a separator: a rule across the console, with a title if one is given."""
        fields.setdefault("event_name", "otbridge.log.separator")
        logs.say(self, "sep", 20, event, args, fields)

    def log(self, level: int | str, event: Any = None, /, *args: Any, **fields: Any) -> None:
        """Log at a level given by name or by the standard library's number."""
        import logging

        from otbridge.processors.severity import of_number

        if isinstance(level, int):
            name = logging.getLevelName(level)
            fields.setdefault("severity_number", of_number(level, name).number)
            logs.say(self, name.lower(), level, event, args, fields)
        else:
            logs.say(
                self, str(level).lower(), LEVELS.get(str(level).lower(), 20), event, args, fields
            )

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


_MOST_LOGGERS: Final = 1024
_loggers: dict[str, Logger] = {}


def _remembered(name: str) -> Logger:
    """Return the logger of ours that speaks for structlog's loggers of that name."""
    if len(_loggers) >= _MOST_LOGGERS:
        _loggers.clear()
    made = _loggers[name] = Logger(Name(name), CHAIN, {})
    return made


def formatted(event: Any, args: tuple[Any, ...]) -> Any:
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
