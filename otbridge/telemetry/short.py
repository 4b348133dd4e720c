"""The short way of plain events, put together for the settings in force."""

from __future__ import annotations

from contextvars import copy_context
from sys import _getframe  # documented, and far cheaper than inspect
from time import time_ns
from typing import TYPE_CHECKING, Any, Final

from otbridge.context.suppression import is_suppressed
from otbridge.processors.severity import of_level, of_number
from otbridge.telemetry.bound import OTHERS, with_bound
from otbridge.telemetry.fused import Grade, Take, fuse
from otbridge.telemetry.logs import calling_module
from otbridge.telemetry.sites import NOWHERE, Sites
from otbridge.telemetry.surroundings import Surroundings

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from otbridge.processors.redact import Redactor
    from otbridge.telemetry.logs import LogPath
    from otbridge.telemetry.record import Recorder
    from otbridge.telemetry.surroundings import Around
    from otbridge.typing import EventDict, Processor

__all__ = ["ShortWay"]

_MOST_LEVELS: Final = 256


class ShortWay:
    """What a plain event needs: its level's, its context's and its place's bytes, and `take`.

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
        self.around: Final[Callable[[], Around]] = Surroundings(surrounding, finishing).current
        self.sites: Final = Sites(finishing) if callsite else None
        """None where records do not say where they were written."""
        self.take: Final[Take] = fuse(
            recorder,
            redactor,
            attribute_limit=attribute_limit,
            value_limit=value_limit,
            reserved=baggage_keys,
        )
        self.grades: Final[dict[str, Grade]] = {}
        """Levels by name, as far as they came up."""
        self._numbered: dict[tuple[int, str], Grade] = {}

    def door(self, path: LogPath) -> Callable[[Any, str, dict[str, Any], Any], None]:
        """Make `LogPath.native` for *path*: plain events go the short way, the others its own.

        One function of local names, for it runs with every log line; what other modules have a
        function for (`Surroundings.current`, `Sites.of`, `with_bound`) is looked up here first.
        """
        take, grades, sites, around = self.take, self.grades, self.sites, self.around
        codes = {} if sites is None else sites.codes
        long_way = type(path).native

        def native(logger: Any, method_name: str, fields: dict[str, Any], message: Any) -> None:
            at_ns = time_ns()
            if is_suppressed():
                return
            try:
                path.keep_captured(at_ns)
                grade = grades.get(method_name) or self.grade(method_name)
                site = NOWHERE
                if sites is not None:
                    frame = _getframe(3)  # above us, `Logger._say` and `Logger.info`
                    known = codes.get(id(frame.f_code))
                    found = known and known.sites and known.sites.get(frame.f_lasti)
                    site = found or sites.of(frame)
                scope = getattr(logger, "name", "") or calling_module()
                for variable in copy_context():
                    if variable not in OTHERS:
                        fields = with_bound(fields)
                        break
                here = around()
                if grade is not None and take(
                    fields, message, grade, scope, at_ns, at_ns, here, site
                ):
                    if path.console is not None:
                        path.show_plain(fields, message, grade, scope, at_ns, here, site)
                    return
            except Exception:  # noqa: BLE001 - the long way copes with it, or tells what it was
                pass
            long_way(path, logger, method_name, fields, message)

        return native

    def visit(self, event_dict: EventDict) -> None:
        """Put what the context says on somebody else's event, and take secrets out of it."""
        around = self.around()
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
        known = self.grades.get(level)
        if known is not None or level == "exception":
            return known
        if len(self.grades) >= _MOST_LEVELS:
            self.grades.clear()
        made = self.grades[level] = Grade(level, of_level(level).number)
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
