"""What the runtime in force does in the turns of its process's life."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otbridge._configure import parts

if TYPE_CHECKING:
    from collections.abc import Callable

    from otbridge._configure.runtime import Runtime

__all__ = ["ProcessLife"]


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

    def forked(self) -> None:
        """Begin anew."""
        self._forked()
        runtime = self._current()
        if runtime is not None:
            runtime.forked()
