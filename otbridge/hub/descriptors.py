"""Gets the hub as many open files as it may need."""

from __future__ import annotations

from typing import Final

__all__ = ["allow_many_files"]

_WANTED: Final = 8192
"""A thousand connections, and some ten for each file of the store: readers, logs, indexes."""


def allow_many_files() -> None:
    """Raise this process's limit of open files to what it needs, as far as the system lets us.

    The usual 1,024 is there for programs that use select(2), which cannot count further; its hard
    limit is meant to be used by all others (systemd's NEWS of version 240).
    """
    try:
        import resource
    except ImportError:
        return  # Windows has no such limit
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _WANTED if hard == resource.RLIM_INFINITY else min(_WANTED, hard)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    except (ValueError, OSError):
        return  # macOS may allow less than it says; the old limit still serves most hubs
