"""Every verb as a decorator, around every kind of callable."""

from __future__ import annotations

import asyncio
import functools
import gc
import inspect
import json
from typing import TYPE_CHECKING, Any

import pytest
import structlog
from opentelemetry import trace
from opentelemetry.trace import StatusCode

from otbridge import agents
from otbridge.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Callable, Generator, Iterator

    from tests.agents.conftest import Spans


def here() -> str:
    """The name of the current span; empty outside of any."""
    return getattr(trace.get_current_span(), "name", "")


def test_a_function_gets_a_span_per_call_under_its_own_name(spans: Spans) -> None:
    """A bare decorator takes the function's name; the function keeps its own."""

    @agents.tool
    def search(query: str) -> str:
        """Find things."""
        return f"{query} in {here()}"

    assert search("a") == "a in execute_tool search"
    assert search("b") == "b in execute_tool search"
    assert search.__doc__ == "Find things."
    assert spans.names == ["execute_tool search"] * 2


def test_calls_at_the_same_time_do_not_share_a_handle(spans: Spans) -> None:
    """A recursive function gets nested spans."""

    @agents.step("count")
    def count(number: int) -> int:
        return number and 1 + count(number - 1)

    assert count(2) == 2
    ids = [span.context and span.context.span_id for span in spans.all]
    assert [span.parent and span.parent.span_id for span in spans.all] == [*ids[1:], None]


def test_a_coroutine_function_stays_one(spans: Spans) -> None:
    """The span lasts until the coroutine has returned."""

    @agents.agent("planner")
    async def plan() -> str:
        await asyncio.sleep(0)
        return here()

    assert inspect.iscoroutinefunction(plan)
    assert asyncio.run(plan()) == "invoke_agent planner"
    assert spans.names == ["invoke_agent planner"]


def test_a_partial_of_a_coroutine_function_is_spanned_to_its_end(spans: Spans) -> None:
    """What gives a coroutine without looking like it is spanned until that has run."""

    async def work(name: str) -> str:
        await asyncio.sleep(0)
        return f"{name}: {here()}"

    async def fail(name: str) -> None:
        raise KeyError(name)

    decorated = agents.tool("t")(functools.partial(work, "x"))
    assert asyncio.run(decorated()) == "x: execute_tool t"
    with pytest.raises(KeyError):
        asyncio.run(agents.tool("f")(functools.partial(fail, "x"))())
    assert spans.names == ["execute_tool t", "execute_tool f"]
    assert spans["execute_tool f"].status.status_code is StatusCode.ERROR


def test_methods_of_all_kinds(spans: Spans) -> None:
    """Methods, class methods and static methods are decorated like functions."""

    class Searcher:
        def __init__(self) -> None:
            self.found = "it"

        @agents.tool("method", capture_content=True)
        def method(self, query: str) -> str:
            return self.found + query

        @agents.tool
        @classmethod
        def made(cls) -> str:
            return f"{cls.__name__}: {here()}"

        @agents.tool
        @staticmethod
        def alone() -> str:
            return here()

    assert Searcher().method("!") == "it!"
    assert Searcher.made() == "Searcher: execute_tool made"
    assert Searcher.alone() == "execute_tool alone"
    assert spans.names == ["execute_tool method", "execute_tool made", "execute_tool alone"]
    said = spans["execute_tool method"].attributes or {}
    assert json.loads(str(said["gen_ai.tool.call.arguments"])) == {"query": "!"}
    assert json.loads(str(said["gen_ai.tool.call.result"])) == "it!"


def test_a_handles_verb_decorates_for_that_handle(spans: Spans) -> None:
    """Calls of a function decorated by an agent's verb are that agent's children."""
    with agents.agent("planner") as planner:
        search: Callable[[], None] = planner.tool("search")(lambda: None)
    search()

    assert spans.parent("execute_tool search") == "invoke_agent planner"


def test_an_exception_in_a_decorated_function_goes_on(spans: Spans) -> None:
    """The caller gets the function's own exception."""

    @agents.tool
    def search() -> None:
        raise LookupError("nothing")

    with pytest.raises(LookupError, match="nothing"):
        search()
    assert spans["execute_tool search"].status.description == "LookupError: nothing"


def test_a_generator_is_current_inside_and_never_outside(spans: Spans) -> None:
    """The reader of a stream is not in the stream's span, and the body always is."""

    @agents.llm("m")
    def stream() -> Iterator[str]:
        for _ in range(3):
            yield here()

    inside, outside = [], []
    for name in stream():
        inside.append(name)
        outside.append(here())
        assert spans.all == []

    assert inside == ["chat m"] * 3
    assert outside == [""] * 3
    assert spans.names == ["chat m"]


def test_a_span_opened_in_a_generator_waits_there(spans: Spans) -> None:
    """A span that the body holds across a yield is current in the body again, not in the reader."""

    @agents.agent("planner")
    def work() -> Iterator[str]:
        with agents.tool("search"):
            yield here()
            yield here()
        yield here()

    bound = structlog.contextvars.get_contextvars
    assert [(name, here(), bound()) for name in work()] == [
        ("execute_tool search", "", {}),
        ("execute_tool search", "", {}),
        ("invoke_agent planner", "", {}),
    ]
    assert spans.parent("execute_tool search") == "invoke_agent planner"


def test_a_generator_keeps_its_whole_protocol(spans: Spans) -> None:
    """Values sent, exceptions thrown and the value returned go through."""

    @agents.step("talk")
    def talk() -> Generator[Any, Any, str]:
        heard = yield "ready"
        try:
            yield heard
        except KeyError as error:
            yield f"caught {error}"
        return "done"

    stream = talk()
    assert next(stream) == "ready"
    assert stream.send("hello") == "hello"
    assert stream.throw(KeyError("x")) == "caught 'x'"
    with pytest.raises(StopIteration) as stop:
        next(stream)
    assert stop.value.value == "done"
    assert spans["talk"].status.status_code is StatusCode.UNSET


def test_a_stream_that_is_dropped_ends_its_span(spans: Spans) -> None:
    """A reader that stops early, or forgets the stream, closes the span as closed, not failed."""
    cleaned = []

    @agents.step("stream")
    def stream() -> Iterator[int]:
        try:
            yield from range(9)
        finally:
            cleaned.append(here())

    for number in stream():
        if number == 1:
            break
    gc.collect()

    assert cleaned == ["stream"]
    assert spans.attribute("stream", "otbridge.outcome") == "closed"
    assert spans["stream"].status.status_code is StatusCode.UNSET


def test_a_stream_that_was_never_read_has_no_span(spans: Spans) -> None:
    """The span begins with the first item, as the body does."""

    @agents.step("stream")
    def stream() -> Iterator[int]:
        yield 1

    stream()
    gc.collect()

    assert spans.all == []


def test_a_generator_that_fails_fails_its_span(spans: Spans) -> None:
    """An exception out of the body reaches the reader and the span."""

    @agents.step("stream")
    def stream() -> Iterator[int]:
        yield 1
        raise ValueError("torn")

    with pytest.raises(ValueError, match="torn"):
        list(stream())
    assert spans["stream"].status.description == "ValueError: torn"


def test_an_async_generator_is_current_inside_only(spans: Spans) -> None:
    """Async streams behave as plain ones."""

    @agents.llm("m")
    async def stream() -> AsyncIterator[str]:
        with agents.tool("t"):
            await asyncio.sleep(0)
            yield here()
            await asyncio.sleep(0)
            yield here()

    async def read() -> list[tuple[str, str]]:
        return [(name, here()) async for name in stream()]

    assert asyncio.run(read()) == [("execute_tool t", "")] * 2
    assert spans.parent("execute_tool t") == "chat m"


def test_an_async_stream_may_be_closed_in_another_task(spans: Spans) -> None:
    """Reading in one task and closing in another leaves no context behind and logs nothing."""

    @agents.step("stream")
    async def stream() -> AsyncGenerator[int, None]:
        yield 1
        yield 2

    async def read() -> str:
        numbers = stream()

        async def first() -> int:
            return await anext(numbers)

        assert await asyncio.create_task(first()) == 1
        await asyncio.create_task(numbers.aclose())
        return here()

    assert asyncio.run(read()) == ""
    assert spans.attribute("stream", "otbridge.outcome") == "closed"


def test_an_async_generator_keeps_its_whole_protocol(spans: Spans) -> None:
    """Values sent and exceptions thrown reach the body."""

    @agents.step("talk")
    async def talk() -> Any:
        heard = yield "ready"
        try:
            yield heard
        except KeyError:
            yield "caught"
        raise ValueError("torn")

    async def converse() -> None:
        stream = talk()
        assert await anext(stream) == "ready"
        assert await stream.asend("hello") == "hello"
        assert await stream.athrow(KeyError("x")) == "caught"
        with pytest.raises(ValueError, match="torn"):
            await anext(stream)

    asyncio.run(converse())
    assert spans["talk"].status.description == "ValueError: torn"


def test_a_class_is_refused_with_a_sentence() -> None:
    """A class cannot be decorated, and the message says what to decorate instead."""
    with pytest.raises(ConfigurationError, match="Decorate the method"):
        agents.tool(type("Searcher", (), {}))
