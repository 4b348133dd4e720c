"""`otbridge.span`: one step of work, as a context manager and as a decorator.

It uses whatever tracer provider is the global one. In generators the span is the current one only
while the generator's own code runs: it is attached at each step and detached before the value goes
out, because a `with` around a `yield` would leak it into the consumer.
"""

from __future__ import annotations

import functools
import inspect
from typing import TYPE_CHECKING, Any, Final, TypeVar, overload

from opentelemetry import context, trace

from otbridge.context.start import start
from otbridge.processors.exceptions import describe
from otbridge.semconv import CODE_FUNCTION_NAME
from otbridge.telemetry import logs

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Generator, Mapping
    from contextvars import Token
    from types import TracebackType

    from opentelemetry.context import Context
    from opentelemetry.trace import Span

__all__ = ["SpanBlock", "span"]

_Function = TypeVar("_Function", bound="Callable[..., Any]")

_PLAIN: Final = (str, bool, int, float, bytes, type(None))
_NOT_ERRORS: Final = ("CancelledError", "GeneratorExit")
"""How work is stopped on purpose: `asyncio.CancelledError`, and a generator that is closed."""

_tracers: dict[str, tuple[Any, Any]] = {}


def _tracer(scope: str) -> Any:
    provider = trace.get_tracer_provider()
    known = _tracers.get(scope)
    if known is None or known[0] is not provider:
        known = _tracers[scope] = (provider, provider.get_tracer(scope))
    return known[1]


@overload
def span(name: str, /, **attributes: Any) -> SpanBlock: ...
@overload
def span(function: _Function, /) -> _Function: ...
def span(name: Any, /, **attributes: Any) -> Any:
    """Record a step of work as a span.

    `with otbridge.span("charge", amount=12) as s:` gives the OpenTelemetry span. As a decorator,
    `@otbridge.span("charge")`, every call of a function, coroutine function, generator or
    asynchronous generator is a span; `@otbridge.span` alone names it after the function. An
    exception that leaves it is recorded, the span's status becomes an error, and the exception
    goes on; cancellation is recorded, but is not an error.

    Args:
        name: What the step is called; a small set of names, ids belong into attributes. Or the
            function to decorate.
        attributes: What else is known at the beginning. Values of other types than OpenTelemetry's
            are kept as text.
    """
    if callable(name):
        return SpanBlock(name.__qualname__, attributes)(name)
    return SpanBlock(str(name), attributes)


class SpanBlock:
    """What `span` returns: a context manager, plain and asynchronous, and a decorator.

    It may be entered again and again; each time is a span of its own.
    """

    def __init__(self, name: str, attributes: Mapping[str, Any]) -> None:
        self._name = name
        self._attributes = attributes
        self._open: list[tuple[Span, Token[Context]]] = []
        self._scope = ""

    def __enter__(self) -> Span:
        started = self._start(self._scope or _module_of_caller())
        self._open.append((started, context.attach(trace.set_span_in_context(started))))
        return started

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        started, token = self._open.pop()
        context.detach(token)
        _finish(started, error)

    async def __aenter__(self) -> Span:
        started = self._start(self._scope or _module_of_caller())
        self._open.append((started, context.attach(trace.set_span_in_context(started))))
        return started

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.__exit__(kind, error, traceback)

    def _start(self, scope: str) -> Span:
        if logs._active is None:  # noqa: SLF001 - the first span starts otbridge, by name
            start()
        started: Span = _tracer(scope).start_span(
            self._name, attributes={key: _plain(value) for key, value in self._attributes.items()}
        )
        return started

    def __call__(self, function: _Function) -> _Function:
        """Make every call of *function* a span."""
        self._scope = getattr(function, "__module__", "") or "otbridge"
        self._attributes = {CODE_FUNCTION_NAME: function.__qualname__, **self._attributes}
        wrapper: Any
        if inspect.isasyncgenfunction(function):
            wrapper = self._around_async_generator(function)
        elif inspect.isgeneratorfunction(function):
            wrapper = self._around_generator(function)
        elif inspect.iscoroutinefunction(function):
            wrapper = self._around_coroutine(function)
        else:
            wrapper = self._around_function(function)
        functools.update_wrapper(wrapper, function)
        return wrapper  # type: ignore[no-any-return]  # the same signature, by update_wrapper

    def _once(self) -> SpanBlock:
        """Return a copy for one call, so that calls at the same time do not share a stack."""
        copy = SpanBlock(self._name, self._attributes)
        copy._scope = self._scope
        return copy

    def _around_function(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def called(*args: Any, **kwargs: Any) -> Any:
            with self._once():
                return function(*args, **kwargs)

        return called

    def _around_coroutine(self, function: Callable[..., Any]) -> Callable[..., Any]:
        async def called(*args: Any, **kwargs: Any) -> Any:
            with self._once():
                return await function(*args, **kwargs)

        return called

    def _around_generator(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def called(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
            started = self._start(self._scope)
            return _stepped(function(*args, **kwargs), started)

        return called

    def _around_async_generator(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def called(*args: Any, **kwargs: Any) -> AsyncGenerator[Any, Any]:
            started = self._start(self._scope)
            return _stepped_async(function(*args, **kwargs), started)

        return called


def _stepped(generator: Generator[Any, Any, Any], started: Span) -> Generator[Any, Any, Any]:
    """Run *generator* with *started* current inside it only, and end the span with it."""
    inside = trace.set_span_in_context(started)
    resume: Callable[[], Any] = functools.partial(next, generator)
    try:
        while True:
            token = context.attach(inside)
            try:
                value = resume()
            except StopIteration as end:
                _finish(started, None)
                return end.value
            finally:
                inside = context.get_current()  # what the generator itself has attached goes on
                context.detach(token)
            try:
                sent = yield value
            except GeneratorExit:
                token = context.attach(inside)
                try:
                    generator.close()
                finally:
                    context.detach(token)
                _finish(started, None)
                raise
            except BaseException as thrown:  # noqa: BLE001 - passed into the generator, whatever it is
                resume = functools.partial(generator.throw, thrown)
            else:
                resume = functools.partial(generator.send, sent)
    except GeneratorExit:
        raise
    except BaseException as error:
        _finish(started, error)
        raise


async def _stepped_async(
    generator: AsyncGenerator[Any, Any], started: Span
) -> AsyncGenerator[Any, Any]:
    """Run *generator* with *started* current inside it only, and end the span with it."""
    inside = trace.set_span_in_context(started)
    resume: Callable[[], Any] = generator.__anext__
    try:
        while True:
            token = context.attach(inside)
            try:
                value = await resume()
            except StopAsyncIteration:
                _finish(started, None)
                return
            finally:
                inside = context.get_current()
                context.detach(token)
            try:
                sent = yield value
            except GeneratorExit:
                token = context.attach(inside)
                try:
                    await generator.aclose()
                finally:
                    context.detach(token)
                _finish(started, None)
                raise
            except BaseException as thrown:  # noqa: BLE001 - passed into the generator, whatever it is
                resume = functools.partial(generator.athrow, thrown)
            else:
                resume = functools.partial(generator.asend, sent)
    except GeneratorExit:
        raise
    except BaseException as error:
        _finish(started, error)
        raise


def _finish(started: Span, error: BaseException | None) -> None:
    """End *started*; never raises, whatever a provider or an exception's own code does."""
    try:
        if error is not None and started.is_recording():
            _record(started, error)
        started.end()
    except Exception:  # noqa: BLE001 - a foreign provider's fault must not hide the caller's error
        pass


def _record(started: Span, error: BaseException) -> None:
    name = type(error).__name__
    facts = describe(error)
    if name in _NOT_ERRORS:
        started.add_event("cancelled", {"exception.type": facts["exception.type"]})
        return
    started.add_event("exception", facts)
    started.set_attribute("error.type", facts["exception.type"])
    message = facts["exception.message"]
    started.set_status(trace.StatusCode.ERROR, f"{name}: {message}" if message else name)


def _module_of_caller() -> str:
    from otbridge.processors.callsite import caller

    frame = caller()
    return "otbridge" if frame is None else frame.f_globals.get("__name__", "otbridge")


def _plain(value: Any) -> Any:
    """Return *value* as OpenTelemetry takes it; what it would refuse becomes text."""
    if isinstance(value, _PLAIN):
        return value
    if isinstance(value, (list, tuple)) and all(isinstance(item, _PLAIN) for item in value):
        return list(value)
    try:
        return str(value)
    except Exception as broken:  # noqa: BLE001 - a __str__ of the user's
        return f"<{type(value).__name__}: __str__ raised {type(broken).__name__}>"
