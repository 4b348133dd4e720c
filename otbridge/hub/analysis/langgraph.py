"""LangGraph's own words, which every tracer of it copies onto every span of a step.

They stand in attributes of their own (Traceloop) or in one JSON attribute `metadata`
(OpenInference): the node, the number of the step, and what triggered it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from otbridge.hub.analysis.json_text import decode_json

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["GraphStep", "read_graph_step"]


@dataclass(frozen=True, slots=True)
class GraphStep:
    """One node at work in one step of a graph."""

    node: str
    number: int | None = None
    """Steps follow each other; nodes of one step run side by side."""
    origins: tuple[str, ...] = ()
    """The nodes that triggered it, where the triggers name them; newer versions do not."""


def read_graph_step(attributes: Mapping[str, Any]) -> GraphStep | None:
    """Return the step that a span with *attributes* is part of, or None."""
    for source in _sources(attributes):
        for prefix in ("", "traceloop.association.properties."):
            node = source.get(f"{prefix}langgraph_node")
            if isinstance(node, str) and node:
                return GraphStep(
                    node,
                    _number(source.get(f"{prefix}langgraph_step")),
                    tuple(_origins(source.get(f"{prefix}langgraph_triggers"))),
                )
    return None


def _sources(attributes: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield attributes
    metadata = attributes.get("metadata")
    if isinstance(metadata, str) and "langgraph_node" in metadata:
        metadata = _decoded(metadata)
    if isinstance(metadata, dict):
        yield metadata


def _origins(triggers: Any) -> Iterator[str]:
    """Yield the nodes that *triggers* name.

    A trigger is `branch:SOURCE:CONDITION:NODE`, `join:A+B:NODE`, or the name of the node whose
    output is awaited. `branch:to:NODE` and `__start__` do not say where the work came from.
    """
    found = _decoded(triggers) if isinstance(triggers, str) else triggers
    if not isinstance(found, list | tuple):
        found = [found]
    for trigger in found:
        if not isinstance(trigger, str) or trigger.startswith(("__", "start:", "branch:to:")):
            continue
        parts = trigger.split(":")
        if parts[0] == "branch" and len(parts) == 4:
            yield parts[1]
        elif parts[0] == "join" and len(parts) == 3:
            yield from parts[1].split("+")
        elif len(parts) == 1 and trigger:
            yield trigger


def _number(value: Any) -> int | None:
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 10:
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _decoded(text: str) -> Any:
    try:
        return decode_json(text)
    except ValueError:
        return text
