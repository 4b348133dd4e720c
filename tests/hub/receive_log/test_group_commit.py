"""Everybody who waits hears of their own entry, and of nobody else's trouble."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING

import pytest

from otbridge.hub.receive_log.group_commit import GroupCommit
from tests.hub.receive_log.kept import entry, everything, numbers

if TYPE_CHECKING:
    from otbridge.hub.receive_log.entries import Kept
    from otbridge.hub.receive_log.log import ReceiveLog


def test_those_that_are_safe_are_told_in_the_logs_order(log: ReceiveLog) -> None:
    async def scene() -> list[Kept]:
        safe: list[Kept] = []
        commits = GroupCommit(log)
        waiting = [commits.write(entry(number), safe.append, lambda: None) for number in range(50)]
        await asyncio.gather(*waiting)
        commits.close()
        return safe

    assert asyncio.run(scene()) == everything(log)


def test_an_entry_that_cannot_be_written_keeps_no_other_from_it(log: ReceiveLog) -> None:
    refused: list[int] = []

    async def scene() -> list[BaseException | None]:
        commits = GroupCommit(log)
        waiting = []
        for number in range(5):
            one = entry(number)
            if number == 2:
                one = one._replace(key=("page", -1))
            waiting.append(commits.write(one, lambda _: None, partial(refused.append, number)))
        answers = await asyncio.gather(*waiting, return_exceptions=True)
        commits.close()
        return answers

    answers = asyncio.run(scene())
    assert [number for number, answer in enumerate(answers) if answer is not None] == [2]
    assert isinstance(answers[2], OSError)
    assert refused == [2]
    assert numbers(everything(log)) == [0, 1, 3, 4]


def test_what_cannot_be_followed_up_is_acknowledged_all_the_same(log: ReceiveLog) -> None:
    def fails(_: Kept) -> None:
        raise ValueError("a fault of ours")

    async def scene() -> None:
        commits = GroupCommit(log)
        await commits.write(entry(0), fails, lambda: None)
        commits.close()

    asyncio.run(scene())
    assert numbers(everything(log)) == [0]


def test_after_the_end_nothing_is_taken(log: ReceiveLog) -> None:
    async def scene() -> None:
        commits = GroupCommit(log)
        commits.close()
        with pytest.raises(OSError, match="closed"):
            await commits.write(entry(0), lambda _: None, lambda: None)

    asyncio.run(scene())
    assert log.end == 0
