from __future__ import annotations

import asyncio
import datetime as dt
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry import trace

import otbridge

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Generator

    from otbridge.testing.capture import Captured

log = otbridge.get_logger(__name__)


def current_name() -> str:
    return str(getattr(trace.get_current_span(), "name", ""))


def test_a_span_is_current_inside_and_children_are_below_it(seen: Captured) -> None:
    with otbridge.span("outer", amount=12):
        with otbridge.span("inner"):
            log.info("deep")
        assert current_name() == "outer"
    outer = seen.span("outer")
    assert outer.attributes["amount"] == 12
    assert seen.children(outer) == [seen.span("inner")]
    assert seen.log("deep").span == seen.span("inner")


def test_its_scope_is_the_module_that_made_it(seen: Captured) -> None:
    with otbridge.span("here"):
        pass
    assert seen.span("here").scope == __name__


def test_an_exception_is_recorded_and_goes_on(seen: Captured) -> None:
    with pytest.raises(ValueError, match="no funds"), otbridge.span("charge"):
        raise ValueError("no funds")
    span = seen.span("charge")
    assert span.error == "ValueError: no funds"
    assert span.events == ("exception",)
    assert span.attributes["error.type"] == "ValueError"


def test_a_cancelled_task_is_not_an_error(seen: Captured) -> None:
    async def work() -> None:
        async with asyncio.timeout(0.01):
            async with otbridge.span("slow"):
                await asyncio.Event().wait()

    with pytest.raises(TimeoutError):
        asyncio.run(work())
    assert seen.span("slow").error is None
    assert seen.span("slow").events == ("cancelled",)


def test_values_of_other_types_are_kept_as_text(seen: Captured) -> None:
    class Broken:
        def __str__(self) -> str:
            raise RuntimeError

    day = dt.date(2026, 11, 20)
    with otbridge.span("s", day=day, items=[1, 2], mixed=[day], none=None, broken=Broken()):
        pass
    attributes = seen.span("s").attributes
    assert attributes["day"] == "2026-11-20"
    assert attributes["items"] == [1, 2]
    assert attributes["mixed"] == "[datetime.date(2026, 11, 20)]"
    assert "__str__ raised RuntimeError" in attributes["broken"]


def test_secrets_in_name_attributes_and_events_do_not_leave(seen: Captured) -> None:
    token = "ghp_" + "a1B2" * 9
    with pytest.raises(ValueError, match="ghp_"), otbridge.span(f"get {token}", password="hunter2"):
        raise ValueError(token)
    assert token not in repr(seen.spans)
    assert "hunter2" not in repr(seen.spans)


def test_a_decorated_function_is_a_span_for_each_call(seen: Captured) -> None:
    @otbridge.span("add", kind_of="sum")
    def add(a: int, b: int = 1) -> int:
        """Add."""
        return a + b

    assert (add(1), add(2, b=3)) == (2, 5)
    assert (add.__name__, add.__doc__) == ("add", "Add.")
    assert [span.name for span in seen.spans] == ["add", "add"]
    assert seen.spans[0].attributes["kind_of"] == "sum"
    assert seen.spans[0].trace_id != seen.spans[1].trace_id


def test_a_bare_decorator_names_the_span_after_the_function(seen: Captured) -> None:
    @otbridge.span
    def work() -> str:
        return current_name()

    assert work().endswith("work")
    assert seen.spans[0].name.endswith("<locals>.work")


def test_a_decorated_method_gets_its_self(seen: Captured) -> None:
    class Shop:
        @otbridge.span("order")
        def order(self, n: int) -> tuple[Shop, int]:
            return self, n

    shop = Shop()
    assert shop.order(3) == (shop, 3)


def test_a_decorated_coroutine_function_is_a_span_across_awaits(seen: Captured) -> None:
    @otbridge.span("fetch")
    async def fetch(n: int) -> str:
        await asyncio.sleep(0)
        return f"{current_name()} {n}"

    async def both() -> tuple[str, str]:
        with otbridge.span("both"):
            one, two = await asyncio.gather(fetch(1), fetch(2))
            return one, two

    assert asyncio.run(both()) == ("fetch 1", "fetch 2")
    assert len(seen.children(seen.span("both"))) == 2


def test_recursion_and_reentry_keep_their_parents(seen: Captured) -> None:
    @otbridge.span("down")
    def down(n: int) -> None:
        if n:
            down(n - 1)

    down(2)
    deepest, middle, top = seen.spans
    assert (deepest.parent_id, middle.parent_id) == (middle.span_id, top.span_id)


def test_a_generators_span_is_current_in_its_own_code_only(seen: Captured) -> None:
    @otbridge.span("count")
    def count() -> Generator[str]:
        for _ in range(2):
            with otbridge.span("step"):
                yield current_name()

    with otbridge.span("consumer"):
        for name in count():
            assert name == "step"
            assert current_name() == "consumer"
    counted = seen.span("count")
    assert counted.parent_id == seen.span("consumer").span_id
    assert len(seen.children(counted)) == 2


def test_a_generator_passes_on_what_is_sent_thrown_and_returned(seen: Captured) -> None:
    @otbridge.span("talk")
    def talk() -> Generator[Any, Any, str]:
        got = yield 1
        try:
            yield got
        except KeyError:
            yield "caught"
        return "end"

    generator = talk()
    assert next(generator) == 1
    assert generator.send("x") == "x"
    assert generator.throw(KeyError("k")) == "caught"
    with pytest.raises(StopIteration) as end:
        next(generator)
    assert end.value.value == "end"
    assert seen.span("talk").error is None


def test_a_generator_that_is_closed_early_ends_its_span_and_runs_its_cleanup(
    seen: Captured,
) -> None:
    cleaned = []

    @otbridge.span("count")
    def count() -> Generator[int]:
        try:
            yield from range(10)
        finally:
            cleaned.append(current_name())

    generator = count()
    next(generator)
    generator.close()
    assert cleaned == ["count"]
    assert seen.span("count").error is None


def test_a_generator_that_fails_marks_its_span(seen: Captured) -> None:
    @otbridge.span("count")
    def count() -> Generator[int]:
        yield 1
        raise ValueError("bad")

    with pytest.raises(ValueError, match="bad"):
        list(count())
    assert seen.span("count").error == "ValueError: bad"


def test_an_asynchronous_generators_span_does_not_leak_either(seen: Captured) -> None:
    @otbridge.span("stream")
    async def stream() -> AsyncGenerator[str]:
        for _ in range(2):
            await asyncio.sleep(0)
            yield current_name()

    async def consume() -> list[tuple[str, str]]:
        return [(name, current_name()) async for name in stream()]

    assert asyncio.run(consume()) == [("stream", "")] * 2
    assert seen.span("stream").error is None


def test_an_asynchronous_generator_closed_in_another_task_ends_its_span(
    seen: Captured, caplog: pytest.LogCaptureFixture
) -> None:
    @otbridge.span("stream")
    async def stream() -> AsyncGenerator[int]:
        yield 1
        yield 2

    async def consume() -> None:
        generator = stream()
        await anext(generator)
        await asyncio.create_task(generator.aclose())

    asyncio.run(consume())
    assert seen.span("stream").error is None
    assert "detach" not in caplog.text
