"""The clock that goes only when told to."""

from __future__ import annotations

import threading

import pytest

from otbridge.testing import FakeClock


def test_time_passes_only_when_it_is_advanced() -> None:
    clock = FakeClock(start_ns=1_000)
    assert (clock.time_ns(), clock.monotonic()) == (1_000, 0.0)
    clock.advance(1.5)
    assert (clock.time_ns(), clock.monotonic()) == (1_500_001_000, 1.5)


class Waiter:
    """Waits in a thread of its own."""

    def __init__(self, clock: FakeClock, event: threading.Event, timeout: float | None) -> None:
        self._answer: list[bool] = []
        self._thread = threading.Thread(
            target=lambda: self._answer.append(clock.wait(event, timeout))
        )
        self._thread.start()
        clock.wait_for_waiter(lambda seconds: seconds == timeout)

    def answer(self) -> bool:
        self._thread.join(5)
        return self._answer[0]


def test_a_wait_ends_when_the_clock_was_advanced_far_enough() -> None:
    clock = FakeClock()
    waiter = Waiter(clock, threading.Event(), 10)
    clock.advance(9.9)
    clock.wait_for_waiter()
    clock.advance(0.1)
    assert waiter.answer() is False


def test_a_wait_ends_when_its_event_is_set() -> None:
    clock, event = FakeClock(), threading.Event()
    waiter = Waiter(clock, event, None)
    event.set()
    assert waiter.answer() is True


def test_a_skipping_clock_advances_by_itself_and_remembers() -> None:
    clock = FakeClock(skips=True)
    assert clock.wait(threading.Event(), 3.0) is False
    assert (clock.monotonic(), clock.waited) == (3.0, [3.0])


def test_an_event_that_is_set_takes_no_time() -> None:
    clock, event = FakeClock(skips=True), threading.Event()
    event.set()
    assert clock.wait(event, 3.0) is True
    assert clock.monotonic() == 0.0


def test_waiting_in_vain_for_a_waiter_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("otbridge.testing.clock._REAL_SECONDS", 0.01)
    with pytest.raises(TimeoutError, match="Nobody waits"):
        FakeClock().wait_for_waiter()
