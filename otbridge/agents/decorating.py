"""Functions, coroutines and streams, each call in a span of its own."""

from __future__ import annotations

import functools
import inspect
from typing import TYPE_CHECKING, Any, TypeVar, cast

from otbridge.agents.handle import guarded
from otbridge.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Coroutine, Generator

    from otbridge.agents.attachment import Attachment
    from otbridge.agents.handle import Handle

__all__ = ["decorated"]

_Function = TypeVar("_Function", bound="Callable[..., Any]")


def decorated(fresh: Callable[[], Handle], function: _Function) -> _Function:
    """Return *function* with every call inside a handle that *fresh* gives.

    Raises:
        ConfigurationError: *function* is a class, or nothing that can be called.
    """
    if isinstance(function, staticmethod | classmethod):
        inner = decorated(fresh, function.__func__)
        return cast("_Function", type(function)(inner))
    if inspect.isclass(function) or not callable(function):
        raise ConfigurationError(
            f"{function!r} cannot be decorated as an agent's work.",
            "A span is put around each call of a function or method.",
            "Decorate the method that does the work instead.",
        )
    wrap = _wrapper(function)
    return cast("_Function", functools.wraps(function)(wrap(fresh, function)))


def _wrapper(function: Any) -> Callable[[Callable[[], Handle], Any], Any]:
    if inspect.isasyncgenfunction(function):
        return _async_generator
    if inspect.isgeneratorfunction(function):
        return _generator
    if inspect.iscoroutinefunction(function):
        return _coroutine
    return _plain


def _plain(fresh: Callable[[], Handle], function: Any) -> Any:
    def called(*args: Any, **kwargs: Any) -> Any:
        handle = fresh().start()
        inside = handle.attached()
        try:
            with inside:
                guarded(handle._called)(function, args, kwargs)  # noqa: SLF001 - its decorator half
                value = function(*args, **kwargs)
        except BaseException as error:
            handle.end(error)
            raise
        if inspect.iscoroutine(value):
            # A plain function that gives a coroutine (functools.partial, another decorator): the
            # work is still to come, so the span stays open for it.
            return _awaited(handle, inside, value)
        guarded(handle._returned)(value)  # noqa: SLF001 - as above
        handle.end()
        return value

    return called


async def _awaited(handle: Handle, inside: Attachment, coroutine: Coroutine[Any, Any, Any]) -> Any:
    try:
        with inside:
            value = await coroutine
    except BaseException as error:
        handle.end(error)
        raise
    guarded(handle._returned)(value)  # noqa: SLF001 - its decorator half
    handle.end()
    return value


def _coroutine(fresh: Callable[[], Handle], function: Any) -> Any:
    async def called(*args: Any, **kwargs: Any) -> Any:
        handle = fresh()
        with handle:
            guarded(handle._called)(function, args, kwargs)  # noqa: SLF001 - its decorator half
            value = await function(*args, **kwargs)
            guarded(handle._returned)(value)  # noqa: SLF001 - as above
            return value

    return called


def _generator(fresh: Callable[[], Handle], function: Any) -> Any:
    def called(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
        handle = fresh().start()
        guarded(handle._called)(function, args, kwargs)  # noqa: SLF001 - its decorator half
        inside = handle.stretches()
        body = function(*args, **kwargs)
        step, value = body.send, None
        try:
            while True:
                with inside:
                    item = step(value)
                try:
                    step, value = body.send, (yield item)
                except GeneratorExit:
                    with inside:
                        body.close()
                    raise
                except BaseException as thrown:  # noqa: BLE001 - goes into the body, as it would
                    step, value = body.throw, thrown
        except StopIteration as stop:
            handle.end()
            return stop.value
        except BaseException as error:
            handle.end(error)
            raise

    return called


def _async_generator(fresh: Callable[[], Handle], function: Any) -> Any:
    async def called(*args: Any, **kwargs: Any) -> AsyncGenerator[Any, Any]:
        handle = fresh().start()
        guarded(handle._called)(function, args, kwargs)  # noqa: SLF001 - its decorator half
        inside = handle.stretches()
        body = function(*args, **kwargs)
        step, value = body.asend, None
        try:
            while True:
                with inside:
                    item = await step(value)
                try:
                    step, value = body.asend, (yield item)
                except GeneratorExit:
                    with inside:
                        await body.aclose()
                    raise
                except BaseException as thrown:  # noqa: BLE001 - goes into the body, as it would
                    step, value = body.athrow, thrown
        except StopAsyncIteration:
            handle.end()
        except BaseException as error:
            handle.end(error)
            raise

    return called
