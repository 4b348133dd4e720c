"""Event loops: nobody waits for us in one, and a cancellation goes where it was sent."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

import otbridge
from otbridge.testing import Answer
from otbridge.testing.capture import Captured, capture

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def seen() -> Iterator[Captured]:
    with capture() as captured:
        yield captured


def test_a_cancellation_passes_through_spans_and_leaves_them_ended(seen: Captured) -> None:
    log = otbridge.get_logger("x")

    @otbridge.span("decorated")
    async def decorated() -> None:
        log.info("waiting")
        await asyncio.Event().wait()

    async def work() -> None:
        with otbridge.span("outer"), otbridge.correlation("req-1"):
            async with otbridge.span("inner"):
                await decorated()

    async def main() -> None:
        task = asyncio.create_task(work())
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert task.cancelled()

    asyncio.run(main())
    assert {span.name for span in seen.spans} == {"outer", "inner", "decorated"}
    assert seen.log("waiting").span == seen.span("decorated")


def test_a_cancelled_task_may_log_in_its_last_breath(seen: Captured) -> None:
    async def work() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            otbridge.get_logger("x").exception("cancelled")
            raise

    async def main() -> None:
        task = asyncio.create_task(work())
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert "CancelledError" in str(seen.log("cancelled").attributes)


def test_the_cancellation_of_who_waits_for_a_flush_ends_the_wait_and_not_the_flush(
    programs: Any, receiver: Any, bodies: Any
) -> None:
    receiver.answer_next(replace(Answer.ok(), delay_s=0.5))
    done = programs.run("""
        import asyncio, otbridge

        async def main():
            otbridge.get_logger("x").info("a")
            waiting = asyncio.create_task(asyncio.to_thread(otbridge.flush, 5))
            await asyncio.sleep(0.1)
            waiting.cancel()
            try:
                await waiting
            except asyncio.CancelledError:
                print("cancelled")

        asyncio.run(main())
    """)
    assert (done.stdout, done.stderr) == ("cancelled\n", "")
    assert bodies() == {"a": 1}


def test_a_blocked_event_loop_blocks_no_delivery(programs: Any, receiver: Any, ready: Any) -> None:
    process = programs.start("""
        import asyncio, otbridge, signal

        async def main():
            otbridge.get_logger("x").info("a")
            print("ready", flush=True)
            signal.pause()            # blocks the loop, and everything in it

        asyncio.run(main())
    """)
    ready(process)
    receiver.wait_for(1)
    assert process.poll() is None


def test_logging_never_blocks_a_loop_while_the_receiver_hangs(programs: Any, receiver: Any) -> None:
    receiver.answer_always(Answer.hang())
    done = programs.run(
        """
        import asyncio, otbridge, time
        log = otbridge.get_logger("x")

        async def main():
            log.info("first")
            await asyncio.sleep(0.3)          # the worker is on its way, and stuck
            longest = 0.0
            for number in range(2000):
                begin = time.perf_counter()
                log.info("line")
                longest = max(longest, time.perf_counter() - begin)
            print(longest < 2)                # it would wait for ten seconds, or for its end

        asyncio.run(main())
        """,
        OTBRIDGE_EXIT_TIMEOUT="0.5",
    )
    assert done.stdout == "True\n"


def test_the_end_of_a_loop_by_interrupt_loses_nothing(
    programs: Any, receiver: Any, bodies: Any, ready: Any
) -> None:
    import signal

    process = programs.start("""
        import asyncio, otbridge

        async def main():
            log = otbridge.get_logger("x")
            try:
                log.info("a")
                print("ready", flush=True)
                await asyncio.Event().wait()
            finally:
                log.info("cleaned up")

        asyncio.run(main())
    """)
    ready(process)
    receiver.wait_for(1)
    begin = time.monotonic()
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert time.monotonic() - begin < 15
    assert err.splitlines()[-1] == "KeyboardInterrupt"
    assert bodies() == {"a": 1, "cleaned up": 1}
