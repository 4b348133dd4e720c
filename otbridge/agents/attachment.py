"""Making a context current for a stretch of code, and only there.

OpenTelemetry's own `attach` and `detach` want to be called in one and the same task, and log an
error where they are not; a stream that is read in one task and closed in another is no error.
"""

from __future__ import annotations

import contextvars
import sys
from typing import TYPE_CHECKING, Any, Final

from opentelemetry import context as otel

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType

    from opentelemetry.context import Context

__all__ = ["Attachment", "Stretches"]

_LOG_FIELDS: Final = ("agent", "conversation_id", "tool")


class Attachment:
    """A context and log fields that are current between `enter` and `leave`.

    Args:
        context: What becomes current.
        fields: What structlog's context-local fields become, where the program uses structlog.
    """

    __slots__ = ("_before", "_bound", "_context", "_fields", "_token")

    def __init__(self, context: Context, fields: Mapping[str, str]) -> None:
        self._context = context
        self._fields: dict[str, Any] = dict(fields)
        self._token: Any = None
        self._before: Context | None = None
        self._bound: Mapping[str, contextvars.Token[Any]] = {}

    def enter(self) -> None:
        """Make it current here."""
        self._before = otel.get_current()
        self._token = otel.attach(self._context)
        structlog = _structlog()
        self._bound = structlog.bind_contextvars(**self._fields) if structlog else {}

    def leave(self) -> None:
        """Put back what was current before."""
        for token in self._bound.values():
            _reset(token)
        if not isinstance(self._token, contextvars.Token):
            otel.detach(self._token)  # of a context implementation that is somebody else's
        elif not _reset(self._token) and otel.get_current() is self._context and self._before:
            # Left in another task, into which our context was copied.
            otel.attach(self._before)

    def __enter__(self) -> None:
        self.enter()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.leave()


class Stretches(Attachment):
    """One that is entered again and again, and goes on each time where it stopped.

    That is what the body of a generator expects: what it has made current when it yields is
    current again when it goes on, and never for who reads it.
    """

    __slots__ = ("_outer",)

    def __init__(self, context: Context, fields: Mapping[str, str]) -> None:
        super().__init__(context, fields)
        self._outer: dict[str, Any] = {}

    def enter(self) -> None:
        """Go on where the last stretch stopped."""
        self._outer = _bound_fields()
        super().enter()

    def leave(self) -> None:
        """Put back what was current before; remember what is current now."""
        self._fields = _bound_fields()
        self._bound = {}
        now = otel.get_current()
        super().leave()
        self._context = now
        structlog = _structlog()
        if structlog:
            structlog.unbind_contextvars(*(self._fields.keys() - self._outer.keys()))
            structlog.bind_contextvars(**self._outer)


def _reset(token: contextvars.Token[Any]) -> bool:
    """Undo the setting that gave *token*; False in another task, whose variables are its own."""
    try:
        token.var.reset(token)
    except (ValueError, RuntimeError):
        return False
    return True


def _structlog() -> Any:
    """Return `structlog.contextvars` where the program uses it; importing it would cost 50 ms."""
    return sys.modules.get("structlog.contextvars")


def _bound_fields() -> dict[str, Any]:
    structlog = _structlog()
    if structlog is None:
        return {}
    fields = structlog.get_contextvars()
    return {name: fields[name] for name in _LOG_FIELDS if name in fields}
