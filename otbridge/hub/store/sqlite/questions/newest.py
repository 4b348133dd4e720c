"""Merges what several days' files have, newest first, and opens a file only when its turn comes.

The newest fifty of anything are nearly always in one file; the other files' search for theirs
would be for nothing.
"""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

__all__ = ["Source", "newest_first"]

_Item = TypeVar("_Item")


class Source(NamedTuple):
    """What one file has, and a place in the order that nothing in it comes before."""

    newest: Any
    items: Iterable[Any]
    """Newest first; not begun before everything newer than `newest` was taken."""


def newest_first(sources: Iterable[Source], place: Callable[[_Item], Any]) -> Iterator[_Item]:
    """Yield the items of all *sources*, largest *place* first."""
    waiting = [_waiting(source, place) for source in sources]
    for _, item in heapq.merge(*waiting, key=lambda pair: pair[0], reverse=True):
        if item is not None:
            yield item


def _waiting(source: Source, place: Callable[[Any], Any]) -> Iterator[tuple[Any, Any]]:
    """Yield the source's bound first, with no item, and then its items."""
    yield source.newest, None
    for item in source.items:
        yield place(item), item
