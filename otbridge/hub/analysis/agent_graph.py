"""Who called, handed over to, or fed whom in a run: agents and tools, and the edges between.

Two kinds of evidence meet here. What happened is read from the tree (an agent's span below
another agent's, a handoff's span, a link to another agent's output). What a framework wrote down
(`GenAI.edges`) confirms such an edge, or stands for one that left no other trace.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from otbridge.hub.analysis.actors import Actors
    from otbridge.hub.analysis.edges import EdgeType
    from otbridge.hub.analysis.span_tree import Key, RunSpan, SpanTree

_BETWEEN_AGENTS: Final[tuple[EdgeType, ...]] = ("handoff", "call", "message", "fan_in")

__all__ = ["Edge", "edges"]


@dataclass(slots=True)
class Edge:
    """One arrow of the graph."""

    source: str
    target: str
    type: EdgeType
    count: int = 0
    span_ids: list[Key] = field(default_factory=list)
    """The spans that are the evidence, in start order."""
    evidence: list[str] = field(default_factory=list)
    """How we know, in words; each once."""

    def as_json(self) -> dict[str, Any]:
        """Return the `edges` shape of the hub's API."""
        return {
            "source": self.source,
            "target": self.target,
            "type": self.type,
            "count": self.count,
            "span_ids": [span_id.hex() for _, span_id in self.span_ids],
            "evidence": self.evidence,
        }


def edges(tree: SpanTree, actors: Actors) -> list[Edge]:
    """Return the arrows of *tree*'s graph, in the order in which they first happened."""
    graph = _Graph(tree, actors)
    spans = tree.in_start_order()
    for span in spans:
        graph.observe(span)
    for span in spans:
        graph.confirm(span)
    graph.follow(spans)
    return list(graph.edges.values())


class _Graph:
    def __init__(self, tree: SpanTree, actors: Actors) -> None:
        self._tree = tree
        self._actors = actors
        self.edges: dict[tuple[str, str, EdgeType], Edge] = {}

    def observe(self, span: RunSpan) -> None:
        """Add the edges that *span* itself is evidence of."""
        if span.genai is None:
            return
        agent, node = self._actors.agent(span), self._actors.node(span)
        if node:
            self._observe_links(span, node)
        if agent is None:
            return
        if self._actors.is_tool_call(span) and span.genai.tool:
            self._add(agent, span.genai.tool, "tool", span, "tool call")
        elif span.genai.kind == "handoff":
            for target in self._actors.taken_over(span):
                self._add(agent, target, "handoff", span, "handoff span")
        elif span.genai.kind == "agent":
            self._observe_caller(span, agent)

    def confirm(self, span: RunSpan) -> None:
        """Add what the attributes of *span* declare, unless it was seen to happen."""
        if span.genai is None:
            return
        for declared in span.genai.edges:
            above = next((one for one in self._tree.ancestors(span) if one.genai), None)
            if above is not None and above.genai and declared in above.genai.edges:
                continue  # frameworks copy a step's metadata to everything inside the step
            happened = self._find(declared.source, declared.target)
            if happened is None:
                self._add(declared.source, declared.target, declared.type, span, declared.evidence)
            elif declared.evidence not in happened.evidence:
                happened.evidence.append(declared.evidence)
            elif happened.evidence == [declared.evidence]:
                self._add(declared.source, declared.target, happened.type, span, declared.evidence)

    def _observe_caller(self, span: RunSpan, agent: str) -> None:
        tool = ""
        for above in self._actors.above(span):
            if above.genai is None:
                continue
            if above.genai.kind == "handoff":
                return  # the handoff is the edge
            if above.genai.kind == "tool":
                tool = tool or above.genai.tool or ""
            if above.genai.kind == "agent" and above.genai.agent:
                if above.genai.agent != agent:
                    evidence = f"inside tool {tool}" if tool else "inside the caller's span"
                    self._add(above.genai.agent, agent, "call", span, evidence)
                return
        self._observe_path(span, agent)

    def _observe_path(self, span: RunSpan, agent: str) -> None:
        """Believe the path that an agent's span carries where the spans above it are missing."""
        names = (span.genai.agent_path or "").split("/") if span.genai else []
        if len(names) > 1 and names[-1] == agent and names[-2] != agent:
            happened = self._find(names[-2], agent)
            if happened is None or happened.type == "call":
                self._add(names[-2], agent, "call", span, "otbridge.agent.path")

    def follow(self, spans: list[RunSpan]) -> None:
        """Add the edges between the steps of a LangGraph that did not say what triggered them."""
        steps: dict[tuple[bytes, bytes, int], dict[str, RunSpan]] = {}
        for span in spans:
            step = span.genai.step if span.genai else None
            if step is None or step.number is None or step.origins:
                continue
            above = next(self._tree.ancestors(span), None)
            if above is None or above.genai is None or above.genai.step != step:
                place = (span.trace_id, span.parent_span_id, step.number)
                steps.setdefault(place, {})[step.node] = span
        for (trace_id, parent, number), nodes in steps.items():
            before = steps.get((trace_id, parent, number - 1), {})
            if len(before) > 1 and len(nodes) > 1:
                continue  # which of them led to which, nobody wrote down
            for source in before:
                for target, span in nodes.items():
                    if source != target and self._find(source, target, "handoff") is None:
                        self._add(source, target, "message", span, "langgraph_step")

    def _observe_links(self, span: RunSpan, node: str) -> None:
        linked = [found for key in span.links if (found := self._tree.get(key))]
        for origin in linked:
            source = self._actors.node(origin)
            if source is None or source == node:
                continue
            if origin.genai and origin.genai.kind == "handoff":
                continue
            kind: EdgeType = "fan_in" if len(linked) > 1 else "message"
            self._add(source, node, kind, span, "span link")

    def _find(self, source: str, target: str, *kinds: EdgeType) -> Edge | None:
        for kind in kinds or _BETWEEN_AGENTS:
            found = self.edges.get((source, target, kind))
            if found is not None:
                return found
        return None

    def _add(self, source: str, target: str, kind: EdgeType, span: RunSpan, evidence: str) -> None:
        edge = self.edges.setdefault((source, target, kind), Edge(source, target, kind))
        edge.count += 1
        edge.span_ids.append(span.key)
        if evidence not in edge.evidence:
            edge.evidence.append(evidence)
