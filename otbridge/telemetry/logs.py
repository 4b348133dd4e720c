"""The path of every log event: enrich, record, show.

One `LogPath` is in force in a process. Events come in by three doors: `native` (our own loggers),
`foreign` (already an event, made by a handler or sink), and the pair `enrich` / `accept` (our
processors inside somebody else's structlog configuration). Behind each door plain events take the
short way (`otbridge.telemetry.fused`), all others go through the processors one by one.
"""

from __future__ import annotations

import logging
import sys
import threading
from time import time_ns
from typing import TYPE_CHECKING, Any, Final

from structlog.contextvars import merge_contextvars

from otbridge.config.values import LEVELS
from otbridge.context.start import start
from otbridge.context.suppression import is_suppressed
from otbridge.processors import handover
from otbridge.processors.callsite import caller
from otbridge.telemetry import nesting
from otbridge.telemetry.record import DEFAULT_SCOPE

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from otbridge.telemetry.console import Console
    from otbridge.telemetry.fused import Said
    from otbridge.telemetry.logger import Logger
    from otbridge.telemetry.record import Recorder
    from otbridge.telemetry.short import ShortWay
    from otbridge.telemetry.sites import Site
    from otbridge.telemetry.surroundings import Around
    from otbridge.typing import EventDict, Processor

__all__ = ["NOTHING", "LogPath", "activate", "active", "calling_module"]


_SAID_ELSEWHERE: Final = frozenset({"event", "level", "logger", "timestamp"})
"""Keys of events of structlog's own chains that a record has fields for."""

NOTHING: Final = 1_000
"""A threshold that no level reaches."""


class _Thread(threading.local):
    handed_over: tuple[str, int] | None = None
    """Logger and level of an event that is on its way through the standard library as well."""


_thread: Final = _Thread()


class LogPath:
    """What happens to a log event.

    Args:
        chain: The processors that make it complete, in order.
        visiting: The few of them that run inside somebody else's chain.
        recorder: Turns it into a record and delivers it; None keeps it local.
        short: The short way of plain events; None sends every event the long way.
        console: Shows it; None shows nothing.
        threshold: Least level kept, in the standard library's numbers.
        report: Told, in one sentence, when our own code failed on an event.
        lost: Counts events that are lost before delivery has them, by reason.
    """

    def __init__(
        self,
        chain: Sequence[Processor],
        visiting: Sequence[Processor],
        *,
        recorder: Recorder | None,
        short: ShortWay | None = None,
        console: Console | None,
        threshold: int,
        report: Callable[[str], None],
        lost: Callable[[str, int], None] = lambda _reason, _count: None,
    ) -> None:
        self._chain = tuple(chain)
        self._visiting = tuple(visiting)
        self.recorder = recorder
        self.short = short
        self.console = console
        """Where events are shown; None where they are not."""
        self.threshold = threshold
        self._report = report
        self._lost = lost
        self._reported = False
        self.sees_stdlib: Callable[[logging.Logger], bool] = lambda _logger: False
        """Whether our handler will meet the records of a standard library logger."""
        self.hands_over = False
        """Whether an event of `accept` has ever gone on through the standard library."""
        self.keep_captured: Callable[[int], None] = _nothing
        """Puts our handler back where something has removed it; given the time."""
        self.looked_ns = 0
        """Unix nanoseconds of the last look after it; 0 asks for one with the next event."""
        if short is not None:
            vars(self)["say"] = short.door(self)

    # ------------------------------------------------------------------ doors

    def say(  # noqa: PLR0917 - called once per log line: keywords would cost time
        self,
        logger: Logger,
        method_name: str,
        level: int,
        message: Any,
        args: tuple[Any, ...],
        fields: dict[str, Any],
    ) -> None:
        """Take a call of one of our own loggers. Never raises.

        This is the long way; where there is a short one, its door stands before it.

        Args:
            logger: The logger.
            method_name: The level.
            level: The same as the standard library's number.
            message: The message.
            args: What is to be formatted into it.
            fields: What else was given.
        """
        if level < self.threshold:
            return
        logger.pass_on(self, method_name, message, args, fields)

    def native(self, scope: str, method_name: str, fields: dict[str, Any], message: Any) -> None:
        """Take an event of our own loggers. Never raises."""
        at_ns = time_ns()
        if is_suppressed() or self._too_deep():
            return
        try:
            self.look_after_capture(at_ns)
            event: EventDict = {**fields, "event": message}
            merge_contextvars(None, method_name, event)
            complete = self._run(None, method_name, event)
            self._finish(complete, scope, at_ns, at_ns, show=True, ours=True)
        except Exception as error:  # noqa: BLE001 - a log call never raises
            self._failed(error)
        finally:
            nesting.leave()

    def look_after_capture(self, at_ns: int) -> None:
        """Put our handler back where something has removed it."""
        self.looked_ns = at_ns
        self.keep_captured(at_ns)

    def show_plain(  # noqa: PLR0917 - called once per log line: keywords would cost time
        self,
        fields: dict[str, Any],
        message: Any,
        said: Said,
        scope: str,
        at_ns: int,
        around: Around,
        site: Site,
    ) -> None:
        """Show an event that has been taken, where events are shown."""
        if self.console is not None:
            try:
                self.console.log_plain(fields, message, said, scope, at_ns, around, site)
            except Exception as error:  # noqa: BLE001 - what is delivered does not hang on what is shown
                self._say_failed("an event was not shown", error)

    def foreign(
        self, name: str, level: str, event: EventDict, at_ns: int, *, show: bool, ours: bool = True
    ) -> None:
        """Take an event that another logging library made. Never raises.

        Args:
            name: The logger's name.
            level: The level's name.
            event: The event.
            at_ns: Unix nanoseconds of the log call.
            show: Whether our console shows it.
            ours: Whether no processors of structlog's have been at it.
        """
        if is_suppressed() or self._too_deep():
            return
        try:
            merge_contextvars(None, level, event)
            complete = self._run(None, level, event)
            self._finish(complete, name, at_ns, time_ns(), show=show, ours=ours)
        except Exception as error:  # noqa: BLE001 - a log call never raises
            self._failed(error)
        finally:
            nesting.leave()

    def enrich(self, logger: Any, method_name: str, event_dict: EventDict, /) -> EventDict:
        """Put ids on an event inside somebody else's chain, take secrets out. Never raises."""
        if not nesting.enter():
            return event_dict
        try:
            if self.short is not None:
                self.short.visit(event_dict)
            else:
                for processor in self._visiting:
                    event_dict = processor(logger, method_name, event_dict)
        except Exception as error:  # noqa: BLE001 - a log call never raises
            self._say_failed("an event was not enriched", error)  # it still goes on
        finally:
            nesting.leave()
        return event_dict

    def accept(self, logger: Any, method_name: str, event_dict: EventDict, /) -> None:
        """Take a finished event from somebody else's chain, exactly once. Never raises.

        Where the chain ends in the standard library, our handler there meets the same event
        again: either it is left to the handler, or the handler is told to let it pass.
        """
        at_ns = time_ns()
        _thread.handed_over = None
        if is_suppressed() or self._too_deep():
            return
        try:
            record = event_dict.get("_record")
            if record is not None and self.sees_stdlib(logging.getLogger(record.name)):
                return  # a ProcessorFormatter's chain: the handler has the record itself
            level = LEVELS.get(str(event_dict.get("level", method_name)).lower(), logging.INFO)
            if level < self.threshold:
                return
            if isinstance(logger, logging.Logger):
                if not logger.isEnabledFor(level):
                    return
                if self.sees_stdlib(logger):
                    _thread.handed_over = (logger.name, level)
                    self.hands_over = True
            name = event_dict.get("logger") or getattr(logger, "name", None)
            if self._accepted_short(method_name, event_dict, name, at_ns):
                return
            event = self._run(logger, method_name, dict(event_dict))  # theirs goes on as it is
            self._finish(event, str(name or calling_module()), at_ns, at_ns, show=False)
        except Exception as error:  # noqa: BLE001 - a log call never raises
            self._failed(error)
        finally:
            nesting.leave()

    def _accepted_short(
        self, method_name: str, event_dict: EventDict, name: Any, at_ns: int
    ) -> bool:
        """Take an event of somebody else's chain the short way, if it is a plain one."""
        short = self.short
        level = event_dict.get("level", method_name)
        grade = short.grade(level) if short is not None and type(level) is str else None
        if short is None or grade is None:
            return False
        try:
            fields = {key: event_dict[key] for key in event_dict if key not in _SAID_ELSEWHERE}
            around = short.surroundings.current()
            for key, value in around.fields.items():
                if fields.pop(key, value) != value:  # made for another span
                    return False
            sites = short.sites
            site = sites.of(sys._getframe(1)) if short.callsite else sites.nowhere  # noqa: SLF001 - documented
            said = short.said(site, grade, event_dict.get("event"))
            scope = str(name or site.module or calling_module())
            return said is not None and short.take(fields, said, scope, at_ns, at_ns, around)
        except Exception:  # noqa: BLE001 - the long way copes with it, or tells what it was
            return False

    def was_handed_over(self, record: logging.LogRecord) -> bool:
        """Return whether *record* is the second coming of an event that `accept` took.

        The mark is set just before structlog calls the logger, in the same thread. It can be
        stale (a filter stopped that record), so structlog must also be in the call stack.
        """
        if _thread.handed_over != (record.name, record.levelno):
            return False
        _thread.handed_over = None
        return _called_by_structlog()

    # ------------------------------------------------------------------ the long way

    def _run(self, logger: Any, method_name: str, event: EventDict) -> EventDict:
        for processor in self._chain:
            event = processor(logger, method_name, event)
        return event

    def _finish(
        self,
        event: EventDict,
        scope: str,
        at_ns: int,
        observed_ns: int,
        *,
        show: bool,
        ours: bool = False,
    ) -> None:
        if self.recorder is not None:
            self.recorder.record(event, scope or DEFAULT_SCOPE, at_ns, observed_ns, ours=ours)
        if show and self.console is not None:
            self._show(self.console, event, scope, at_ns)

    def _show(self, console: Console, event: EventDict, scope: str, at_ns: int) -> None:
        try:
            console.log(event, scope, at_ns)
        except Exception as error:  # noqa: BLE001 - what is delivered does not hang on what is shown
            self._say_failed("an event was not shown", error)

    def _too_deep(self) -> bool:
        """Go one level deeper, unless the event is one too many inside itself: then it is lost."""
        if nesting.enter():
            return False
        self._lost("recursion", 1)
        return True

    def _failed(self, error: Exception) -> None:
        self._lost("internal_error", 1)
        self._say_failed("a log event was lost", error)

    def _say_failed(self, what: str, error: Exception) -> None:
        if not self._reported:  # once: the same fault would repeat with every line
            self._reported = True
            self._report(f"{what}: {type(error).__name__}: {error}; please report this")


def _nothing(_at_ns: int) -> None:
    """Do nothing: nothing is captured."""


def calling_module() -> str:
    """Return the name of the module that logs, for loggers without a name."""
    frame = caller()
    return DEFAULT_SCOPE if frame is None else frame.f_globals.get("__name__", DEFAULT_SCOPE)


def _called_by_structlog() -> bool:
    frame = sys._getframe(1)  # noqa: SLF001 - documented; the stack is what we ask about
    found: Any = frame
    for _ in range(40):  # logging and our handler take about ten
        if found is None:
            return False
        if found.f_globals.get("__name__", "").startswith("structlog."):
            return True
        found = found.f_back
    return False


_active: LogPath | None = None


def _say_first(logger: Logger, *call: Any) -> None:
    """Start otbridge, for the first call of a logger of ours."""
    path = active()
    if path is not None:
        path.say(logger, *call)


say: Callable[..., None] = _say_first
"""`LogPath.say` of the path in force: what every method of our loggers calls."""


def activate(path: LogPath | None) -> None:
    """Make *path* the one in force; None means that the next event starts otbridge."""
    global _active, say
    _active = path
    say = _say_first if path is None else path.say
    handover.connect(path)


def active() -> LogPath | None:
    """Return the path in force, starting otbridge with what the environment says if need be."""
    if _active is None:
        start()
    return _active
