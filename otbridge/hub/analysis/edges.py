"""Edges between agents that a span's own attributes declare, each with its evidence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from otbridge.hub.analysis.json_text import decode_json

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["Declared", "EdgeType", "declared_edges"]

EdgeType = Literal["handoff", "call", "message", "fan_in", "tool"]


@dataclass(frozen=True, slots=True)
class Declared:
    """An edge that a framework wrote down."""

    source: str
    target: str
    type: EdgeType
    evidence: str
    """The attribute that says so."""


def declared_edges(attributes: Mapping[str, Any], agent: str | None) -> tuple[Declared, ...]:
    """Return the edges that *attributes* declare; *agent* is the span's own agent."""
    return tuple(edge for edge in _edges(attributes, agent) if edge.source and edge.target)


def _edges(attributes: Mapping[str, Any], agent: str | None) -> Iterator[Declared]:
    node, parent = _pair(attributes, "graph.node.id", "graph.node.parent_id")
    if node and parent:  # OpenInference: an agent's span names the agent that handed over to it
        yield Declared(parent, node, "handoff", "graph.node.parent_id")
    source, target = _pair(
        attributes, "langgraph.command.source_node", "langgraph.command.goto_node"
    )
    if target:
        yield Declared(source or agent or "", target, "handoff", "langgraph.command.goto_node")
    source, target = _pair(attributes, "message.source_id", "message.target_id")
    if source and target:  # Microsoft's agent framework, between executors
        yield Declared(source, target, "message", "message.target_id")
    source, target = _pair(attributes, "sender_agent_type", "recipient_agent_type")
    if source and target:  # AutoGen's runtime
        yield Declared(source, target, "message", "recipient_agent_type")
    yield from _triggers(attributes)


def _pair(attributes: Mapping[str, Any], first: str, second: str) -> tuple[str, str]:
    a, b = attributes.get(first), attributes.get(second)
    return (a if isinstance(a, str) else "", b if isinstance(b, str) else "")


def _triggers(attributes: Mapping[str, Any]) -> Iterator[Declared]:
    """Read LangGraph's `langgraph_node` and `langgraph_triggers`, wherever they were put.

    A trigger is `branch:SOURCE:CONDITION:NODE`, `join:A+B:NODE`, or the name of the node whose
    output is awaited. `branch:to:NODE` and `__start__` do not say where the work came from.
    """
    metadata = attributes.get("metadata")
    if isinstance(metadata, str):
        try:
            metadata = decode_json(metadata)
        except ValueError:
            metadata = None
    sources: list[Mapping[str, Any]] = [attributes]
    if isinstance(metadata, dict):
        sources.append(metadata)
    for source in sources:
        for prefix in ("", "traceloop.association.properties."):
            node = source.get(f"{prefix}langgraph_node")
            if isinstance(node, str) and node:
                for trigger in _strings(source.get(f"{prefix}langgraph_triggers")):
                    for origin in _origins(trigger):
                        if origin != node:
                            yield Declared(origin, node, "message", "langgraph_triggers")


def _origins(trigger: str) -> list[str]:
    parts = trigger.split(":")
    if trigger.startswith(("__", "start:")) or parts[:2] == ["branch", "to"]:
        return []
    if parts[0] == "branch":
        return [parts[1]] if len(parts) == 4 else []
    if parts[0] == "join":
        return parts[1].split("+") if len(parts) == 3 else []
    return [trigger] if len(parts) == 1 else []


def _strings(value: Any) -> list[str]:
    if isinstance(value, str):
        try:
            value = decode_json(value)
        except ValueError:
            value = [value]
    if not isinstance(value, list | tuple):
        return []
    return [item for item in value if isinstance(item, str)]
