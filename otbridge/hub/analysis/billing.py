"""Which spans' tokens count: every token once, and a reason for each that does not.

Frameworks repeat the tokens of model calls on the spans of agents and runs, some as totals over
everything below and some as the agent's own. Adding all of them up counts twice or three times;
adding up only the leaves misses frameworks that write them on agents alone. The rule is one of
scope:

1. Model calls and embeddings count.
2. A model call around another one of the same model or response is a wrapper: the inner counts.
3. Tokens on an agent count only where no model call in the agent's own scope (not looking into
   agents below it) has any.
4. Tokens on anything else, and declared totals, count only where nothing below has any.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from otbridge.hub.analysis.usage import Usage

if TYPE_CHECKING:
    from otbridge.hub.analysis.span_tree import Key, RunSpan, SpanTree

__all__ = ["Bill", "bill"]

_CALLS = frozenset({"llm", "embedding"})


@dataclass(slots=True)
class Bill:
    """What was counted, and what was not."""

    counted: dict[Key, Usage] = field(default_factory=dict)
    ignored: dict[Key, tuple[Usage, str]] = field(default_factory=dict)
    """Tokens that a span reports and that do not count, with the reason in words."""
    wrappers: set[Key] = field(default_factory=set)
    """Model calls that only wrap another one, so that calls are counted once as well."""

    @property
    def total(self) -> Usage:
        """Return the sum of what was counted."""
        return sum(self.counted.values(), Usage())


def bill(tree: SpanTree) -> Bill:
    """Return which tokens in *tree* count."""
    result = Bill()
    for span in tree.in_start_order():
        if _kind(span) in _CALLS:
            _bill_call(tree, span, result)
    # Children before parents: whether a total counts depends on what counted below it.
    for span in reversed(tree.top_down()):
        if _kind(span) not in _CALLS:
            _bill_scope(tree, span, result)
    return result


def _bill_call(tree: SpanTree, span: RunSpan, result: Bill) -> None:
    inner = [
        below
        for below in tree.below(span, stop=lambda child: _kind(child) == "agent")
        if _kind(below) == "llm" and _usage(below) and _same_call(span, below)
    ]
    usage = _usage(span)
    if inner:
        result.wrappers.add(span.key)
        if usage:
            result.ignored[span.key] = (usage, "the model call inside it counts")
            if len(inner) == 1:
                _add_detail(inner[0], usage, result)
    elif usage:
        result.counted[span.key] = _richer(usage, result.counted.get(span.key))


def _add_detail(inner: RunSpan, outer: Usage, result: Bill) -> None:
    """Keep the cache and reasoning detail that only the wrapper *outer* knows."""
    usage = _usage(inner)
    if usage and usage.input_tokens == outer.input_tokens:
        result.counted[inner.key] = _richer(usage, outer)


def _richer(usage: Usage, other: Usage | None) -> Usage:
    if other is None:
        return usage
    return Usage(
        usage.input_tokens,
        usage.output_tokens,
        max(usage.cache_read_tokens, other.cache_read_tokens),
        max(usage.cache_write_tokens, other.cache_write_tokens),
        max(usage.reasoning_tokens, other.reasoning_tokens),
    )


def _same_call(outer: RunSpan, inner: RunSpan) -> bool:
    if outer.genai is None or inner.genai is None:
        return False
    if outer.genai.response_id and outer.genai.response_id == inner.genai.response_id:
        return True
    models = {outer.genai.model, inner.genai.model} - {None}
    return len(models) <= 1


def _bill_scope(tree: SpanTree, span: RunSpan, result: Bill) -> None:
    usage = _usage(span)
    if usage is None or span.genai is None:
        return
    own = _kind(span) == "agent" and not span.genai.totals
    below = tree.below(span, stop=(lambda child: _kind(child) == "agent") if own else _never)
    if any(child.key in result.counted for child in below):
        reason = "the model calls of this agent count" if own else "a total of what is below it"
        result.ignored[span.key] = (usage, reason)
    else:
        result.counted[span.key] = usage


def _never(_: RunSpan) -> bool:
    return False


def _kind(span: RunSpan) -> str:
    return span.genai.kind if span.genai else ""


def _usage(span: RunSpan) -> Usage | None:
    return span.genai.usage if span.genai else None
