"""Agent runs: what happened in the traces that belong to one.

One agent run is not always one trace: frameworks scatter it over many and join them by links, and
a conversation resumes a day later in a new process. Which traces belong together, the store knows
(`otbridge.hub.query.runs`); `summarise` says who took part, what it cost, and who handed over to
whom.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from otbridge.hub.analysis.actors import Actors
from otbridge.hub.analysis.agent_graph import Edge, edges
from otbridge.hub.analysis.billing import Bill, bill
from otbridge.hub.analysis.span_tree import Key, RunSpan, SpanTree
from otbridge.hub.analysis.usage import Usage

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["AgentDetails", "Run", "RunSpan", "ToolDetails", "summarise"]

_ERROR = 2  # OTLP StatusCode


@dataclass(slots=True)
class ToolDetails:
    """One tool as one agent used it."""

    calls: int = 0
    error_count: int = 0


@dataclass(slots=True)
class AgentDetails:
    """One agent's part in a run."""

    name: str
    service: str
    """Of its first span."""
    invocations: int = 0
    llm_calls: int = 0
    tool_calls: int = 0
    models: list[str] = field(default_factory=list)
    tools: dict[str, ToolDetails] = field(default_factory=dict)
    error_count: int = 0
    usage: Usage = field(default_factory=Usage)

    def as_json(self) -> dict[str, Any]:
        """Return the `agent_details` shape of the hub's API."""
        return {
            "name": self.name,
            "service": self.service,
            "invocations": self.invocations,
            "llm_calls": self.llm_calls,
            "tool_calls": self.tool_calls,
            "models": self.models,
            "tools": [
                {"name": name, "calls": tool.calls, "error_count": tool.error_count}
                for name, tool in self.tools.items()
            ],
            "error_count": self.error_count,
            "usage": self.usage.as_json(),
        }


@dataclass(slots=True)
class Run:
    """What the hub tells of one run."""

    run_id: str
    name: str
    state: str
    """`open`, `complete` or `lost`."""
    start_ns: int
    end_ns: int
    """The latest end; while a span is open, the latest moment anything is known of."""
    trace_ids: list[bytes]
    """In the order in which they began."""
    conversation: str | None
    llm_calls: int
    tool_calls: int
    handoffs: int
    error_count: int
    usage: Usage
    agents: list[AgentDetails]
    """In the order in which they appeared."""
    edges: list[Edge]
    ignored: list[tuple[Key, Usage, str]]
    """Tokens that spans report and that do not count, with the reason."""
    steps: list[RunSpan]
    """The agents' spans in start order; the framework's own machinery is left out."""

    def as_json(self) -> dict[str, Any]:
        """Return the `RUN` shape of the hub's API."""
        return {
            "run_id": self.run_id,
            "name": self.name,
            "state": self.state,
            "start_time_unix_nano": str(self.start_ns),
            "duration_nano": max(0, self.end_ns - self.start_ns),
            "trace_ids": [trace_id.hex() for trace_id in self.trace_ids],
            "conversation": self.conversation,
            "agents": [agent.name for agent in self.agents],
            "llm_calls": self.llm_calls,
            "tool_calls": self.tool_calls,
            "handoffs": self.handoffs,
            "error_count": self.error_count,
            "usage": self.usage.as_json(),
        }

    def details_as_json(self) -> dict[str, Any]:
        """Return `as_json` and the rest of `GET /api/v1/runs/{run_id}`, except `steps`."""
        return {
            **self.as_json(),
            "agent_details": [agent.as_json() for agent in self.agents],
            "edges": [edge.as_json() for edge in self.edges],
            "usage_ignored": [
                {"span_id": span_id.hex(), "usage": usage.as_json(), "reason": reason}
                for (_, span_id), usage, reason in self.ignored
            ],
        }


def summarise(spans: Iterable[RunSpan]) -> Run | None:
    """Return what happened in the run that *spans* are, or None where no agent took part.

    Args:
        spans: All spans of the run's traces. Spans that are not an agent's (HTTP, database)
            matter too: they carry the tree between an agent and the one that called it.
    """
    tree = SpanTree(spans)
    everything = tree.in_start_order()
    steps = [span for span in everything if span.genai and span.genai.kind != "infra"]
    if not steps:
        return None
    billed = bill(tree)
    actors = Actors(tree)
    graph = edges(tree, actors)
    trace_ids = list(dict.fromkeys(span.trace_id for span in everything))
    return Run(
        run_id=_run_id(steps) or trace_ids[0].hex(),
        name=_name(steps),
        state=_state(everything),
        start_ns=everything[0].start_ns,
        end_ns=max(max(span.end_ns, span.start_ns) for span in everything),
        trace_ids=trace_ids,
        conversation=next(
            (s.genai.conversation for s in steps if s.genai and s.genai.conversation), None
        ),
        llm_calls=sum(1 for span in steps if _is_call(span, billed)),
        tool_calls=sum(1 for span in steps if actors.is_tool_call(span)),
        handoffs=sum(edge.count for edge in graph if edge.type == "handoff"),
        error_count=sum(1 for span in steps if span.status == _ERROR),
        usage=billed.total,
        agents=_agents(actors, steps, billed),
        edges=graph,
        ignored=[(key, usage, reason) for key, (usage, reason) in billed.ignored.items()],
        steps=steps,
    )


def _agents(actors: Actors, steps: list[RunSpan], billed: Bill) -> list[AgentDetails]:
    agents: dict[str, AgentDetails] = {}
    for span in steps:
        name = actors.agent(span)
        if name is None or span.genai is None:
            continue
        agent = agents.setdefault(name, AgentDetails(name, span.service))
        agent.invocations += actors.is_invocation(span)
        if span.genai.model and span.genai.kind == "llm" and span.genai.model not in agent.models:
            agent.models.append(span.genai.model)
        agent.llm_calls += _is_call(span, billed)
        if actors.is_tool_call(span) and span.genai.tool:
            tool = agent.tools.setdefault(span.genai.tool, ToolDetails())
            tool.calls += 1
            tool.error_count += span.status == _ERROR
            agent.tool_calls += 1
        agent.error_count += span.status == _ERROR
        agent.usage += billed.counted.get(span.key, Usage())
    return list(agents.values())


def _is_call(span: RunSpan, billed: Bill) -> bool:
    return span.genai is not None and span.genai.kind == "llm" and span.key not in billed.wrappers


def _run_id(steps: list[RunSpan]) -> str | None:
    return next((span.genai.run for span in steps if span.genai and span.genai.run), None)


def _name(steps: list[RunSpan]) -> str:
    """Return the outermost run's name, else the first agent's, else the first step's."""
    for span in steps:
        if span.genai and span.genai.kind == "run" and span.genai.workflow:
            return span.genai.workflow
    for span in steps:
        if span.genai and span.genai.kind == "agent" and span.genai.agent:
            return span.genai.agent
    return steps[0].name


def _state(spans: list[RunSpan]) -> str:
    if any(span.lost for span in spans):
        return "lost"
    return "open" if any(span.end_ns == 0 for span in spans) else "complete"
