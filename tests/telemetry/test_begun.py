"""The book of open spans has those that are open, all of them, and not much more."""

from __future__ import annotations

import gc
import threading
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

from hypothesis import given
from hypothesis import strategies as st

from otbridge.telemetry import begun
from otbridge.telemetry.begun import BegunSpans
from otbridge.wire.otlp_request import Envelope

if TYPE_CHECKING:
    import pytest

ENVELOPE = Envelope.of({"service.name": "x"}, "s")


class Work:
    """What the book sees of a span."""

    def __init__(self, number: int = 0) -> None:
        self.number = number
        self.end_time: int | None = None


def numbers(book: BegunSpans) -> list[int]:
    return [span.number for span, _ in book.open()]


@given(st.lists(st.one_of(st.just("begin"), st.integers(0, 400)), max_size=600))
def test_it_has_what_is_open_in_the_order_in_which_it_began(steps: list[Any]) -> None:
    book = BegunSpans()
    spans: list[Work] = []
    for step in steps:
        if step == "begin" or step >= len(spans):
            spans.append(Work(len(spans)))
            book.add(spans[-1], ENVELOPE)
        else:
            spans[step].end_time = 1
    assert numbers(book) == [span.number for span in spans if span.end_time is None]


def test_spans_that_have_ended_are_let_go() -> None:
    book = BegunSpans()
    held: WeakSet[Work] = WeakSet()
    for number in range(10_000):
        span = Work(number)
        held.add(span)
        book.add(span, ENVELOPE)
        span.end_time = 1
        del span
        assert len(held) <= begun._YOUNG
    book.open()
    gc.collect()
    assert not held


def test_many_that_are_open_at_a_time_and_end_leave_nothing_behind() -> None:
    book = BegunSpans()
    spans: list[Work] = []
    for number in range(20_000):
        spans.append(Work(number))
        book.add(spans[-1], ENVELOPE)
        if len(spans) > 500:
            spans.pop(0).end_time = 1
        assert len(book._lasting) <= 2 * (500 + 2 * begun._YOUNG)
    assert numbers(book) == [span.number for span in spans]


def test_beyond_the_limit_the_oldest_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(begun, "_MOST_LASTING", 300)
    book = BegunSpans()
    spans = [Work(number) for number in range(1000)]
    for span in spans:
        book.add(span, ENVELOPE)
    assert numbers(book) == list(range(300))
    for span in spans:
        span.end_time = 1
    late = Work(1000)
    book.add(late, ENVELOPE)
    assert numbers(book) == [1000]


def test_threads_that_begin_spans_at_the_same_time_lose_none() -> None:
    book = BegunSpans()
    spans = [[Work(part * 2_000 + each) for each in range(2_000)] for part in range(4)]

    def begin(mine: list[Work]) -> None:
        for span in mine:
            book.add(span, ENVELOPE)
            if span.number % 50:
                span.end_time = 1

    threads = [threading.Thread(target=begin, args=(mine,)) for mine in spans]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        book.open()
    wanted = [span.number for mine in spans for span in mine if span.end_time is None]
    assert sorted(numbers(book)) == wanted
