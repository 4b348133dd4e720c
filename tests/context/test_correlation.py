from __future__ import annotations

import asyncio
import threading
from typing import Any

from otbridge.context.correlation import correlation, current_correlation
from otbridge.context.propagation import continued, inject


def test_the_id_is_in_force_inside_only() -> None:
    with correlation("req-1") as identifier:
        assert identifier == "req-1" == current_correlation()
    assert current_correlation() is None


def test_an_inner_id_covers_the_outer_one_for_a_while() -> None:
    with correlation("outer"):
        with correlation("inner"):
            assert current_correlation() == "inner"
        assert current_correlation() == "outer"


def test_an_id_is_made_up_where_none_is_given_and_is_new_each_time() -> None:
    with correlation() as first:
        pass
    with correlation() as second:
        pass
    assert len(first) == 16
    assert first != second


def test_control_characters_and_excess_are_taken_from_a_strangers_id() -> None:
    with correlation("a\r\nSet-Cookie: x\u202e" + "y" * 500) as identifier:
        assert identifier.startswith("aSet-Cookie: xy")
        assert len(identifier) == 128


def test_a_decorated_function_gets_a_new_id_for_each_call() -> None:
    @correlation()
    def work() -> Any:
        return current_correlation()

    assert work() != work()
    assert work.__name__ == "work"


def test_a_decorated_coroutine_function_has_it_across_awaits() -> None:
    @correlation("job")
    async def work() -> Any:
        await asyncio.sleep(0)
        return current_correlation()

    assert asyncio.run(work()) == "job"


def test_tasks_inherit_it_and_do_not_disturb_each_other() -> None:
    async def one(name: Any) -> Any:
        with correlation(name):
            await asyncio.sleep(0)
            return current_correlation()

    async def both() -> Any:
        return await asyncio.gather(one("a"), one("b"), asyncio.to_thread(current_correlation))

    with correlation("outer"):
        assert asyncio.run(both()) == ["a", "b", "outer"]


def test_a_bare_thread_starts_without_it() -> None:
    seen = []
    with correlation("x"):
        thread = threading.Thread(target=lambda: seen.append(current_correlation()))
        thread.start()
        thread.join()
    assert seen == [None]


def test_it_travels_in_the_baggage_header() -> None:
    with correlation("req 7/ä"):
        carrier = inject()
    with continued(carrier):
        assert current_correlation() == "req 7/ä"
