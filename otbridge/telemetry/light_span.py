"""The span of `otbridge.telemetry.light`."""

from __future__ import annotations

import logging
from time import time_ns
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from opentelemetry.attributes import BoundedAttributes
from opentelemetry.sdk import trace as sdk
from opentelemetry.trace import Link, Status, StatusCode

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from opentelemetry.sdk.resources import Resource
    from opentelemetry.trace import SpanContext, SpanKind
    from opentelemetry.util.types import Attributes, AttributeValue

    from otbridge.telemetry.light import LightTracer

__all__ = ["LightSpan", "cleaned"]

_logger: Final = logging.getLogger(__name__)
_MOST_SHAPES: Final = 2048
_sound: Final[set[tuple[Any, ...]]] = set()
"""Shapes of attributes that are kept as they are."""
_PLAIN: Final = frozenset({str, int, bool, float})
_NAME: Final = frozenset({str})
_UNSET: Final = Status()
_NONE_DROPPED: Final = (0, 0, 0)
"""Attributes, events and links that did not fit into a span."""


def cleaned(
    attributes: Mapping[str, Any] | None, most: int | None, longest: int | None
) -> tuple[dict[str, Any], int, tuple[Any, ...] | None]:
    """Return *attributes* as the specification allows them, how many were dropped, and their shape.

    Args:
        attributes: Names to values of any type; not kept.
        most: How many are kept; None for all.
        longest: Characters of a text that are kept; None for all.

    Returns:
        The shape is that of `otbridge.telemetry.shapes`, and None where something was amiss.
    """
    if not attributes:
        return {}, 0, ()
    own = dict(attributes)
    shape = (*own, *map(type, own.values()))
    if longest is None and (most is None or len(own) <= most):
        if shape in _sound:
            return own, 0, shape
        if (
            "" not in own
            and _NAME.issuperset(map(type, own))
            and _PLAIN.issuperset(map(type, own.values()))
        ):
            if len(_sound) >= _MOST_SHAPES:
                _sound.clear()
            _sound.add(shape)
            return own, 0, shape
    bounded = BoundedAttributes(most, own, immutable=False, max_value_len=longest)
    return dict(bounded), bounded.dropped, None


class LightSpan(sdk.Span):
    """A span that is an SDK's by type and by name of its parts, without what it seldom needs.

    It keeps its parts where the SDK's spans do, so that everything the SDK has for them (properties,
    `to_json`, processors that look inside) finds them there; what is the same for most spans is
    kept by the class. When it has ended it goes to the processors itself, and changes no more.
    """

    _end_time: int | None = None
    _status: Status = _UNSET
    _events: Sequence[sdk.Event] = ()
    _links: Sequence[Link] = ()
    _record_exception = True
    _set_status_on_exception = True
    _dropped = _NONE_DROPPED
    _is_plain = True
    """Whether it has neither events nor links, and has lost nothing."""

    def begin(  # noqa: PLR0917 - called once per span: keywords would cost time
        self,
        tracer: LightTracer,
        name: str,
        context: SpanContext,
        parent: SpanContext | None,
        kind: SpanKind,
        attributes: dict[str, Any],
        shape: tuple[Any, ...] | None,
        start_time: int,
    ) -> None:
        """Fill a new span; done by its tracer, for two calls less than a constructor takes.

        Args:
            tracer: Whose it is.
            name: What it is called.
            context: Its own ids.
            parent: Those of its parent; None for a root.
            kind: Its role.
            attributes: What is known of it; kept as it is.
            shape: That of the attributes; see `otbridge.telemetry.shapes`. None where unknown.
            start_time: Unix nanoseconds.
        """
        self._tracer = tracer
        self._name = name
        self._context: SpanContext = context  # never None, as the SDK's may be
        self._parent = parent
        self._kind = kind
        self._attributes: dict[str, Any] = attributes
        self._shape = shape
        self._start_time = start_time

    def begin_with(
        self, links: Sequence[Link], dropped: int, record_exception: bool, set_status: bool
    ) -> None:
        """Take what most spans begin without.

        Args:
            links: Other spans that it has to do with.
            dropped: Attributes that it was given and could not keep.
            record_exception: Whether `with` records an exception that leaves it.
            set_status: Whether such an exception makes it a failure.
        """
        for link in links:
            self.add_link(link.context, link.attributes)
        if dropped:
            self._drop(attributes=dropped)
        self._record_exception = record_exception
        self._set_status_on_exception = set_status

    # ------------------------------------------------------------------ what it is

    @property
    def _resource(self) -> Resource:  # type: ignore[override]  # one for all of a tracer's spans
        return self._tracer.resource

    @property
    def _instrumentation_scope(self) -> Any:  # type: ignore[override]  # as above
        return self._tracer.instrumentation_scope

    @property
    def _instrumentation_info(self) -> Any:  # type: ignore[override]  # as above
        return self._tracer.instrumentation_info

    def get_span_context(self) -> SpanContext:
        """Return the ids that others refer to it by."""
        return self._context

    @property
    def attributes(self) -> Attributes:
        """What is known about it."""
        return MappingProxyType(self._attributes)

    @property
    def dropped_attributes(self) -> int:
        """Attributes beyond the limit, and those that were none."""
        return self._dropped[0]

    @property
    def dropped_events(self) -> int:
        """Events beyond the limit."""
        return self._dropped[1]

    @property
    def dropped_links(self) -> int:
        """Links beyond the limit."""
        return self._dropped[2]

    def _readable_span(self) -> sdk.ReadableSpan:
        return self

    # ------------------------------------------------------------------ what it learns

    def set_attribute(self, key: str, value: AttributeValue) -> None:
        """Set one attribute; the oldest makes room where there are too many."""
        self.set_attributes({key: value})

    def set_attributes(self, attributes: Mapping[str, AttributeValue]) -> None:
        """Set attributes; the oldest make room where there are too many."""
        if self._is_over("set attributes"):
            return
        limits = self._tracer.limits
        most = limits.max_span_attributes
        if most == 0:
            self._drop(attributes=len(attributes))
            return
        own, dropped, _ = cleaned(attributes, None, limits.max_span_attribute_length)
        self._shape = None
        mine: dict[str, Any] = self._attributes
        for key, value in own.items():
            mine.pop(key, None)  # the newest stands last
            if most is not None and len(mine) >= most:
                del mine[next(iter(mine))]
                dropped += 1
            mine[key] = value
        if dropped:
            self._drop(attributes=dropped)

    def add_event(
        self, name: str, attributes: Attributes = None, timestamp: int | None = None
    ) -> None:
        """Add something that happened at a moment; now by default."""
        if self._is_over("add an event"):
            return
        limits = self._tracer.limits
        kept = _immutable(attributes, limits.max_event_attributes, limits)
        event = sdk.Event(name=name, attributes=kept, timestamp=timestamp)
        if self._keep("_events", event, limits.max_events):
            self._drop(events=1)

    def add_link(self, context: SpanContext, attributes: Attributes = None) -> None:
        """Add another span that it has to do with."""
        if not _is_link(context, attributes) or self._is_over("add a link"):
            return
        limits = self._tracer.limits
        link = Link(context, _immutable(attributes, limits.max_link_attributes, limits))
        if self._keep("_links", link, limits.max_links):
            self._drop(links=1)

    def update_name(self, name: str) -> None:
        """Call it something else."""
        if not self._is_over("change its name"):
            self._name = name

    def set_status(self, status: Status | StatusCode, description: str | None = None) -> None:
        """Say how it went; OK is final, and unset says nothing."""
        if self._is_over("set its status"):
            return
        if isinstance(status, StatusCode):
            status = Status(status, description)
        elif description is not None:
            _logger.warning("The description %r is not used: the status has its own.", description)
        if self._status.status_code is not StatusCode.OK and not status.is_unset:
            self._status = status

    def end(self, end_time: int | None = None) -> None:
        """End it, now or at a time in Unix nanoseconds, and hand it to the processors."""
        if self._end_time is not None:
            self._is_over("end it")
            return
        self._end_time = time_ns() if end_time is None else end_time
        tracer = self._tracer
        switch = tracer.switch
        if switch is None or not switch.is_alone:
            tracer.ending(self)
        tracer.span_processor.on_end(self)

    def _is_over(self, what: str) -> bool:
        if self._end_time is None:
            return False
        _logger.warning("Too late to %s: the span %r has ended.", what, self._name)
        return True

    def _keep(self, part: str, item: Any, most: int | None) -> bool:
        """Append *item*; return whether the oldest had to make room for it."""
        # Both steps are atomic in CPython: threads may add to the same span without a lock.
        self._is_plain = False
        items = vars(self).setdefault(part, [])
        items.append(item)
        if most is None or len(items) <= most:
            return False
        del items[0]
        return True

    def _drop(self, attributes: int = 0, events: int = 0, links: int = 0) -> None:
        self._is_plain = False
        before = self._dropped
        self._dropped = (before[0] + attributes, before[1] + events, before[2] + links)


def _is_link(context: SpanContext | None, attributes: Attributes) -> bool:
    """Return whether there is anything in a link."""
    return context is not None and bool(context.is_valid or attributes or context.trace_state)


def _immutable(
    attributes: Attributes, most: int | None, limits: sdk.SpanLimits
) -> BoundedAttributes:
    return BoundedAttributes(
        most, attributes, immutable=True, max_value_len=limits.max_attribute_length
    )
