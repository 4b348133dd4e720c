"""A stretch of an agent's work: a span, the context inside it, and how it begins and ends.

Every verb (`agent`, `llm`, `tool`, …) gives a handle. A handle is a context manager, an async one,
and a decorator; it can be begun and ended by hand, where callbacks leave no other way; and what
is made from it is its child, from whatever thread or task.
"""

from __future__ import annotations

import functools
import logging
import time
from copy import copy
from typing import TYPE_CHECKING, Any, Final, ParamSpec, Self, TypeVar, cast

from opentelemetry import context as otel
from opentelemetry import trace
from opentelemetry.trace import INVALID_SPAN, SpanKind, Status, StatusCode

from otbridge.agents import content
from otbridge.agents.attachment import Attachment, Stretches
from otbridge.agents.outcome import record_error
from otbridge.agents.place import Place
from otbridge.agents.provider import tracer
from otbridge.agents.verbs import Verbs
from otbridge.semconv import AGENT_PATH, ERROR_TYPE, GEN_AI_AGENT_NAME, GEN_AI_OPERATION_NAME

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from types import TracebackType

    from opentelemetry.context import Context
    from opentelemetry.trace import Link, Span
    from opentelemetry.util.types import AttributeValue

__all__ = ["Handle", "current", "guarded"]

_log = logging.getLogger(__name__)

_HANDLE: Final = otel.create_key("otbridge.agents.handle")

_Function = TypeVar("_Function", bound="Callable[..., Any]")
_P = ParamSpec("_P")


def current() -> Handle | None:
    """Return the innermost handle that is open here, or None outside of any."""
    found = otel.get_value(_HANDLE)
    return found if isinstance(found, Handle) else None


def guarded(method: Callable[_P, None]) -> Callable[_P, None]:
    """Keep a failure of *method* from the caller: telemetry must never break what it watches."""

    @functools.wraps(method)
    def quiet(*args: _P.args, **kwargs: _P.kwargs) -> None:
        try:
            method(*args, **kwargs)
        except Exception:  # noqa: BLE001 - whatever it is, it is not the caller's fault
            _log.debug("%s failed", method.__qualname__, exc_info=True)

    return quiet


class Handle(Verbs):
    """One span of an agent run.

    Args:
        parent: What it becomes a child of: an open or ended handle, a context continued from
            another process, or None for whatever is current when it begins.
        links: Spans whose output is used here; see `link_from`.
        capture_content: Whether content is kept here and below; None asks the handle around it,
            and then the environment.
    """

    kind: SpanKind = SpanKind.INTERNAL
    operation: str = ""
    """`gen_ai.operation.name`; empty where GenAI has none."""

    def __init__(
        self,
        parent: Verbs | None = None,
        *,
        links: Sequence[Link] = (),
        capture_content: bool | None = None,
    ) -> None:
        self._parent = parent
        self._links = tuple(links)
        self._asked_to_capture = capture_content
        self._above: Handle | None = None
        self._entered: list[Attachment] = []
        self._span: Span = INVALID_SPAN
        self._context: Context | None = None
        self._place = Place()
        self._began = 0.0
        self._ended = False
        self.captures_content = False
        """Whether prompts, answers, arguments and results are written onto the span."""

    # ------------------------------------------------------------------ what a kind of span says

    def _name(self, place: Place) -> str:
        """Return the span's name."""
        raise NotImplementedError

    def _moved(self, place: Place) -> Place:
        """Return the place inside this handle, given the one around it."""
        return place

    def _attributes(self, place: Place) -> Mapping[str, AttributeValue | None]:
        """Return the attributes known at the start; those that are None are left out."""
        raise NotImplementedError

    def _log_fields(self) -> dict[str, str]:
        """Return what log lines inside are marked with."""
        fields = {"agent": self._place.agent, "conversation_id": self._place.conversation_id}
        return {name: value for name, value in fields.items() if value}

    def _called(
        self, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> None:
        """Look at the call that this handle, as a decorator, is around."""

    def _returned(self, value: Any) -> None:
        """Look at what the decorated call returned."""

    # ------------------------------------------------------------------ beginning and ending

    def start(self) -> Self:
        """Begin the span without making it current; for callbacks, with `end`."""
        self._ended = False
        self._span = INVALID_SPAN
        self._began = time.monotonic()
        self._start()
        return self

    @guarded
    def _start(self) -> None:
        base = self._base()
        self._above = cast("Handle | None", otel.get_value(_HANDLE, base))
        self.captures_content = content.is_captured(
            self._asked_to_capture, self._above.captures_content if self._above else None
        )
        self._place = self._moved(Place.of(base))
        base = self._place.within(base)
        # Should the provider fail, the handle still has a context to work in.
        self._context = otel.set_value(_HANDLE, self, base)
        self._span = tracer().start_span(
            self._name(self._place),
            context=base,
            kind=self.kind,
            attributes=self._opening(),
            links=self._links,
        )
        self._context = trace.set_span_in_context(self._span, self._context)

    def _opening(self) -> dict[str, AttributeValue]:
        opening: dict[str, AttributeValue | None] = {
            GEN_AI_OPERATION_NAME: self.operation or None,
            GEN_AI_AGENT_NAME: self._place.agent or None,
            **self._attributes(self._place),
            **self._place.as_attributes(),
        }
        return {key: value for key, value in opening.items() if value is not None}

    def _base(self) -> Context:
        """Return the context to begin in: the parent's span, and what else is current here.

        Inside the parent, what was put into the context since (a correlation id, a suppression)
        holds for its children too. Elsewhere, in another thread or task, the parent's own context
        is all there is.
        """
        here = otel.get_current()
        if self._parent is None:
            return here
        theirs = self._parent.context
        if theirs is None:
            return here
        inside = current()
        while inside is not None:
            if inside is self._parent:
                place = inside._place  # noqa: SLF001 - another instance of this class
                moved = otel.set_value(_HANDLE, inside, place.within(here))
                return trace.set_span_in_context(inside.span, moved)
            inside = inside._above  # noqa: SLF001 - as above
        # A place continued from another process is current here, or it is not.
        return here if trace.get_current_span(here) is trace.get_current_span(theirs) else theirs

    def end(self, error: BaseException | None = None) -> None:
        """End the span; a second call does nothing.

        Args:
            error: What the work ended with. A cancelled task and a stream closed early are no
                failures; they are written down as `otbridge.outcome`.
        """
        if not self._ended:
            self._ended = True
            if error is not None:
                self._record(error)
            self._end()

    @guarded
    def _record(self, error: BaseException) -> None:
        record_error(self._span, error)

    @guarded
    def _end(self) -> None:
        self._span.end()

    def attached(self) -> Attachment:
        """Return a context manager that makes this handle current here, without ending it."""
        return Attachment(self.context or otel.get_current(), self._log_fields())

    def stretches(self) -> Attachment:
        """Return the same for code that runs in stretches, as generators do.

        Entered again, it goes on where it stopped.
        """
        return Stretches(self.context or otel.get_current(), self._log_fields())

    def __enter__(self) -> Self:
        if not self._entered:
            self.start()
        # Entered once more while it is open, it only becomes current again.
        attachment = self.attached()
        attachment.enter()
        self._entered.append(attachment)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._entered:
            self._entered.pop().leave()
        if not self._entered:
            self.end(error)

    async def __aenter__(self) -> Self:
        return self.__enter__()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.__exit__(kind, error, traceback)

    def __call__(self, function: _Function) -> _Function:
        """Run every call of *function* in a span of its own, like this one.

        Functions, coroutine functions, generators, async generators and methods. In a generator
        the span is current while its body runs, never while its reader does, and it ends when the
        stream ends, fails or is closed.
        """
        from otbridge.agents.decorating import decorated

        return decorated(self.fresh, function)

    def fresh(self) -> Self:
        """Return a handle like this one that has not begun."""
        other = copy(self)
        other._entered = []  # noqa: SLF001 - another instance of this class
        return other

    # ------------------------------------------------------------------ saying more

    @property
    def span(self) -> Span:
        """The OpenTelemetry span; a span that records nothing before the handle has begun."""
        return self._span

    @property
    def context(self) -> Context | None:
        """The OpenTelemetry context inside this handle; None before it has begun."""
        return self._context

    @property
    def trace_id(self) -> str:
        """The trace's id in hex; all zeros where nothing is recorded."""
        return trace.format_trace_id(self._span.get_span_context().trace_id)

    @property
    def span_id(self) -> str:
        """The span's id in hex; all zeros where nothing is recorded."""
        return trace.format_span_id(self._span.get_span_context().span_id)

    @property
    def path(self) -> str:
        """Names of the agents from the outermost to the one this handle is in, joined by `/`."""
        return self._place.as_attributes().get(AGENT_PATH, "")

    @guarded
    def set(self, name: str, value: Any) -> None:
        """Put an attribute of your own onto the span; what is no attribute value becomes JSON."""
        if self._span.is_recording():
            simple = isinstance(value, str | bool | int | float)
            self._span.set_attribute(name, value if simple else content.to_json(value))

    @guarded
    def event(self, name: str, **attributes: AttributeValue) -> None:
        """Note that something happened at this moment."""
        if self._span.is_recording():
            self._span.add_event(name, attributes)

    @guarded
    def fail(self, reason: str, message: str = "") -> None:
        """Mark the work as failed where no exception says so.

        Args:
            reason: One of few words, for `error.type`, e.g. `tool_error` or `timeout`.
            message: The particulars.
        """
        if self._span.is_recording():
            self._span.set_attribute(ERROR_TYPE, reason)
            self._span.set_status(Status(StatusCode.ERROR, message or reason))

    @guarded
    def link_from(self, carriers: Sequence[Mapping[str, Any]], type: str = "message") -> None:  # noqa: A002 - the attribute's name
        """Add links to where *carriers* were made: their output is used here.

        See `otbridge.agents.link_from`, which gives links to begin a span with.
        """
        from otbridge.agents.carriers import link_from

        for link in link_from(carriers, type=type):
            self._span.add_link(link.context, link.attributes)

    def carrier(self, kind: Any = "http") -> dict[str, str]:
        """Return what another process needs to go on below this handle.

        See `otbridge.agents.carrier`.
        """
        from otbridge.agents.carriers import write

        return write(kind, self.context)
