"""Keeps one large request from making the hub large for the rest of its life."""

from __future__ import annotations

import sys
from typing import Final

__all__ = ["return_large_blocks"]

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
