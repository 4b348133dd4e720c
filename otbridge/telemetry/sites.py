"""Places of log calls, each described once.

A place is a code object and a position in it. Asking a frame for its line number and encoding
three attributes costs more than the rest of a log call; looking a place up again costs 0.2 µs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from otbridge.processors.callsite import describe, is_machinery
from otbridge.semconv import CODE_FILE_PATH, CODE_FUNCTION_NAME, CODE_LINE_NUMBER
from otbridge.wire.otlp_logs import encode_attributes

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import CodeType, FrameType

    from otbridge.typing import EventDict, Processor

__all__ = ["NOWHERE", "Code", "Site", "Sites"]

_MOST_CODES: Final = 4096
"""Functions remembered; a program that makes more at run time has them described again."""


class Site(NamedTuple):
    """A place, ready to be put on an event and into a record."""

    fields: dict[str, Any]
    encoded: bytes
    """The same as attributes of a LogRecord."""


NOWHERE: Final = Site({}, b"")
"""The site of records that do not say where they were written."""


class Code:
    """What is known of one code object, which is kept so that its id stays its own."""

    __slots__ = ("code", "sites")

    def __init__(self, code: CodeType, sites: dict[int, Site] | None) -> None:
        self.code = code
        self.sites = sites
        """Instruction offset to site; None where the code is a logging library's or ours."""


class Sites:
    """Finds and remembers the sites of log calls.

    Args:
        finish: Processors that a site's fields go through, as those of any event do.
    """

    __slots__ = ("_finish", "_told", "codes")

    def __init__(self, finish: Sequence[Processor]) -> None:
        self._finish = tuple(finish)
        self.codes: dict[int, Code] = {}
        """By id, for hashing a code object costs more than all else here."""
        self._told: dict[tuple[Any, ...], Site] = {}

    def told(self, *place: Any) -> Site:
        """Return the site of which file, line and function are known."""
        site = self._told.get(place)
        if site is None:
            if len(self._told) >= _MOST_CODES:
                self._told.clear()
            site = self._told[place] = self._finished(
                dict(
                    zip((CODE_FILE_PATH, CODE_LINE_NUMBER, CODE_FUNCTION_NAME), place, strict=True)
                )
            )
        return site

    def of(self, frame: FrameType | None) -> Site:
        """Return the site of the nearest caller of *frame*, or its own, that is no machinery."""
        codes = self.codes
        while frame is not None:
            code = frame.f_code
            known = codes.get(id(code))
            if known is None:
                known = self._meet(frame)
            sites = known.sites
            if sites is not None:
                site = sites.get(frame.f_lasti)
                return site if site is not None else self._describe(frame, sites)
            frame = frame.f_back
        return NOWHERE

    def _meet(self, frame: FrameType) -> Code:
        if len(self.codes) >= _MOST_CODES:
            self.codes.clear()
        ours = is_machinery(frame.f_globals.get("__name__", ""))
        known = Code(frame.f_code, None if ours else {})
        self.codes[id(frame.f_code)] = known
        return known

    def _describe(self, frame: FrameType, sites: dict[int, Site]) -> Site:
        site = sites[frame.f_lasti] = self._finished(describe(frame))
        return site

    def _finished(self, event: EventDict) -> Site:
        for processor in self._finish:
            event = processor(None, "", event)
        return Site(dict(event), encode_attributes(event))
