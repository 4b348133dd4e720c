"""Taking the context along to threads, pools and processes."""

from __future__ import annotations

import asyncio
import multiprocessing
import threading
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextvars import ContextVar
from typing import TYPE_CHECKING

import structlog
from opentelemetry import baggage, trace

from otbridge import agents

if TYPE_CHECKING:
    from tests.agents.conftest import Spans

_mine: ContextVar[str] = ContextVar("mine", default="unset")


def test_a_bound_function_runs_as_if_it_were_called_here(spans: Spans) -> None:
    """A thread sees the trace, the log fields and the caller's own context variables."""
    seen: list[object] = []

    def work() -> None:
        seen.extend((trace.get_current_span(), _mine.get(), agents.current()))
        seen.append(structlog.contextvars.get_contextvars())

    token = _mine.set("set")
    with agents.agent("planner") as planner:
        thread = threading.Thread(target=agents.bind(work))
    _mine.reset(token)
    thread.start()
    thread.join()

    assert seen == [planner.span, "set", planner, {"agent": "planner"}]
    assert spans.names == ["invoke_agent planner"]


def test_bound_calls_may_run_at_the_same_time(spans: Spans) -> None:
    """One bound function in many threads at once, each with a context of its own."""
    everybody_in = threading.Barrier(4)

    def work() -> str:
        with agents.tool("t") as tool:
            everybody_in.wait()
            return tool.trace_id

    with agents.agent("planner") as planner, ThreadPoolExecutor(4) as pool:
        bound = agents.bind(work)
        ids = {future.result() for future in [pool.submit(bound) for _ in range(4)]}

    assert ids == {planner.trace_id}
    assert len(spans.all) == 5


def test_a_bound_coroutine_function_sees_the_trace_in_any_task(spans: Spans) -> None:
    """A long-lived task that runs somebody's work does it in that somebody's trace."""

    async def work() -> object:
        await asyncio.sleep(0)
        return trace.get_current_span()

    with agents.agent("planner") as planner:
        bound = agents.bind(work)

    assert asyncio.run(bound()) is planner.span
    assert spans.names == ["invoke_agent planner"]


def test_work_in_a_wrapped_pool_belongs_to_who_submits_it(spans: Spans) -> None:
    """`submit`, `map` and `run_in_executor` take the context along."""

    def work(_: object = None) -> object:
        return trace.get_current_span()

    async def run(pool: ThreadPoolExecutor) -> object:
        return await asyncio.get_running_loop().run_in_executor(agents.executor(pool), work)

    with ThreadPoolExecutor(2) as pool:
        bound = agents.executor(pool)
        with agents.agent("planner") as planner:
            assert bound.submit(work).result() is planner.span
            assert list(bound.map(work, [1, 2])) == [planner.span] * 2
            assert asyncio.run(run(pool)) is planner.span
        assert bound.submit(work).result() is trace.INVALID_SPAN
        bound.shutdown()
    assert spans.names == ["invoke_agent planner"]


def remote_trace() -> tuple[str, object]:
    """The trace id and the agents that a pool's process is working for."""
    context = trace.get_current_span().get_span_context()
    return trace.format_trace_id(context.trace_id), baggage.get_baggage("otbridge.agent.path")


def test_work_in_a_pool_of_processes_takes_a_carrier_along(spans: Spans) -> None:
    """Another process goes on in the same trace."""
    pool = ProcessPoolExecutor(1, multiprocessing.get_context("spawn"))
    with agents.executor(pool) as bound, agents.agent("planner") as planner:
        assert bound.submit(remote_trace).result() == (planner.trace_id, "planner")
    assert spans.names == ["invoke_agent planner"]
