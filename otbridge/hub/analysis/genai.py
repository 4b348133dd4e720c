"""One record for a span of an agent, a model or a tool, whatever convention it was written in.

`describe` never changes the span: its attributes stay as they came, and what this record could
not make sense of is named in `lossy`, so that a reader can be told why something is empty.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from otbridge.hub.analysis.conventions import (
    FIELDS,
    FRAMEWORKS,
    KINDS,
    NAME_RULES,
    OVERRIDES,
    PREFIXES,
    PROVIDERS,
    STAMPED,
    TOTALLING_SCOPES,
    Convention,
    Kind,
)
from otbridge.hub.analysis.edges import Declared, declared_edges
from otbridge.hub.analysis.json_text import decode_json
from otbridge.hub.analysis.langgraph import GraphStep, read_graph_step
from otbridge.hub.analysis.messages import Messages, read_messages
from otbridge.hub.analysis.usage import Usage, read_usage

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["GenAI", "describe", "tells_of_agents"]


@dataclass(frozen=True, slots=True)
class GenAI:
    """What a span is in the life of an agent."""

    kind: Kind
    agent: str | None = None
    """The agent that is invoked, or in whose name the span was made."""
    agent_path: str | None = None
    """Names of the agents from the outermost to this one, joined by `/`, where somebody said it."""
    model: str | None = None
    provider: str | None = None
    tool: str | None = None
    target: str | None = None
    """The agent that a handoff goes to."""
    workflow: str | None = None
    """The run's name, on spans of kind `run`."""
    conversation: str | None = None
    run: str | None = None
    response_id: str | None = None
    call_id: str | None = None
    usage: Usage | None = None
    totals: bool = False
    """Whether `usage` is a total of everything below, by the habit of who wrote it."""
    node: str | None = None
    """The node of the framework's own graph that the span stands for, agent or not."""
    step: GraphStep | None = None
    """The step of a LangGraph that the span is part of."""
    edges: tuple[Declared, ...] = ()
    """Edges between agents that the attributes declare."""
    source: str = ""
    """The convention that decided the kind."""
    lossy: tuple[str, ...] = ()
    """What could not be mapped, in words."""
    attributes: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)
    """The span's attributes as they came."""

    def messages(self) -> Messages | None:
        """Return what was said to and by the model or tool, or None where it was not recorded.

        Parsed when asked for: conversations are large, and lists of runs never show them.
        """
        return read_messages(self.kind, self.tool, self.call_id, self.attributes)

    def as_json(self) -> dict[str, Any]:
        """Return the `genai` shape of the hub's API."""
        messages = self.messages()
        return {
            "kind": self.kind,
            "agent": self.agent,
            "model": self.model,
            "provider": self.provider,
            "tool": self.tool,
            "target": self.target,
            "conversation": self.conversation,
            "usage": self.usage.as_json() if self.usage else None,
            "messages": messages.as_json() if messages else None,
            "source": self.source,
            "lossy": [*self.lossy, *(messages.lossy if messages else ())],
        }


def describe(name: str, kind: int, attributes: Mapping[str, Any], scope_name: str) -> GenAI | None:
    """Return what a span is in the life of an agent, or None for any other span.

    Args:
        name: The span's name.
        kind: OTLP's SpanKind number.
        attributes: The span's attributes, decoded; arrays as lists, missing ones missing.
        scope_name: Name of the instrumentation scope.
    """
    if not _worth_a_look(attributes):
        return None
    lossy: list[str] = []
    found, source = _kind_of(name, kind, attributes, scope_name, lossy)
    if found is None:
        return None
    fields = {field: _first_text(attributes, keys) for field, keys in FIELDS.items()}
    found = _refine(found, name, attributes, fields, scope_name)
    step = read_graph_step(attributes)
    if step is not None:
        fields["agent"] = fields["agent"] or step.node
    return GenAI(
        kind=found,
        agent=_agent(found, name, attributes, fields),
        agent_path=fields["path"],
        model=fields["model"],
        provider=_provider(attributes, lossy),
        tool=_tool(found, name, fields),
        target=fields["target"] if found == "handoff" else None,
        workflow=(fields["workflow"] or _entity(attributes) or name) if found == "run" else None,
        conversation=fields["conversation"] or _session(attributes, source),
        run=fields["run"],
        response_id=fields["response_id"],
        call_id=fields["call_id"],
        usage=read_usage(attributes, claude_code=source == "claude_code"),
        totals=scope_name in TOTALLING_SCOPES,
        node=fields["node"],
        step=step,
        edges=declared_edges(attributes, fields["agent"], step),
        source=source,
        lossy=tuple(lossy),
        attributes=attributes,
    )


def _worth_a_look(attributes: Mapping[str, Any]) -> bool:
    """Whether any attribute could belong to an agent's span; most spans end here."""
    return any(map(tells_of_agents, attributes))


def tells_of_agents(key: str) -> bool:
    """Whether an attribute of this name could belong to an agent's span.

    Of a span without one, `describe` makes nothing; a caller that knows need not ask it.
    """
    return key.partition(".")[0] in PREFIXES and key not in STAMPED


def _kind_of(
    name: str, kind: int, attributes: Mapping[str, Any], scope_name: str, lossy: list[str]
) -> tuple[Kind | None, str]:
    if attributes.get("logfire.span_type") == "pending_span":
        # Logfire's notice that a span has begun, sent as a span of its own beside the real one.
        return "infra", "logfire"
    for convention in KINDS:
        value = attributes.get(convention.key)
        if isinstance(value, str):
            found = _from_convention(convention, value, name, scope_name)
            if found is not None:
                return found, convention.name
            if value and not convention.foreign_key:
                lossy.append(f"{convention.key}={value[:80]} has no counterpart here")
    return _from_name_or_content(name, kind, attributes)


def _from_convention(convention: Convention, value: str, name: str, scope_name: str) -> Kind | None:
    if convention.name == "claude_code" and not name.startswith("claude_code"):
        return None
    if convention.name == "vercel_ai" and scope_name not in {"ai", ""}:
        return None
    # MLflow writes attribute values as JSON: a word arrives in quotes.
    return convention.kinds.get(value.strip('"').lower())


def _from_name_or_content(
    name: str, kind: int, attributes: Mapping[str, Any]
) -> tuple[Kind | None, str]:
    for rule in NAME_RULES:
        if rule.pattern.fullmatch(name) and _has(attributes, rule.needs):
            return rule.kind, "name"
    if "mcp.method.name" in attributes:
        return ("tool" if attributes["mcp.method.name"] == "tools/call" else "infra"), "mcp"
    if read_usage(attributes) is not None:
        # OTLP's CLIENT (3) is a call of a model; anything else only carries somebody's totals.
        return ("llm" if kind == 3 else "step"), "usage"
    if kind == 3 and _first_text(attributes, ("gen_ai.request.model", "llm.model_name")):
        return "llm", "model"
    return None, ""


def _has(attributes: Mapping[str, Any], beginnings: tuple[str, ...]) -> bool:
    return any(key.startswith(beginnings) and key not in STAMPED for key in attributes)


def _refine(
    found: Kind,
    name: str,
    attributes: Mapping[str, Any],
    fields: dict[str, str | None],
    scope_name: str,
) -> Kind:
    """Tell handoffs from the tool calls and steps that frameworks make of them, and such habits."""
    for override in OVERRIDES:
        if (scope_name, found) == (override.scope, override.kind):
            found = found if override.without in attributes else override.meant
    if found == "tool" and fields["target"]:
        return "handoff"
    if found in {"tool", "step", "handoff"}:
        for candidate in (fields["tool"] or "", name):
            for rule in NAME_RULES:
                match = rule.pattern.fullmatch(candidate) if rule.group == "target" else None
                if match:
                    fields["target"] = fields["target"] or match.group(1)
                    return "handoff"
    if found == "step" and "langgraph.command.goto_node" in attributes:
        return "handoff"
    return found


def _agent(
    kind: Kind, name: str, attributes: Mapping[str, Any], fields: dict[str, str | None]
) -> str | None:
    if fields["agent"]:
        return fields["agent"]
    if kind == "agent":
        for rule in NAME_RULES:
            match = rule.pattern.fullmatch(name) if rule.group == "agent" else None
            if match:
                return match.group(1)
        # OpenInference, Langfuse and MLflow name an agent's span after the agent.
        return _entity(attributes) or name.removesuffix(".run") or None
    path = fields["path"]
    return path.rpartition("/")[2] if path else None


def _tool(kind: Kind, name: str, fields: dict[str, str | None]) -> str | None:
    if kind in {"retrieval", "memory"}:
        return fields["tool"] or fields["data_source"]
    if kind not in {"tool", "handoff"}:
        return None
    return fields["tool"] or name.removeprefix("execute_tool ")


def _provider(attributes: Mapping[str, Any], lossy: list[str]) -> str | None:
    for key in ("gen_ai.provider.name", "llm.provider", "gen_ai.system", "ai.model.provider"):
        value = _text(attributes.get(key))
        if value is None:
            continue
        if value.lower() in FRAMEWORKS:
            lossy.append(f"{key}={value} names a framework, not who serves the model")
            continue
        system = _text(attributes.get("llm.system")) or "*"
        lowered = value.lower()
        return PROVIDERS.get((lowered, system)) or PROVIDERS.get((lowered, "*")) or value
    return _text(attributes.get("llm.system"))


def _session(attributes: Mapping[str, Any], source: str) -> str | None:
    """Return the session where a dialect means the conversation by it.

    Elsewhere `session.id` is a browser's visit, with many conversations or none.
    """
    if source in {"gen_ai", "otbridge"}:
        return None
    return _text(attributes.get("session.id"))


def _entity(attributes: Mapping[str, Any]) -> str | None:
    return _text(attributes.get("traceloop.entity.name"))


def _first_text(attributes: Mapping[str, Any], keys: tuple[str, ...]) -> str | None:
    for key in keys:
        value = attributes.get(key)
        if value is not None:
            text = _text(value)
            if text is not None:
                return text
    return None


def _text(value: Any) -> str | None:
    """Return *value* as a name, or None; MLflow's quoted words lose their quotes."""
    if not isinstance(value, str):
        return None
    if len(value) > 1 and value[0] == value[-1] == '"':
        try:
            value = decode_json(value)
        except ValueError:
            return None
    return value or None
