"""The short way of plain events, put together for the settings in force."""

from __future__ import annotations

from contextvars import copy_context
from sys import _getframe  # documented, and far cheaper than inspect
from time import time_ns
from typing import TYPE_CHECKING, Any, Final

from otbridge.context.suppression import SILENT
from otbridge.processors.severity import of_level, of_number
from otbridge.telemetry.bound import OTHERS, with_bound
from otbridge.telemetry.fused import Grade, fuse
from otbridge.telemetry.logger import CHAIN, formatted
from otbridge.telemetry.logs import calling_module
from otbridge.telemetry.sites import Sites
from otbridge.telemetry.surroundings import Surroundings

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from otbridge.processors.redact import Redactor
    from otbridge.telemetry.fused import Said
    from otbridge.telemetry.logger import Logger
    from otbridge.telemetry.logs import LogPath
    from otbridge.telemetry.record import Recorder
    from otbridge.telemetry.sites import Site
    from otbridge.typing import EventDict, Processor

__all__ = ["ShortWay"]

_MOST_LEVELS: Final = 256
_LOOK_AGAIN_NS: Final = 10_000_000
"""After which something may have taken our handler away from the standard library's root."""


class ShortWay:
    """What a plain event needs: its context's, its place's and its message's bytes, and `take`.

    Args:
        recorder: Whose envelopes are used, and whose door of delivery.
        surrounding: The processors that read the current context.
        finishing: Those that every field goes through: limits, redaction.
        redactor: Tells names and texts that are no secret; None where nothing is redacted.
        callsite: Whether records say where they were written.
        baggage_keys: Entries of the baggage that are copied.
        attribute_limit: Most attributes of a record.
        value_limit: Most characters of a text.
    """

    def __init__(
        self,
        recorder: Recorder,
        *,
        surrounding: Sequence[Processor],
        finishing: Sequence[Processor],
        redactor: Redactor | None,
        callsite: bool,
        baggage_keys: Sequence[str],
        attribute_limit: int,
        value_limit: int,
    ) -> None:
        self._redactor = redactor
        self.surroundings: Final = Surroundings(surrounding, finishing)
        self.sites: Final = Sites(finishing)
        self.callsite: Final = callsite
        """Whether records say where they were written."""
        self.say, self.take = fuse(
            recorder,
            redactor,
            attribute_limit=attribute_limit,
            value_limit=value_limit,
            reserved=baggage_keys,
        )
        self._grades: Final[dict[str, Grade]] = {}
        self._numbered: dict[tuple[int, str], Grade] = {}

    def door(self, path: LogPath) -> Callable[..., None]:
        """Make `LogPath.say` for *path*: plain events go the short way, the others its own.

        One function of local names, for it runs with every log line, and what other modules have
        a function for (`is_suppressed`, `Sites.of`, `Surroundings.current`, `with_bound`) is looked
        up here first. Nothing that was given is changed before the event is taken.
        """
        take, say_new, grade_of = self.take, self.say, self.grade
        codes, site_of, nowhere = self.sites.codes, self.sites.of, self.sites.nowhere
        context, contexts = self.surroundings.context, self.surroundings.known
        around, callsite = self.surroundings.current, self.callsite
        silent, is_usual = SILENT.get, OTHERS.issuperset
        long_way = type(path).say

        def say(  # noqa: PLR0917 - called once per log line: keywords would cost time
            logger: Logger,
            method_name: str,
            level: int,
            message: Any,
            args: tuple[Any, ...],
            fields: dict[str, Any],
        ) -> None:
            if level < path.threshold:
                return
            at_ns = time_ns()
            if silent():
                return
            try:
                if not 0 <= at_ns - path.looked_ns < _LOOK_AGAIN_NS:
                    path.look_after_capture(at_ns)
                site = nowhere
                if callsite:
                    frame = _getframe(2)  # above us and the logger's method
                    code = codes.get(id(frame.f_code))
                    site = (code and code.get(frame.f_lasti)) or site_of(frame)
                text = formatted(message, args) if args else message
                said = site.said.get(text)
                if said is None or said.level != method_name:
                    grade = grade_of(method_name)
                    said = None if grade is None else say_new(site, grade, text)
                if said is not None and logger._processors is CHAIN:  # noqa: SLF001 - read-only for loggers
                    bound = logger._context  # noqa: SLF001 - as above
                    facts = {**bound, **fields} if bound else fields
                    if not is_usual(copy_context()):
                        facts = with_bound(facts)
                    now = context()
                    here = contexts.get(id(now))
                    if here is None or here.of() is not now:
                        here = around()
                    scope = logger._logger.name or site.module or calling_module()  # noqa: SLF001 - as above
                    if take(facts, said, scope, at_ns, at_ns, here):
                        if path.console is not None:
                            path.show_plain(facts, text, said, scope, at_ns, here, site)
                        return
            except Exception:  # noqa: BLE001 - the long way copes with it, or tells what it was
                pass
            long_way(path, logger, method_name, level, message, args, fields)

        return say

    def said(self, site: Site, grade: Grade, message: Any) -> Said | None:
        """Return what all records of *message* from *site* have in common, if they are plain."""
        known = site.said.get(message)
        if known is not None and known.level == grade.level:
            return known
        return self.say(site, grade, message)

    def visit(self, event_dict: EventDict) -> None:
        """Put what the context says on somebody else's event, and take secrets out of it."""
        around = self.surroundings.current()
        if around.ids and "trace_id" not in event_dict:
            event_dict.update(around.ids)
        for key, value in around.told.items():
            event_dict.setdefault(key, value)
        if self._redactor is not None:
            found = self._redactor.attributes(event_dict)
            if found is not event_dict:
                event_dict.update(found)

    def grade(self, level: str) -> Grade | None:
        """Return the level of this name; None for `exception`, whose events are never plain."""
        known = self._grades.get(level)
        if known is not None or level == "exception":
            return known
        if len(self._grades) >= _MOST_LEVELS:
            self._grades.clear()
        made = self._grades[level] = Grade(level, of_level(level).number)
        return made

    def numbered_grade(self, number: int, name: str) -> Grade:
        """Return the level of the standard library's *number* and *name*."""
        known = self._numbered.get((number, name))
        if known is None:
            if len(self._numbered) >= _MOST_LEVELS:
                self._numbered.clear()
            level = name.lower()
            known = Grade(level, of_number(number, level).number)
            self._numbered[number, name] = known
        return known
