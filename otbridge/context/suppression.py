"""Silence for our own work, so that sending telemetry never makes telemetry.

One mark on the context: for a stretch of code, or from a thread's beginning to its end, for the
delivery workers, whose every library call (urllib3, grpc, ssl) would otherwise come back as a
record. What they call has it too, also in tasks and threads that inherit the context.
"""

from __future__ import annotations

import sys
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["SILENT", "is_suppressed", "suppress_this_thread", "suppressed"]

SILENT: Final[ContextVar[bool]] = ContextVar("otbridge_suppressed", default=False)
"""The mark; its `get` is for the hot paths, to which a function around it is a cost."""


def is_suppressed() -> bool:
    """Return whether telemetry made here must be thrown away."""
    return SILENT.get()


def suppress_this_thread() -> None:
    """Silence the calling thread for good; for threads of our own, when they begin."""
    SILENT.set(True)


@contextmanager
def suppressed() -> Iterator[None]:
    """Silence everything inside, also what OpenTelemetry's instrumentations would record."""
    token = SILENT.set(True)
    try:
        with ExitStack() as stack:
            # Where no instrumentation is loaded there is nothing of theirs to silence.
            theirs = sys.modules.get("opentelemetry.instrumentation.utils")
            if theirs is not None:
                stack.enter_context(theirs.suppress_instrumentation())
            yield
    finally:
        SILENT.reset(token)
