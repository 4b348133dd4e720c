"""Pages that ended before they were full."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["ShortPage"]

_Item = TypeVar("_Item")
_Position = TypeVar("_Position")


class ShortPage(list[_Item], Generic[_Item, _Position]):
    """Some answers, perhaps none, after which looking ended because its time was up.

    A page that is an ordinary list, and has fewer items than were asked for, is the last one.
    """

    def __init__(self, items: Iterable[_Item], next_position: _Position) -> None:
        super().__init__(items)
        self.next_position = next_position
        """Where to go on: everything before it was looked at."""
