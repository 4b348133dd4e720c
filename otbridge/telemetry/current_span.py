"""`start_as_current_span` as a class: a span that is the current one inside a `with` statement.

OpenTelemetry's SDK writes it as a generator around a generator. That costs a quarter of what its
span costs, and as much again because what follows runs with a colder branch predictor.
"""

# ruff: noqa: SLF001 - its own class, filled without a call of `__init__`

from __future__ import annotations

import functools
import inspect
from typing import TYPE_CHECKING, Any, Final

from opentelemetry.context import Context, attach, detach, get_current
from opentelemetry.sdk.trace import Tracer, TracerProvider
from opentelemetry.trace import INVALID_SPAN, SpanKind, Status, StatusCode, set_span_in_context

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import TracebackType

    from opentelemetry.trace import Link, Span
    from opentelemetry.trace import Tracer as AnyTracer
    from opentelemetry.util.types import Attributes

__all__ = ["SPAN_KEY", "CurrentSpan", "SdkTracerProvider", "starter"]

_blank: Final = object.__new__

(SPAN_KEY,) = set_span_in_context(INVALID_SPAN, Context())
"""The key under which OpenTelemetry keeps the current span in a context; another one in every
process."""


class CurrentSpan:
    """A context manager, and a decorator for functions and coroutine functions.

    The span begins when it is entered. Used as a decorator, every call is a span. Made by what
    `starter` returns.
    """

    __slots__ = ("_begin", "_context", "_end", "_name", "_span", "_start_span", "_token")

    _start_span: Callable[..., Span]
    _name: str
    _context: Context | None
    _begin: tuple[Any, ...]
    _end: bool

    def __enter__(self) -> Span:
        current = get_current()
        # The current context, handed over, is one that sampler and processors need not ask for.
        parent = current if self._context is None else self._context
        span = self._span = self._start_span(self._name, parent, *self._begin)
        self._token = attach(Context({**current, SPAN_KEY: span}))
        return span

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        detach(self._token)
        try:
            # What is no Exception (a generator closed, a task cancelled) is no error.
            if error is not None and isinstance(error, Exception):
                self._tell(error)
        finally:
            if self._end:
                self._span.end()

    def _tell(self, error: Exception) -> None:
        """Note on the span what has left the block."""
        *_, record, set_status = self._begin
        span = self._span
        if not span.is_recording():
            return
        if record:
            span.record_exception(error)
        if set_status:
            span.set_status(Status(StatusCode.ERROR, f"{type(error).__name__}: {error}"))

    def __call__(self, function: Any) -> Any:
        """Make every call of *function* a span, from its first step to its last."""
        if inspect.iscoroutinefunction(function):

            @functools.wraps(function)
            async def awaited(*args: Any, **kwargs: Any) -> Any:
                with self._for_one_call():
                    return await function(*args, **kwargs)

            return awaited

        @functools.wraps(function)
        def called(*args: Any, **kwargs: Any) -> Any:
            with self._for_one_call():
                return function(*args, **kwargs)

        return called

    def _for_one_call(self) -> CurrentSpan:
        """Return one for one call: calls at the same time have a span each."""
        return starter(self._start_span)(self._name, self._context, *self._begin, self._end)


class SdkTracerProvider(TracerProvider):
    """The SDK's provider, with its tracers and its spans; all that is ours is their `with`."""

    def get_tracer(self, *args: Any, **kwargs: Any) -> AnyTracer:
        """Return the SDK's tracer for an instrumentation scope."""
        tracer = super().get_tracer(*args, **kwargs)
        if isinstance(tracer, Tracer):  # none where the SDK is switched off
            vars(tracer)["start_as_current_span"] = starter(tracer.start_span)
        return tracer


def starter(start_span: Callable[..., Span]) -> Callable[..., CurrentSpan]:
    """Make a tracer's `start_as_current_span` of its `start_span`."""

    def start_as_current_span(  # noqa: PLR0917 - the API's signature
        name: str,
        context: Context | None = None,
        kind: SpanKind = SpanKind.INTERNAL,
        attributes: Attributes = None,
        links: Sequence[Link] | None = (),
        start_time: int | None = None,
        record_exception: bool = True,
        set_status_on_exception: bool = True,
        end_on_exit: bool = True,
    ) -> CurrentSpan:
        """Return a context manager, and decorator, in which a span is the current one."""
        made = _blank(CurrentSpan)
        made._start_span = start_span
        made._name = name
        made._context = context
        made._begin = (
            kind,
            attributes,
            links,
            start_time,
            record_exception,
            set_status_on_exception,
        )
        made._end = end_on_exit
        return made

    return start_as_current_span
