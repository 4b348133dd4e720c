"""What the runtime in force does in the turns of its process's life."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from otbridge._configure import parts

if TYPE_CHECKING:
    from collections.abc import Callable

    from otbridge._configure.runtime import Runtime

__all__ = ["ProcessLife"]

_LEAVING_SECONDS: Final = 0.25
"""What `os._exit` is delayed for a receiver that does not answer: a request to one that does takes
a tenth of it."""


class ProcessLife:
    """Implements `otbridge.telemetry.process.Life`.

    Args:
        current: Returns the runtime in force; None where nothing has been recorded yet.
        forked: Called first in a forked child.
    """

    def __init__(
        self, current: Callable[[], Runtime | None], *, forked: Callable[[], None]
    ) -> None:
        self._current = current
        self._forked = forked

    def finish(self) -> None:
        """Deliver what can be delivered in `exit_timeout`; say in one line what was lost."""
        runtime = self._current()
        if runtime is None:
            return
        runtime.finish(runtime.config.exit_timeout)
        loss = runtime.loss()
        if loss:
            parts.report(loss)

    def hurry(self) -> None:
        """Let a `finish` that is under way come to its end now."""
        runtime = self._current()
        if runtime is not None:
            runtime.hurry()

    def secure(self) -> None:
        """Bring what waits to safety, for the end may come without a word."""
        runtime = self._current()
        if runtime is not None:
            runtime.secure()

    def waits(self) -> bool:
        """Return whether anything is in memory, waiting or on its way."""
        runtime = self._current()
        return runtime is not None and runtime.waits()

    def leave(self) -> None:
        """Send or put on disk what is in memory, in a moment; say in one line what was lost."""
        runtime = self._current()
        if runtime is None:
            return
        runtime.leave(_LEAVING_SECONDS)
        loss = runtime.loss()
        if loss:
            parts.report(loss)

    def forked(self) -> None:
        """Begin anew."""
        self._forked()
        runtime = self._current()
        if runtime is not None:
            runtime.forked()
