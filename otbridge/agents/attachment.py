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

__all__ = ["Attachment"]

_LOG_FIELDS: Final = ("agent", "conversation_id", "tool")


class Attachment:
    """A context and log fields that are current between `enter` and `leave`.

    May be entered again and again, one stretch at a time: it goes on where the last stretch
    stopped, as the body of a generator expects after each `yield`.

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
        self._bound = _bind(self._fields)

    def leave(self) -> None:
        """Put back what was current before; remember what it has become meanwhile."""
        mine = self._context
        self._context = otel.get_current()
        self._fields = _bound_fields() or self._fields
        _unbind(self._bound)
        token, self._token = self._token, None
        if not isinstance(token, contextvars.Token):  # a context implementation of somebody else's
            otel.detach(token)
            return
        try:
            token.var.reset(token)
        except (ValueError, RuntimeError):
            # Left in another task than it was entered in. If that one still has our context (it
            # was copied there), put back what was before; otherwise it is none of our business.
            if otel.get_current() is mine and self._before is not None:
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


def _structlog() -> Any:
    """Return `structlog.contextvars` where the program uses it; importing it would cost 50 ms."""
    return sys.modules.get("structlog.contextvars")


def _bind(fields: Mapping[str, Any]) -> Mapping[str, contextvars.Token[Any]]:
    module = _structlog()
    if module is None or not fields:
        return {}
    bound: Mapping[str, contextvars.Token[Any]] = module.bind_contextvars(**fields)
    return bound


def _bound_fields() -> dict[str, Any]:
    module = _structlog()
    if module is None:
        return {}
    fields = module.get_contextvars()
    return {name: fields[name] for name in _LOG_FIELDS if name in fields}


def _unbind(bound: Mapping[str, contextvars.Token[Any]]) -> None:
    for token in bound.values():
        try:
            token.var.reset(token)
        except (ValueError, RuntimeError):
            continue  # bound in another task: that task's fields end with it
