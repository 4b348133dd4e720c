"""structlog's context variables, at the price of a glance where none are bound."""

from __future__ import annotations

from contextvars import copy_context
from typing import TYPE_CHECKING, Any, Final

from structlog.contextvars import STRUCTLOG_KEY_PREFIX, merge_contextvars

if TYPE_CHECKING:
    from contextvars import ContextVar

__all__ = ["OTHERS", "with_bound"]

_MOST_CACHED: Final = 1024

OTHERS: Final[set[ContextVar[Any]]] = set()
"""Variables that are known not to be structlog's. They live at module level and are few; the set
holds on to them, so it is emptied where a program makes them by the thousand."""


def with_bound(fields: dict[str, Any]) -> dict[str, Any]:
    """Return *fields* and what `structlog.contextvars` has bound; the same object without any."""
    if OTHERS.issuperset(copy_context()):
        return fields
    for variable in copy_context():
        if variable not in OTHERS:
            if variable.name.startswith(STRUCTLOG_KEY_PREFIX):
                return dict(merge_contextvars(None, "", {**fields}))
            if len(OTHERS) >= _MOST_CACHED:
                OTHERS.clear()
            OTHERS.add(variable)
    return fields
