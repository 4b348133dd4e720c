"""Log call to enriched event: structlog processors, one file each, without input or output.

`default()` is for programs that keep their own `structlog.configure`:

    structlog.configure(processors=[*otbridge.processors.default(), structlog.dev.ConsoleRenderer()])
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from otbridge.typing import Processor

__all__ = ["default", "enriching", "visiting"]


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
    from otbridge.processors import baggage as baggage_file
    from otbridge.processors import callsite as callsite_file
    from otbridge.processors import limits as limits_file
    from otbridge.processors import redact as redact_file
    from otbridge.processors.correlation import correlation
    from otbridge.processors.exceptions import exceptions
    from otbridge.processors.severity import severity
    from otbridge.processors.trace_context import trace_context

    chain: list[Processor] = [severity, trace_context, correlation]
    if baggage_keys:
        chain.append(baggage_file.baggage(baggage_keys))
    chain.append(exceptions)
    if callsite:
        chain.append(callsite_file.callsite)
    chain.append(limits_file.limits(attribute_limit, value_limit))
    if redact:
        chain.append(redact_file.redact(redact_keys))
    return chain


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
    from otbridge.processors import baggage as baggage_file
    from otbridge.processors import redact as redact_file
    from otbridge.processors.correlation import correlation
    from otbridge.processors.trace_context import trace_context

    chain: list[Processor] = [trace_context, correlation]
    if baggage_keys:
        chain.append(baggage_file.baggage(baggage_keys))
    if redact:
        chain.append(redact_file.redact(redact_keys))
    return chain


def default() -> list[Processor]:
    """Return processors for your own `structlog.configure`; put your renderer after them.

    They merge structlog's context variables, add trace, span and correlation id, blank out
    secrets, and hand the event to otbridge's delivery, with level, exception and call site. What
    comes out for your renderer has the ids, no secrets, and is otherwise yours. What you set with
    `otbridge.configure` is in force here too, also when it is set later.
    """
    from otbridge.processors.handover import Handover, enrich

    return [enrich, Handover()]
