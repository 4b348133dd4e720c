"""Whose turn it is: a few questions are answered at a time, some wait, the others come back.

Receivers never wait for questions: these have threads of their own, and a flood of them is turned
away at the door instead of piling up in memory.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeVar

import anyio
import anyio.to_thread
from anyio.lowlevel import RunVar

from otbridge.errors import QueryError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["AT_ONCE", "WAITING", "TooManyQuestions", "in_turn"]

AT_ONCE: Final = 2
"""Questions that are answered at the same time; more would only share the same two or four cores
with those who send."""

WAITING: Final = 32
"""Questions that wait for their turn; each is some kilobytes, and a second old at most."""

_PATIENCE_S: Final = 5.0
"""A question that has waited for so long is asked by somebody who has given up."""

_Answer = TypeVar("_Answer")


class TooManyQuestions(QueryError):  # noqa: N818 - named like its status
    """The hub is asked more than it can answer."""

    def __init__(self) -> None:
        super().__init__(
            "The hub is asked more than it can answer.",
            f"It answers {AT_ONCE} questions at a time, and {WAITING} wait for their turn.",
            "Ask again in a second.",
        )


_turns: RunVar[anyio.CapacityLimiter] = RunVar("otbridge.hub.api.turns")
"""A limiter belongs to one event loop."""


async def in_turn(work: Callable[[], _Answer]) -> _Answer:
    """Return what *work* returns, which runs in a worker thread when its turn has come.

    Raises:
        TooManyQuestions: Too many wait already, or it waited too long.
    """
    limiter = _turns.get(None)
    if limiter is None:
        limiter = anyio.CapacityLimiter(AT_ONCE)
        _turns.set(limiter)
    if limiter.statistics().tasks_waiting >= WAITING:
        raise TooManyQuestions
    # Whoever asks is one borrower, whatever thread or task does the work.
    borrower = object()
    try:
        with anyio.fail_after(_PATIENCE_S):
            await limiter.acquire_on_behalf_of(borrower)
    except TimeoutError:
        raise TooManyQuestions from None
    try:
        return await anyio.to_thread.run_sync(work, limiter=anyio.CapacityLimiter(1))
    finally:
        limiter.release_on_behalf_of(borrower)
