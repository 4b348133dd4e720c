"""WHERE clauses."""

from __future__ import annotations

from typing import Any

__all__ = ["Conditions"]


class Conditions:
    """A WHERE clause that is put together piece by piece; values only ever go in as parameters."""

    def __init__(self, *always: str) -> None:
        self._sql = list(always)
        self.parameters: list[Any] = []

    def add(self, sql: str, *parameters: Any) -> None:
        """Add a condition that has to hold too."""
        self._sql.append(sql)
        self.parameters += parameters

    def copy(self) -> Conditions:
        """Return one with the same conditions, to add others to."""
        copied = Conditions(*self._sql)
        copied.parameters = self.parameters.copy()
        return copied

    def __str__(self) -> str:
        return " AND ".join(f"({condition})" for condition in self._sql) or "1"
