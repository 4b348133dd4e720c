"""Log call to enriched event: structlog processors, one file each, without input or output.

`default()` is for programs that keep their own `structlog.configure`:

    structlog.configure(processors=[*otbridge.processors.default(), structlog.dev.ConsoleRenderer()])
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from otbridge.typing import Processor

__all__ = ["default", "enriching", "finishing", "surrounding", "visiting"]


def enriching(
    *,
    callsite: bool = True,
    redact: bool = True,
    redact_keys: tuple[str, ...] = (),
    baggage_keys: tuple[str, ...] = (),
    attribute_limit: int = 128,
    value_limit: int = 32_768,
) -> list[Processor]:
    """Return the processors that make an event complete, in the order they must run.

    1. `severity`, `trace_context`, `correlation`, `baggage`: who, where, how bad; cheap.
    2. `exceptions` before `redact`, because stack traces hold secrets too.
    3. `limits` before `redact`, so that redaction never reads a text that is thrown away.
    4. `redact` before anything that writes, sends or prints.
    """
    from otbridge.processors.callsite import callsite as add_callsite
    from otbridge.processors.exceptions import exceptions
    from otbridge.processors.severity import severity

    chain: list[Processor] = [severity, *surrounding(baggage_keys=baggage_keys), exceptions]
    if callsite:
        chain.append(add_callsite)
    return chain + finishing(
        redact=redact,
        redact_keys=redact_keys,
        attribute_limit=attribute_limit,
        value_limit=value_limit,
    )


def surrounding(*, baggage_keys: tuple[str, ...] = ()) -> list[Processor]:
    """Return the processors that tell the current context: ids, correlation, baggage."""
    from otbridge.processors.baggage import baggage
    from otbridge.processors.correlation import correlation
    from otbridge.processors.trace_context import trace_context

    chain: list[Processor] = [trace_context, correlation]
    return [*chain, baggage(baggage_keys)] if baggage_keys else chain


def finishing(
    *,
    redact: bool = True,
    redact_keys: tuple[str, ...] = (),
    attribute_limit: int = 128,
    value_limit: int = 32_768,
) -> list[Processor]:
    """Return the processors that every field goes through in the end, wherever it came from."""
    from otbridge.processors.limits import limits
    from otbridge.processors.redact import redact as blank_out

    chain = [limits(attribute_limit, value_limit)]
    return [*chain, blank_out(redact_keys)] if redact else chain


def visiting(
    *,
    redact: bool = True,
    redact_keys: tuple[str, ...] = (),
    baggage_keys: tuple[str, ...] = (),
) -> list[Processor]:
    """Return the processors that change an event in somebody else's chain.

    Few: the ids are worth having on any line, and secrets must be on none. `exc_info` and the rest
    stay as their renderer expects them.
    """
    from otbridge.processors.redact import redact as blank_out

    chain = surrounding(baggage_keys=baggage_keys)
    return [*chain, blank_out(redact_keys)] if redact else chain


def default() -> list[Processor]:
    """Return processors for your own `structlog.configure`; put your renderer after them.

    They merge structlog's context variables, add trace, span and correlation id, blank out
    secrets, and hand the event to otbridge's delivery, with level, exception and call site. What
    comes out for your renderer has the ids, no secrets, and is otherwise yours. What you set with
    `otbridge.configure` is in force here too, also when it is set later.
    """
    from otbridge.processors.handover import Handover, enrich

    return [enrich, Handover()]
