"""A few questions are answered at a time, some wait, and the others are told to come back."""

from __future__ import annotations

import asyncio
import threading

import pytest

from otbridge.hub.api.turns import AT_ONCE, WAITING, TooManyQuestions, in_turn
from otbridge.hub.store import QueryTooSlow
from otbridge.hub.store.budget import left_s, within


def test_more_questions_than_may_wait_are_turned_away_and_the_others_answered() -> None:
    let_go = threading.Event()
    running: list[int] = []
    begun = threading.Semaphore(0)

    def slow() -> str:
        running.append(1)
        begun.release()
        let_go.wait()
        return "answer"

    async def flood() -> tuple[list[str], int]:
        asked = [asyncio.create_task(in_turn(slow)) for _ in range(AT_ONCE + WAITING)]
        for _ in range(AT_ONCE):
            await asyncio.to_thread(begun.acquire)
        with pytest.raises(TooManyQuestions):
            await in_turn(slow)
        at_once = len(running)
        let_go.set()
        return await asyncio.gather(*asked), at_once

    answers, at_once = asyncio.run(flood())
    assert at_once == AT_ONCE
    assert answers == ["answer"] * (AT_ONCE + WAITING)


def test_a_question_that_fails_gives_its_turn_back() -> None:
    def broken() -> None:
        raise ValueError

    async def ask() -> str:
        for _ in range(AT_ONCE + 1):
            with pytest.raises(ValueError):
                await in_turn(broken)
        return await in_turn(lambda: "answer")

    assert asyncio.run(ask()) == "answer"


def test_a_question_in_pieces_has_one_budget_for_all() -> None:
    assert left_s(2.0) == 2.0
    with within(1.0):
        assert 0 < left_s(2.0) <= 1.0
        assert left_s(0.5) == 0.5
    with within(0.0), pytest.raises(QueryTooSlow):
        left_s(2.0)
    assert left_s(2.0) == 2.0
