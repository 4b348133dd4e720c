"""Edges between agents that a span's own attributes declare, each with its evidence."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from otbridge.hub.analysis.langgraph import GraphStep

__all__ = ["Declared", "EdgeType", "declared_edges"]

EdgeType = Literal["handoff", "call", "message", "fan_in", "tool"]

# AutoGen appends its team's id to the names of its members.
_TEAM: Final = re.compile(r"_[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@dataclass(frozen=True, slots=True)
class Declared:
    """An edge that a framework wrote down."""

    source: str
    target: str
    type: EdgeType
    evidence: str
    """The attribute that says so."""


def declared_edges(
    attributes: Mapping[str, Any], agent: str | None, step: GraphStep | None
) -> tuple[Declared, ...]:
    """Return the edges that *attributes* declare.

    Args:
        attributes: A span's attributes.
        agent: The span's own agent.
        step: The step of a graph that the span is part of.
    """
    return tuple(
        edge
        for edge in _edges(attributes, agent, step)
        if edge.source and edge.target and edge.source != edge.target
    )


def _edges(
    attributes: Mapping[str, Any], agent: str | None, step: GraphStep | None
) -> Iterator[Declared]:
    node, parent = _pair(attributes, "graph.node.id", "graph.node.parent_id")
    # OpenInference: an agent's span names the agent that handed over to it.
    yield Declared(parent, node, "handoff", "graph.node.parent_id")
    source, target = _pair(
        attributes, "langgraph.command.source_node", "langgraph.command.goto_node"
    )
    yield Declared(source or agent or "", target, "handoff", "langgraph.command.goto_node")
    source, target = _pair(attributes, "message.source_id", "message.target_id")
    if not source.startswith("internal:"):  # agent-framework's own start of a workflow
        yield Declared(source, target, "message", "message.target_id")
    source, target = _pair(attributes, "sender_agent_type", "recipient_agent_type")
    classes = _pair(attributes, "sender_agent_class", "recipient_agent_class")
    if not any(name.endswith("GroupChatManager") for name in classes):  # AutoGen's postman
        source, target = _TEAM.sub("", source), _TEAM.sub("", target)
        yield Declared(source, target, "message", "recipient_agent_type")
    if step is not None:
        for origin in step.origins:
            yield Declared(origin, step.node, "message", "langgraph_triggers")


def _pair(attributes: Mapping[str, Any], first: str, second: str) -> tuple[str, str]:
    a, b = attributes.get(first), attributes.get(second)
    return (a if isinstance(a, str) else "", b if isinstance(b, str) else "")
