"""What the OpenTelemetry context says of every record written in it, worked out once per context.

A context never changes: to enter a span or to set baggage is to go on in another one. So the ids,
the correlation id and the chosen baggage are those of the context object, and a record's share of
the work is to find out that it is still the same one.
"""

from __future__ import annotations

from contextvars import copy_context
from typing import TYPE_CHECKING, Any, Final
from weakref import ref

from opentelemetry.context import Context, attach, detach, get_current

from otbridge.wire.otlp_logs import encode_attributes, encode_context

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from otbridge.typing import EventDict, Processor

__all__ = ["IDS", "Around", "Surroundings"]

IDS: Final = ("trace_id", "span_id", "trace_flags")

_MOST_CACHED: Final = 4096
"""Contexts alive at the same time that are remembered: requests in flight, and their spans."""


class Around:
    """What one context adds to a record."""

    __slots__ = ("encoded", "fields", "ids", "of", "shown", "told")

    def __init__(self, of: ref[Context], told: dict[str, Any], fields: dict[str, Any]) -> None:
        self.of = of
        self.ids: dict[str, Any] = {key: fields[key] for key in IDS if key in fields}
        """The ids."""
        self.told = {key: value for key, value in told.items() if key not in self.ids}
        """What else the context says, as it says it."""
        self.fields = fields
        """Ids and all else as fields of an event that is finished: without secrets, not too long."""
        attributes = {key: value for key, value in fields.items() if key not in self.ids}
        ids = [int(text, 16) for text in self.ids.values()]
        self.encoded = encode_attributes(attributes) + (encode_context(*ids) if ids else b"")
        """The finished fields as fields of a LogRecord: attributes, and the ids."""
        self.shown: tuple[str, str] | None = None
        """As a console shows it, once it has."""


class Surroundings:
    """Finds and remembers what contexts add.

    Args:
        surrounding: The processors that read the current context.
        finishing: Those that every field goes through.
    """

    __slots__ = ("_finishing", "_surrounding", "context", "known")

    def __init__(self, surrounding: Sequence[Processor], finishing: Sequence[Processor]) -> None:
        self._surrounding = tuple(surrounding)
        self._finishing = tuple(finishing)
        self.context: Final = _current_context()
        """Returns the current context."""
        self.known: Final[dict[int, Around]] = {}
        """By the id of the context, of which only `Around.of` knows whether it is still that one."""

    def current(self) -> Around:
        """Return what the current context adds."""
        context = self.context()
        known = self.known.get(id(context))
        if known is not None and known.of() is context:
            return known
        return self._learn(context)

    def _learn(self, context: Context) -> Around:
        event: EventDict = {}
        for processor in self._surrounding:
            event = processor(None, "", event)
        told = dict(event)
        for processor in self._finishing:
            event = processor(None, "", event)
        key, known = id(context), self.known
        if len(known) >= _MOST_CACHED:
            known.clear()
        # Weak: a remembered context must not keep its span, or a program's own objects, alive.
        found = known[key] = Around(ref(context, lambda _: known.pop(key, None)), told, dict(event))
        return found


def _current_context() -> Callable[[], Context]:
    """Return what tells the current context: the `get` of the variable that it is kept in.

    OpenTelemetry's own function asks a runtime object, which asks the variable: 70 ns more. Where
    the context is not kept in a `contextvars` variable, it is that function.
    """
    mark = Context()
    token = attach(mark)
    try:
        kept = [variable for variable, value in copy_context().items() if value is mark]
    finally:
        detach(token)
    try:
        (variable,) = kept
        elsewhere = copy_context().__class__()  # nothing is set in it
        same = elsewhere.run(variable.get) is elsewhere.run(get_current)
    except (ValueError, LookupError):  # not in one variable, or in one without a default
        return get_current
    return variable.get if same else get_current
