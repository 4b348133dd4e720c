"""Places of log calls, each described once.

A place is a code object and a position in it. Asking a frame for its line number and encoding
three attributes costs more than the rest of a log call; looking a place up again costs 0.2 µs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from otbridge.processors.callsite import describe, is_machinery
from otbridge.semconv import CODE_FILE_PATH, CODE_FUNCTION_NAME, CODE_LINE_NUMBER
from otbridge.wire.otlp_logs import encode_attributes

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import CodeType, FrameType

    from otbridge.telemetry.fused import Said
    from otbridge.typing import EventDict, Processor

__all__ = ["Code", "Site", "Sites"]

_MOST_CODES: Final = 4096
"""Functions remembered; a program that makes more at run time has them described again."""


class Site:
    """A place, ready to be put on an event and into a record.

    Args:
        fields: What it adds to an event: nothing where records do not say where they were written.
        module: The name of the module that it is in, where that is known.
        room: For how many messages; a place that says more than that makes them up.
    """

    __slots__ = ("encoded", "fields", "module", "room", "said")

    def __init__(self, fields: dict[str, Any], module: str = "", room: int = 32) -> None:
        self.module = module
        self.room = room
        self.fields = fields
        self.encoded = encode_attributes(fields)
        """The same as attributes of a LogRecord."""
        self.said: dict[str, Said] = {}
        """What has been said here, by the message; `otbridge.telemetry.fused` fills it."""


class Code(dict[int, Site]):
    """The sites in one code object, by instruction offset.

    Args:
        code: The object, kept so that its id stays its own.
        machinery: Whether it is a logging library's, or ours: calls in it are somebody else's.
    """

    __slots__ = ("code", "machinery")

    def __init__(self, code: CodeType, *, machinery: bool) -> None:
        super().__init__()
        self.code = code
        self.machinery = machinery


class Sites:
    """Finds and remembers the sites of log calls.

    Args:
        finish: Processors that a site's fields go through, as those of any event do.
    """

    __slots__ = ("_finish", "codes", "nowhere")

    def __init__(self, finish: Sequence[Processor]) -> None:
        self._finish = tuple(finish)
        self.codes: Final[dict[int, Code]] = {}
        """By id, for hashing a code object costs more than all else here."""
        self.nowhere: Final = Site({}, room=_MOST_CODES)
        """The site of calls that no place is known of."""

    def told(self, path: str, line: int, function: str) -> Site:
        """Return a new site, of which file, line and function are known."""
        return self._finished(
            {CODE_FILE_PATH: path, CODE_LINE_NUMBER: line, CODE_FUNCTION_NAME: function}
        )

    def of(self, frame: FrameType | None) -> Site:
        """Return the site of the nearest caller of *frame*, or its own, that is no machinery."""
        codes = self.codes
        while frame is not None:
            known = codes.get(id(frame.f_code))
            if known is None:
                known = self._meet(frame)
            if not known.machinery:
                return known.get(frame.f_lasti) or self._describe(frame, known)
            frame = frame.f_back
        return self.nowhere

    def _meet(self, frame: FrameType) -> Code:
        if len(self.codes) >= _MOST_CODES:
            self.codes.clear()
        machinery = is_machinery(frame.f_globals.get("__name__", ""))
        known = self.codes[id(frame.f_code)] = Code(frame.f_code, machinery=machinery)
        return known

    def _describe(self, frame: FrameType, known: Code) -> Site:
        module = frame.f_globals.get("__name__", "")
        site = known[frame.f_lasti] = self._finished(describe(frame), module)
        return site

    def _finished(self, event: EventDict, module: str = "") -> Site:
        for processor in self._finish:
            event = processor(None, "", event)
        return Site(dict(event), module)
