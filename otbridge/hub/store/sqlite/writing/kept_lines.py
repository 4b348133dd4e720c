"""Lines of a table that are changed again and again: kept in memory, written down once a commit."""

from __future__ import annotations

from collections.abc import Hashable
from typing import TYPE_CHECKING, Any, Final, Generic, Protocol, TypeVar

if TYPE_CHECKING:
    import sqlite3

__all__ = ["KeptLines"]

_KEPT: Final = 8_192
"""Lines kept in memory between commits, a few hundred bytes each."""


class Line(Protocol):
    """What is known of a line."""

    number: int
    """Its Id."""

    def columns(self) -> tuple[Any, ...]:
        """Return the parameters of the statement that writes it down."""
        ...


_Key = TypeVar("_Key", bound=Hashable)
_Line = TypeVar("_Line", bound=Line)


class KeptLines(Generic[_Key, _Line]):
    """The lines that one file's writer has in memory, within the transaction that is open.

    Args:
        db: The file's writing connection.
        update: The statement that writes a line down.
    """

    def __init__(self, db: sqlite3.Connection, update: str) -> None:
        self._db = db
        self._update = update
        self.known: dict[_Key, _Line] = {}
        """Those in memory; who looks one up in the file puts it here."""
        self._changed: dict[int, _Line] = {}

    def change(self, line: _Line) -> None:
        """Have *line* written down with the rest."""
        self._changed[line.number] = line

    def save(self) -> None:
        """Write down what has changed."""
        if self._changed:
            self._db.executemany(self._update, [line.columns() for line in self._changed.values()])
            self._changed.clear()
        if len(self.known) > _KEPT:
            self.known.clear()

    def forget(self) -> None:
        """Forget what was not saved, and what may be rolled back."""
        self.known.clear()
        self._changed.clear()
