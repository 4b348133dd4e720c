"""How the hub's process handles memory: large blocks go back at once, garbage is sought rarely."""

from __future__ import annotations

import gc
import sys
from typing import Final

__all__ = ["collect_rarely", "return_large_blocks"]

_M_TRIM_THRESHOLD: Final = -1
_M_MMAP_THRESHOLD: Final = -3
_LARGE: Final = 64 << 10


def return_large_blocks() -> None:
    """Have glibc give blocks of 64 KiB and more back to the system as soon as they are free.

    By itself it learns to keep blocks of up to 32 MiB for later (mallopt(3), M_MMAP_THRESHOLD):
    measured, a hub that had once inflated 64 MiB stayed at 130 MB, and goes back to 65 MB so.
    Where the C library is another one, nothing happens.
    """
    if sys.platform != "linux":
        return
    import ctypes

    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return  # not glibc
    mallopt(_M_MMAP_THRESHOLD, _LARGE)
    mallopt(_M_TRIM_THRESHOLD, 2 * _LARGE)


_NEW_OBJECTS: Final = 50_000
"""New objects that make Python look for cycles among them; some three batches of 512 spans."""


def collect_rarely() -> None:
    """Have Python look for cycles of objects less often than by itself.

    Batches are tens of thousands of objects without cycles that are given back as soon as they are
    stored. Python looks through new objects after every 700: measured, 2 of 26 µs a span.
    What was loaded by now stays, and is not looked through again.
    """
    gc.freeze()
    gc.set_threshold(_NEW_OBJECTS, 20, 20)
