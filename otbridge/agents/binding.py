"""Taking the context along to where Python does not: threads, pools, callbacks, processes.

Tasks and `asyncio.to_thread` inherit it; `threading.Thread`, `ThreadPoolExecutor.submit`,
`run_in_executor` and processes do not.
"""

from __future__ import annotations

import contextvars
import functools
import inspect
import sys
from concurrent.futures import Executor
from typing import TYPE_CHECKING, Any, TypeVar, cast

from opentelemetry import context as otel

from otbridge.agents.attachment import Attachment
from otbridge.agents.carriers import carrier, continue_from

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from concurrent.futures import Future

__all__ = ["bind", "executor"]

_Function = TypeVar("_Function", bound="Callable[..., Any]")
_Result = TypeVar("_Result")


def bind(function: _Function) -> _Function:
    """Return *function*, to be called anywhere, as if it were called here.

    It sees the trace, the run and every other context variable as they are now; calls may run at
    the same time. What it sets stays inside the call. A coroutine function sees the trace and the
    run; the rest is its task's.
    """
    here = contextvars.copy_context()
    if inspect.iscoroutinefunction(function):
        context = otel.get_current()

        @functools.wraps(function)
        async def awaited(*args: Any, **kwargs: Any) -> Any:
            with Attachment(context, {}):
                return await function(*args, **kwargs)

        return cast("_Function", awaited)

    @functools.wraps(function)
    def called(*args: Any, **kwargs: Any) -> Any:
        # A context can be entered once at a time only; a copy is cheap.
        return here.copy().run(function, *args, **kwargs)

    return cast("_Function", called)


def executor(pool: Executor) -> Executor:
    """Return *pool* as an executor whose work belongs to whoever submits it.

    Also for `loop.run_in_executor`. Work for a pool of processes takes a carrier along; those
    processes have to configure otbridge themselves, for instance in the pool's `initializer`.
    """
    return _BoundExecutor(pool)


class _BoundExecutor(Executor):
    def __init__(self, pool: Executor) -> None:
        self._pool = pool

    def submit(
        self, function: Callable[..., _Result], /, *args: Any, **kwargs: Any
    ) -> Future[_Result]:
        """Submit a call of *function* to the pool, in the context of the caller."""
        if _is_process_pool(self._pool):
            return self._pool.submit(_continued, carrier("queue"), function, args, kwargs)
        here = contextvars.copy_context()
        return self._pool.submit(here.run, function, *args, **kwargs)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Shut the pool down."""
        self._pool.shutdown(wait, cancel_futures=cancel_futures)


def _is_process_pool(pool: Executor) -> bool:
    # Whoever has such a pool has loaded its module; loading it here would load multiprocessing.
    processes = sys.modules.get("concurrent.futures.process")
    return processes is not None and isinstance(pool, processes.ProcessPoolExecutor)


def _continued(
    came_from: Mapping[str, str],
    function: Callable[..., _Result],
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
) -> _Result:
    with continue_from(came_from):
        return function(*args, **kwargs)
