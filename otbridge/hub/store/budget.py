"""How long the question may still take that is being answered.

One question to the hub may be several to the store. Each of those has a budget of its own, and all
of them together have another, which travels with the context of whoever asks.
"""

from __future__ import annotations

import time
from contextlib import contextmanager
from contextvars import ContextVar
from math import inf
from typing import TYPE_CHECKING

from otbridge.hub.store import QueryTooSlow

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["left_s", "within"]

_deadline: ContextVar[float] = ContextVar("otbridge.hub.question_deadline", default=inf)


@contextmanager
def within(budget_s: float) -> Iterator[None]:
    """Let all questions to the store that are asked here take so many seconds together."""
    token = _deadline.set(time.monotonic() + budget_s)
    try:
        yield
    finally:
        _deadline.reset(token)


def left_s(budget_s: float) -> float:
    """Return how long a question with this budget of its own may take.

    Raises:
        QueryTooSlow: No time is left.
    """
    left = _deadline.get() - time.monotonic()
    if left <= 0:
        raise QueryTooSlow(
            "The answer takes too long.",
            "It is put together from many pieces, and not all of them were there in time.",
            "Ask for a smaller page, or narrow it.",
        )
    return min(budget_s, left)
