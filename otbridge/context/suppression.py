"""Silence for our own work, so that sending telemetry never makes telemetry.

Two marks: one on the context, for a stretch of code, and one on the thread, for the delivery
workers, whose every library call (urllib3, grpc, ssl) would otherwise come back as a record.
"""

from __future__ import annotations

import sys
import threading
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["is_suppressed", "suppress_this_thread", "suppressed"]

_context: Final[ContextVar[bool]] = ContextVar("otbridge_suppressed", default=False)


class _Thread(threading.local):
    silent = False


_thread: Final = _Thread()


def is_suppressed() -> bool:
    """Return whether telemetry made here must be thrown away."""
    return _thread.silent or _context.get()


def suppress_this_thread() -> None:
    """Silence the calling thread for good; for threads of our own."""
    _thread.silent = True


@contextmanager
def suppressed() -> Iterator[None]:
    """Silence everything inside, also what OpenTelemetry's instrumentations would record."""
    token = _context.set(True)
    try:
        with ExitStack() as stack:
            # Where no instrumentation is loaded there is nothing of theirs to silence.
            theirs = sys.modules.get("opentelemetry.instrumentation.utils")
            if theirs is not None:
                stack.enter_context(theirs.suppress_instrumentation())
            yield
    finally:
        _context.reset(token)
