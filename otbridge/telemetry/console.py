"""What a person sees while the program runs: log lines inside the tree of their spans.

    12:04:05.123 7f3a ╭╴POST /order
    12:04:05.124 7f3a │ info     order placed  order_id=7  shop.orders
    12:04:05.125 7f3a │ ╭╴charge  amount=12
    12:04:05.210 7f3a │ ╰╴charge  85.1 ms  ✗ CardRefused: no funds
    12:04:05.301 7f3a ╰╴POST /order  178 ms

The four digits are the beginning of the trace id: they and their colour tell traces apart that
run at the same time. Not on a terminal each log line is one JSON object, and spans are silent.
"""

from __future__ import annotations

import os
import sys
from shutil import get_terminal_size
from time import localtime, strftime
from typing import TYPE_CHECKING, Any, Final, TextIO

from otbridge import semconv
from otbridge.processors.render import Palette, clean, duration, level_label
from otbridge.processors.render import fields as shown_fields

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from otbridge.telemetry.fused import Said
    from otbridge.telemetry.sites import Site
    from otbridge.telemetry.surroundings import Around
    from otbridge.typing import Processor

__all__ = ["Console", "PrettyConsole", "make_console"]

_MOST_OPEN: Final = 10_000
"""Spans whose depth is remembered; a program that never ends its spans must not eat memory."""
_DEEPEST: Final = 12
"""Levels that are indented; deeper ones stay at this column, for lines must still be read."""


_ON_THE_SPAN: Final = frozenset({semconv.CORRELATION_ID})
_NOTHING: Final[frozenset[str]] = frozenset()

_FOR_MACHINES: Final = frozenset(
    {
        semconv.RUN_ID,
        semconv.AGENT_PATH,
        semconv.GEN_AI_OPERATION_NAME,
        semconv.GEN_AI_AGENT_NAME,
        semconv.GEN_AI_WORKFLOW_NAME,
        semconv.GEN_AI_TOOL_NAME,
        semconv.GEN_AI_REQUEST_MODEL,
    }
)
"""Attributes of spans that a person reads in the span's name, or in the tree around it."""


class Console:
    """A place where people see events; the base of the two kinds."""

    __slots__ = ("_stream",)

    def __init__(self, stream: Callable[[], TextIO | None]) -> None:
        # Looked up at every write: pytest, notebooks and daemons exchange sys.stderr.
        self._stream = stream

    def log(self, event: Mapping[str, Any], scope: str, at_ns: int) -> None:
        """Show a log event."""
        raise NotImplementedError

    def log_plain(  # noqa: PLR0917 - called once per log line: keywords would cost time
        self,
        fields: Mapping[str, Any],
        message: str,
        said: Said,
        scope: str,
        at_ns: int,
        around: Around,
        site: Site,
    ) -> None:
        """Show a plain event, given in the parts that `otbridge.telemetry.fused` takes."""
        event = {**fields, "event": message, "level": said.level, "severity_number": said.number}
        self.log(event | around.fields | site.fields, scope, at_ns)

    def span_started(self, span: Any) -> None:
        """Show that *span* begins."""

    def span_ended(self, span: Any) -> None:
        """Show that *span* has ended."""

    def _write(self, text: str) -> None:
        stream = self._stream()
        try:
            if stream is not None:
                stream.write(text)  # one call for the whole record: lines of threads stay apart
                if not getattr(stream, "line_buffering", False):  # standard error's own has it
                    stream.flush()
        except (OSError, ValueError):  # closed pipe or stream: the program goes on without it
            pass


class PrettyConsole(Console):
    """Lines and a tree for a person at a terminal.

    Args:
        stream: Where to write.
        colour: Whether to use colour.
        unicode: Whether the terminal can show box-drawing characters.
    """

    __slots__ = ("_depths", "_marks", "_palette")

    def __init__(
        self, stream: Callable[[], TextIO | None], *, colour: bool, unicode: bool = True
    ) -> None:
        super().__init__(stream)
        self._palette = Palette(colour=colour)
        self._marks = ("│ ", "╭╴", "╰╴", "✗", "─") if unicode else ("| ", "+-", "+-", "x", "-")
        self._depths: dict[int, int] = {}

    def log(self, event: Mapping[str, Any], scope: str, at_ns: int) -> None:
        """Show *event* as one line, and its stack trace below it."""
        palette = self._palette
        trace_id, span_id = event.get("trace_id"), event.get("span_id")
        margin = self._margin(at_ns, trace_id)
        depth = self._depths.get(_number(span_id), -1) + 1
        bars = self._bars(depth, trace_id)
        level = event.get("level", "info")
        message = event.get("event")
        title = "" if message is None else clean(message)
        if level == "sep":
            self._write(f"{margin}{bars}{self._rule(title, depth)}\n")
            return
        number = event.get("severity_number")
        colour = palette.level(number if isinstance(number, int) else 9)
        shown = [f"{palette.bold}{title}{palette.reset}"]
        # Inside a span the correlation id stands on the span's own line.
        rest = shown_fields(event, palette, hidden=_ON_THE_SPAN if depth else _NOTHING)
        if rest:
            shown.append(rest)
        if scope and scope != "__main__":
            shown.append(f"{palette.dim}{clean(scope)}{palette.reset}")
        lines = [f"{margin}{bars}{colour}{level_label(level)}{palette.reset} {'  '.join(shown)}"]
        lines += self._stack(event, len(margin_text(at_ns)), bars)
        self._write("\n".join(lines) + "\n")

    def span_started(self, span: Any) -> None:
        """Show the beginning of *span* one step to the right of its parent."""
        context = span.get_span_context()
        parent = span.parent
        depth = -1 if parent is None else self._depths.get(parent.span_id, -1)
        depth += 1
        if len(self._depths) >= _MOST_OPEN:
            self._depths.clear()
        self._depths[context.span_id] = depth
        trace_id = f"{context.trace_id:032x}"
        accent = self._accent(trace_id)
        line = (
            f"{self._margin(span.start_time, trace_id)}{self._bars(depth, trace_id)}"
            f"{accent}{self._marks[1]}{self._palette.reset}{clean(span.name)}"
        )
        rest = shown_fields(span.attributes or {}, self._palette, _FOR_MACHINES)
        self._write(f"{line}  {rest}\n" if rest else f"{line}\n")

    def span_ended(self, span: Any) -> None:
        """Show the end of *span*, how long it took, and whether and why it failed."""
        palette = self._palette
        context = span.get_span_context()
        depth = self._depths.pop(context.span_id, 0)
        trace_id = f"{context.trace_id:032x}"
        failed = span.status.status_code.value == 2
        accent = palette.red if failed else self._accent(trace_id)
        took = duration((span.end_time or 0) - (span.start_time or 0))
        line = (
            f"{self._margin(span.end_time or 0, trace_id)}{self._bars(depth, trace_id)}"
            f"{accent}{self._marks[2]}{palette.reset}{clean(span.name)}  {palette.dim}{took}{palette.reset}"
        )
        if failed:
            why = clean(span.status.description or "failed")
            line += f"  {palette.red}{self._marks[3]} {why}{palette.reset}"
        self._write(line + "\n")

    def _margin(self, at_ns: int, trace_id: Any) -> str:
        palette = self._palette
        short = clean(trace_id)[:4] if trace_id else "    "
        return (
            f"{palette.dim}{margin_text(at_ns)}{palette.reset} "
            f"{self._accent(trace_id)}{short:<4}{palette.reset} "
        )

    def _accent(self, trace_id: Any) -> str:
        accents = self._palette.accents
        return accents[_number(trace_id) % len(accents)] if trace_id else ""

    def _bars(self, depth: int, trace_id: Any) -> str:
        if not depth:
            return ""
        return (
            f"{self._accent(trace_id)}{self._marks[0] * min(depth, _DEEPEST)}{self._palette.reset}"
        )

    def _rule(self, title: str, depth: int) -> str:
        width = max(20, min(get_terminal_size().columns, 120) - 19 - 2 * depth)
        line = self._marks[4]
        palette = self._palette
        if not title:
            return f"{palette.dim}{line * width}{palette.reset}"
        rest = max(3, width - len(title) - 5)
        return f"{palette.dim}{line * 3}{palette.reset} {palette.bold}{title}{palette.reset} {palette.dim}{line * rest}{palette.reset}"

    def _stack(self, event: Mapping[str, Any], width: int, bars: str) -> list[str]:
        palette = self._palette
        text = event.get("exception.stacktrace") or event.get("code.stacktrace")
        if not text:
            return []
        margin = " " * (width + 6) + bars
        lines = str(text).rstrip("\n").split("\n")
        shown = [f"{margin}{palette.dim}  {clean(line)}{palette.reset}" for line in lines[:-1]]
        last = f"{margin}{palette.red}  {clean(lines[-1])}{palette.reset}"
        return [*shown, last]


_clock: list[Any] = [-1, ""]
# The formatted second; lines come many to the second, and strftime costs more than the line.


def margin_text(at_ns: int) -> str:
    """Return the local time of day with milliseconds, twelve characters."""
    seconds, rest = divmod(at_ns, 1_000_000_000)
    if _clock[0] != seconds:
        _clock[:] = seconds, strftime("%H:%M:%S", localtime(seconds))
    return f"{_clock[1]}.{rest // 1_000_000:03d}"


def _number(identifier: Any) -> int:
    try:
        return int(identifier, 16)
    except (TypeError, ValueError):  # no id, or something of the user's under that name
        return 0


def _stderr() -> TextIO | None:
    return sys.stderr


def make_console(kind: str, service: Processor, *, spans: bool = False) -> Console | None:
    """Return the console that the setting asks for; None for `off`.

    Colour follows the custom of `NO_COLOR` and `FORCE_COLOR`, and `TERM=dumb` has none.
    """
    stream = sys.stderr
    terminal = bool(stream is not None and hasattr(stream, "isatty") and stream.isatty())
    if kind == "auto":
        kind = "pretty" if terminal else "json"
    if kind == "off":
        return None
    if kind == "json":
        from otbridge.telemetry.json_console import JsonConsole

        return JsonConsole(_stderr, service, spans=spans)
    environ = os.environ
    colour = terminal and environ.get("TERM") != "dumb"
    if environ.get("FORCE_COLOR"):
        colour = True
    if environ.get("NO_COLOR"):
        colour = False
    encoding = (getattr(stream, "encoding", None) or "").lower().replace("-", "")
    return PrettyConsole(_stderr, colour=colour, unicode=encoding.startswith("utf"))
