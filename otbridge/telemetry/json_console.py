"""Log events and spans as lines of JSON, for whoever collects a service's standard error.

What is the same from line to line is rendered once, as are the bytes of records: names, levels and
messages, places, ids. New are the time and the values of an event's own fields.
"""

from __future__ import annotations

from json.encoder import encode_basestring as quoted
from math import isfinite
from time import gmtime, strftime
from typing import TYPE_CHECKING, Any, Final, TextIO

from otbridge.processors.render import as_json, json_line, one_line
from otbridge.semconv import SERVICE_NAME
from otbridge.telemetry.console import Console

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from otbridge.telemetry.fused import Said
    from otbridge.telemetry.sites import Site
    from otbridge.telemetry.surroundings import Around
    from otbridge.typing import Processor

__all__ = ["JsonConsole"]

_IDS: Final = ("trace_id", "span_id")
_MOST_CACHED: Final = 4096


class JsonConsole(Console):
    """One JSON object on a line for each log event.

    Args:
        stream: Where to write.
        service: The processor that adds the service's name, which such lines need beside them.
        spans: Whether ended spans are written, too.
    """

    __slots__ = ("_last", "_loggers", "_names", "_own", "_second", "_service", "_spans", "_text")

    def __init__(
        self, stream: Callable[[], TextIO | None], service: Processor, *, spans: bool = False
    ) -> None:
        super().__init__(stream)
        self._spans = spans
        self._service = service
        self._second = -1
        self._text = ""
        self._own = dict(service(None, "", {}))
        self._last = _members({key: self._own[key] for key in self._own if key != SERVICE_NAME})
        self._loggers: dict[str, str] = {}
        self._names: dict[str, str] = {}

    def log(self, event: Mapping[str, Any], scope: str, at_ns: int) -> None:
        """Write *event* as one line."""
        self._line({**event, "logger": scope}, at_ns)

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
        """Write a plain event as one line: the line that `log` would write of it."""
        try:
            begin, end = said.shown or self._learn_said(said, message, site)
            ids, told = around.shown or _learn_around(around)
            logger = self._loggers.get(scope) or self._learn_logger(scope)
            line = f'{{"timestamp": "{self._time(at_ns)}"{begin}{logger}{ids}{self._members(fields)}{told}{end}'
        except Exception:  # noqa: BLE001 - an odd value, a name of ours: the way of all events
            super().log_plain(fields, message, said, scope, at_ns, around, site)
        else:
            self._write(one_line(line) + "\n")

    def _members(self, fields: Mapping[str, Any]) -> str:
        """Return *fields* as members of the object; raises where they cannot simply be that."""
        members = []
        for key, value in fields.items():
            name = self._names.get(key) or self._learn_name(key)
            kind = type(value)
            if kind is str:
                members.append(name + quoted(value))
            elif kind is int or (kind is float and isfinite(value)):
                members.append(name + repr(value))
            elif value is True:
                members.append(name + "true")
            elif value is False:
                members.append(name + "false")
            else:
                members.append(name + as_json(value))
        return "".join(members)

    def _learn_name(self, key: str) -> str:
        if key == SERVICE_NAME or key in self._own:
            raise ValueError(key)  # it has a place of its own on the line
        if len(self._names) >= _MOST_CACHED:
            self._names.clear()
        name = self._names[key] = f", {quoted(key)}: "
        return name

    def _learn_logger(self, scope: str) -> str:
        if len(self._loggers) >= _MOST_CACHED:
            self._loggers.clear()
        service = {SERVICE_NAME: self._own[SERVICE_NAME]} if SERVICE_NAME in self._own else {}
        members = self._loggers[scope] = _members({"logger": scope} | service)
        return members

    def _learn_said(self, said: Said, message: str, site: Site) -> tuple[str, str]:
        begin = _members({"level": said.level, "event": message})
        shown = said.shown = begin, f"{_members(site.fields)}{self._last}}}"
        return shown

    def span_ended(self, span: Any) -> None:
        """Write *span* as one line, where that is asked for."""
        if not self._spans:
            return
        context, parent = span.get_span_context(), span.parent
        took = (span.end_time or 0) - (span.start_time or 0)
        line = {
            "span": span.name,
            "trace_id": f"{context.trace_id:032x}",
            "span_id": f"{context.span_id:016x}",
            "parent_id": None if parent is None else f"{parent.span_id:016x}",
            "duration_ms": took / 1e6,
            "status": span.status.status_code.name.lower(),
            **(span.attributes or {}),
        }
        self._line(line, span.start_time or 0)

    def _line(self, facts: dict[str, Any], at_ns: int) -> None:
        complete = self._service(None, "", facts)
        self._write(json_line(complete, timestamp=self._time(at_ns)) + "\n")

    def _time(self, at_ns: int) -> str:
        """Return the time as lines give it."""
        seconds, rest = divmod(at_ns, 1_000_000_000)
        if seconds != self._second:
            text = strftime("%Y-%m-%dT%H:%M:%S", gmtime(seconds))
            self._text, self._second = text, seconds
        return f"{self._text}.{rest // 1000:06d}Z"


def _members(facts: Mapping[str, Any]) -> str:
    return "".join(f", {quoted(key)}: {as_json(value)}" for key, value in facts.items())


def _learn_around(around: Around) -> tuple[str, str]:
    ids: dict[str, Any] = {key: around.ids[key] for key in _IDS if key in around.ids}
    told = {key: value for key, value in around.fields.items() if key not in around.ids}
    shown = around.shown = _members(ids), _members(told)
    return shown
