"""How many log events this thread is inside of.

A value's own `__str__` may log, and what it logs may hold that value again: that must end. A signal
handler may log in the midst of an event, too; so a few levels are allowed.
"""

from __future__ import annotations

import threading
from typing import Final

__all__ = ["enter", "leave"]

_DEEPEST: Final = 4


class _Thread(threading.local):
    depth = 0


_thread: Final = _Thread()


def enter() -> bool:
    """Go one level deeper; False, and no deeper, where that is one too many."""
    depth = _thread.depth
    if depth >= _DEEPEST:
        return False
    _thread.depth = depth + 1
    return True


def leave() -> None:
    """Come back from the level that `enter` went into."""
    _thread.depth -= 1
