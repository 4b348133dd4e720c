"""In whose name each span of a run was made: computed for all of them in one walk down the tree."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

    from otbridge.hub.analysis.span_tree import Key, RunSpan, SpanTree

__all__ = ["Actors"]

_ACTORS: Final = frozenset({"agent", "llm", "tool", "handoff"})


class Actors:
    """The agents, nodes, models and tools above each span of *tree*."""

    def __init__(self, tree: SpanTree) -> None:
        self._agents = tree.nearest_above(_is_agent)
        self._nodes = tree.nearest_above(lambda span: _own_node(span) is not None)
        self._actors = tree.nearest_above(_is_actor)
        self._taken: dict[Key, list[str]] = {}
        for span in tree.in_start_order():
            if _is_agent(span) and span.genai and span.genai.agent:
                above = next((one for one in self.above(span) if _kind(one) != "tool"), None)
                if above is not None and _kind(above) == "handoff":
                    taken = self._taken.setdefault(above.key, [])
                    if span.genai.agent not in taken:
                        taken.append(span.genai.agent)

    def above(self, span: RunSpan) -> Iterator[RunSpan]:
        """Yield the spans of agents, models, tools and handoffs above *span*, nearest first."""
        seen = {span.key}
        above = self._actors.get(span.key)
        while above is not None and above.key not in seen:
            yield above
            seen.add(above.key)
            above = self._actors.get(above.key)

    def agent(self, span: RunSpan) -> str | None:
        """Return the agent that *span* is or belongs to; None where nobody says."""
        if _is_agent(span):
            return span.genai.agent if span.genai else None
        above = self._agents.get(span.key)
        if above is not None and above.genai is not None:
            return above.genai.agent
        return span.genai.agent if span.genai else None

    def node(self, span: RunSpan) -> str | None:
        """Return the agent, or else the node of a framework's graph, that *span* is the work of."""
        above = self._nodes.get(span.key)
        own = _own_node(span) or (_own_node(above) if above is not None else None)
        return own or (span.genai.agent if span.genai else None)

    def taken_over(self, handoff: RunSpan) -> list[str]:
        """Return who took over: the agents seen below *handoff*, else the one that it names."""
        named = handoff.genai.target if handoff.genai else None
        return self._taken.get(handoff.key) or ([named] if named else [])

    def is_tool_call(self, span: RunSpan) -> bool:
        """Whether *span* is a tool call, and not a repetition of the one around it.

        Framework, MCP client and MCP server each make a span of the same call.
        """
        if span.genai is None or span.genai.kind != "tool":
            return False
        above = next(self.above(span), None)
        if above is None or above.genai is None or above.genai.kind not in {"tool", "handoff"}:
            return True
        return above.genai.tool != span.genai.tool

    def is_invocation(self, span: RunSpan) -> bool:
        """Whether *span* is an agent at work, and not another library's span of the same work."""
        if not _is_agent(span):
            return False
        above = next((one for one in self.above(span) if _kind(one) != "llm"), None)
        return above is None or not _is_agent(above) or self.agent(above) != self.agent(span)


def _kind(span: RunSpan) -> str:
    return span.genai.kind if span.genai else ""


def _is_agent(span: RunSpan) -> bool:
    return _kind(span) == "agent"


def _is_actor(span: RunSpan) -> bool:
    return _kind(span) in _ACTORS


def _own_node(span: RunSpan) -> str | None:
    if span.genai is None:
        return None
    return (span.genai.agent if span.genai.kind == "agent" else None) or span.genai.node
