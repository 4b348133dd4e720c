"""How long the question may still take that is being answered.

One question to the hub may be several to the store. Each of those has a budget of its own, and all
of them together have another, which travels with the context of whoever asks. A page that is looked
for record by record ends before that, with what was found.
"""

from __future__ import annotations

import time
from contextlib import contextmanager
from contextvars import ContextVar
from math import inf
from typing import TYPE_CHECKING

from otbridge.hub.store import QueryTooSlow

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["PAGE_S", "left_s", "page_time", "within"]

PAGE_S = 1.0
"""Seconds after which a page ends, with what was found: one that begins is worth more than one that
is full. Half of a question's own budget, so that a last step has time to end."""

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


def page_time() -> Callable[[], bool]:
    """Return who tells whether a page that begins now has to end.

    Raises:
        QueryTooSlow: No time is left at all.
    """
    deadline = time.monotonic() + left_s(2 * PAGE_S) / 2
    return lambda: time.monotonic() > deadline
