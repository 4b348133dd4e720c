"""A correlation id for everything that belongs to one matter, across services.

It is an entry of W3C baggage, so any service that propagates baggage carries it on, ours or not.
"""

from __future__ import annotations

import functools
import inspect
import re
import secrets
from typing import TYPE_CHECKING, Any, Final, TypeVar

from opentelemetry import baggage, context

from otbridge.semconv import CORRELATION_ID

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextvars import Token
    from types import TracebackType

    from opentelemetry.context import Context

__all__ = ["correlation", "current_correlation"]

_Function = TypeVar("_Function", bound="Callable[..., Any]")

_LONGEST: Final = 128
"""Characters; an id is for finding things, and it is paid for on every request."""

_UNFIT: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]+")


def current_correlation() -> str | None:
    """Return the correlation id in force here, or None."""
    value = baggage.get_baggage(CORRELATION_ID)
    return None if value is None else str(value)


class correlation:  # noqa: N801 - used as a function: `with otbridge.correlation("req-123"):`
    """Mark everything inside as belonging to one correlation id.

    A context manager (`with`, also inside `async def`) and a decorator for functions and
    coroutine functions. Every log record inside gets the attribute `correlation.id`; outgoing
    requests carry the id in the `baggage` header.

    Args:
        identifier: The id; a new one is made up when it is left out. Control characters are
            taken out and it is cut at 128 characters, because it may come from a stranger's
            request.
    """

    __slots__ = ("_tokens", "identifier")

    identifier: str
    """The id in force inside; empty before a generated one is entered."""

    def __init__(self, identifier: str | None = None) -> None:
        self.identifier = _UNFIT.sub("", str(identifier))[:_LONGEST] if identifier else ""
        self._tokens: list[Token[Context]] = []

    def __enter__(self) -> str:
        if not self.identifier:
            self.identifier = secrets.token_hex(8)
        self._tokens.append(context.attach(baggage.set_baggage(CORRELATION_ID, self.identifier)))
        return self.identifier

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        context.detach(self._tokens.pop())

    def __call__(self, function: _Function) -> _Function:
        """Run every call of *function* inside; a generated id is new for each call."""
        given = self.identifier or None
        if inspect.iscoroutinefunction(function):

            @functools.wraps(function)
            async def awaited(*args: Any, **kwargs: Any) -> Any:
                with correlation(given):
                    return await function(*args, **kwargs)

            return awaited  # type: ignore[return-value]  # same signature by functools.wraps

        @functools.wraps(function)
        def called(*args: Any, **kwargs: Any) -> Any:
            with correlation(given):
                return function(*args, **kwargs)

        return called  # type: ignore[return-value]  # as above
