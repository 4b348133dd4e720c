"""The short way of plain events, put together for the settings in force."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from otbridge.processors.severity import of_level, of_number
from otbridge.telemetry.fused import Grade, Take, fuse
from otbridge.telemetry.sites import Sites
from otbridge.telemetry.surroundings import Surroundings

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from otbridge.processors.redact import Redactor
    from otbridge.telemetry.record import Recorder
    from otbridge.telemetry.surroundings import Around
    from otbridge.typing import Processor

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
        self.around: Final[Callable[[], Around]] = Surroundings([*surrounding, *finishing]).current
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

    def grade(self, level: str) -> Grade | None:
        """Return the level of this name; None for `exception`, whose events are never plain."""
        if level == "exception":
            return None
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
