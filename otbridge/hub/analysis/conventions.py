"""The tables: how each convention names what a span is, and where it keeps what we show.

The order of KINDS is the order of trust: what a span says about itself in OpenTelemetry's own
words wins over what a framework's or a vendor's dialect says of it. Dialects are read from the
attributes that their emitters really write (recorded from running them), not from their manuals
alone.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Literal

__all__ = [
    "FIELDS",
    "FRAMEWORKS",
    "KINDS",
    "NAME_RULES",
    "OVERRIDES",
    "PREFIXES",
    "PROVIDERS",
    "STAMPED",
    "TOTALLING_SCOPES",
    "Convention",
    "Kind",
    "NameRule",
    "Override",
]

Kind = Literal[
    "run",
    "agent",
    "llm",
    "tool",
    "handoff",
    "retrieval",
    "embedding",
    "memory",
    "plan",
    "step",
    "guardrail",
    "evaluator",
    "message",
    "infra",
]
"""What a span is. `message`: one agent's word to another; `infra`: the framework's own machinery."""


@dataclass(frozen=True, slots=True)
class Convention:
    """One attribute by which spans say what they are, and its vocabulary."""

    name: str
    """What `GenAI.source` says."""
    key: str
    kinds: dict[str, Kind]
    """Values in lower case."""
    foreign_key: bool = False
    """The key has other users too (`span.type`), so an unknown value is not worth a word."""


@dataclass(frozen=True, slots=True)
class NameRule:
    """A span name that says what the span is, for spans whose attributes do not."""

    pattern: re.Pattern[str]
    kind: Kind
    group: Literal["agent", "tool", "target", ""] = ""
    """What the pattern's group names."""
    needs: tuple[str, ...] = (
        "gen_ai.",
        "gcp.vertex.agent.",
        "langgraph",
        "traceloop.",
        "openinference.",
    )
    """Beginnings of attribute names, one of which the span must have: a route called
    `invocation` in some web service is no agent."""


@dataclass(frozen=True, slots=True)
class Override:
    """A habit of one instrumentation: a kind means another where an attribute is missing."""

    scope: str
    kind: Kind
    without: str
    meant: Kind


_OPENINFERENCE: Final[dict[str, Kind]] = {
    "llm": "llm",
    "agent": "agent",
    "tool": "tool",
    "embedding": "embedding",
    "retriever": "retrieval",
    "reranker": "retrieval",
    "chain": "step",
    "prompt": "step",
    "decision": "step",
    "unknown": "step",
    "guardrail": "guardrail",
    "evaluator": "evaluator",
}

KINDS: Final[tuple[Convention, ...]] = (
    Convention(
        "gen_ai",
        "gen_ai.operation.name",
        {
            "chat": "llm",
            "generate_content": "llm",
            "text_completion": "llm",
            "fetch_response": "llm",
            "embeddings": "embedding",
            "retrieval": "retrieval",
            "invoke_agent": "agent",
            "create_agent": "infra",
            "invoke_workflow": "run",
            "plan": "plan",
            "execute_tool": "tool",
            "execute_task": "step",
            "agent_step": "step",
            "run_guardrail": "guardrail",
            "create_memory_store": "memory",
            "delete_memory_store": "memory",
            "create_memory": "memory",
            "update_memory": "memory",
            "upsert_memory": "memory",
            "search_memory": "memory",
            "delete_memory": "memory",
        },
    ),
    Convention("otbridge", "otbridge.kind", {"step": "step"}),
    Convention(
        "langfuse",
        "langfuse.observation.type",
        {
            "generation": "llm",
            "agent": "agent",
            "tool": "tool",
            "retriever": "retrieval",
            "embedding": "embedding",
            "chain": "step",
            "span": "step",
            "guardrail": "guardrail",
            "evaluator": "evaluator",
            "event": "infra",
        },
    ),
    Convention("openinference", "openinference.span.kind", _OPENINFERENCE),
    Convention(
        "traceloop",
        "traceloop.span.kind",
        {"workflow": "run", "agent": "agent", "tool": "tool", "task": "step"},
    ),
    Convention(
        "vercel_ai",
        "ai.operationId",
        {
            "ai.generatetext": "agent",
            "ai.streamtext": "agent",
            "ai.generateobject": "agent",
            "ai.streamobject": "agent",
            "ai.generatetext.dogenerate": "llm",
            "ai.streamtext.dostream": "llm",
            "ai.generateobject.dogenerate": "llm",
            "ai.streamobject.dostream": "llm",
            "ai.toolcall": "tool",
            "ai.embed": "step",
            "ai.embedmany": "step",
            "ai.embed.doembed": "embedding",
            "ai.embedmany.doembed": "embedding",
            "ai.rerank": "step",
            "ai.rerank.dorerank": "retrieval",
        },
    ),
    Convention(
        "claude_code",
        "span.type",
        {"interaction": "agent", "llm_request": "llm"},
        foreign_key=True,
    ),
    Convention(
        "laminar",
        "lmnr.span.type",
        {
            "llm": "llm",
            "tool": "tool",
            "default": "step",
            "executor": "step",
            "evaluator": "evaluator",
        },
    ),
    Convention(
        "voltagent",
        "span.type",
        {
            "agent": "agent",
            "llm": "llm",
            "tool": "tool",
            "memory": "memory",
            "retriever": "retrieval",
            "embedding": "embedding",
            "guardrail": "guardrail",
            "workflow": "run",
            "workflow-step": "step",
        },
        foreign_key=True,
    ),
    Convention(
        "mlflow",
        "mlflow.spanType",
        {
            **_OPENINFERENCE,
            "chat_model": "llm",
            "parser": "step",
            "memory": "memory",
            "workflow": "run",
            "task": "step",
        },
    ),
    Convention(
        "langsmith",
        "langsmith.span.kind",
        {
            "llm": "llm",
            "tool": "tool",
            "chain": "step",
            "retriever": "retrieval",
            "embedding": "embedding",
            "prompt": "step",
            "parser": "step",
        },
    ),
    Convention(
        "traceloop",
        "llm.request.type",
        {"chat": "llm", "completion": "llm", "embedding": "embedding", "rerank": "retrieval"},
    ),
)

PREFIXES: Final = frozenset(
    {
        "gen_ai",
        "otbridge",
        "openinference",
        "llm",
        "traceloop",
        "ai",
        "langfuse",
        "langsmith",
        "langgraph",
        "mlflow",
        "lmnr",
        "logfire",
        "span",
        "mcp",
        "messaging",
        "sender_agent_type",
        "recipient_agent_type",
        "message",
        "workflow",
        "executor",
        "edge_group",
        "graph",
        "gcp",
    }
)
"""First words of the attributes that make a span worth a second look; all others are passed by."""

OVERRIDES: Final[tuple[Override, ...]] = (
    # The whole run, written as an agent; the real agents below it have nodes.
    Override("openinference.instrumentation.openai_agents", "agent", "graph.node.id", "run"),
)

TOTALLING_SCOPES: Final = frozenset({"gen_ai", "ai"})
"""Vercel's AI SDK, new and old, writes a loop's totals on the span around its steps."""

STAMPED: Final = frozenset(
    {
        "gen_ai.conversation.id",
        "otbridge.run.id",
        "otbridge.agent.path",
        "otbridge.origin",
        "otbridge.link.type",
        "session.id",
        "user.id",
    }
)
"""What we put on every span below an agent, database and HTTP spans too: says nothing of its kind."""

NAME_RULES: Final[tuple[NameRule, ...]] = (
    NameRule(re.compile(r"goto (.+)"), "handoff", "target"),
    NameRule(re.compile(r"hand_?off to (.+)", re.IGNORECASE), "handoff", "target"),
    NameRule(re.compile(r"transfer_to_(.+)"), "handoff", "target"),
    NameRule(re.compile(r"claude_code\.tool.*"), "tool", needs=("span.type",)),
    NameRule(re.compile(r"claude_code\.llm_request"), "llm", needs=("span.type",)),
    NameRule(re.compile(r"claude_code\.interaction"), "agent", needs=("span.type",)),
    NameRule(re.compile(r"invoke_agent (.+)"), "agent", "agent"),
    NameRule(re.compile(r"execute_tool (.+)"), "tool", "tool"),
    NameRule(re.compile(r"call_llm"), "llm"),
    NameRule(re.compile(r"invocation"), "run"),
    NameRule(re.compile(r"invoke_(?:graph|swarm|workflow)(?: .+)?"), "run"),
    NameRule(re.compile(r"workflow\.run.*"), "run", needs=("workflow.",)),
    NameRule(re.compile(r"execute_event_loop_cycle"), "step"),
    NameRule(re.compile(r"executor\.process.*"), "step", needs=("executor.id",)),
    NameRule(re.compile(r"autogen (?:publish|send) .+"), "message", needs=("messaging.",)),
    NameRule(re.compile(r"autogen .+"), "infra", needs=("messaging.",)),
    NameRule(re.compile(r"message\.send.*"), "message", needs=("message.type",)),
    NameRule(re.compile(r"edge_group\..+"), "infra", needs=("edge_group.",)),
    NameRule(re.compile(r"workflow\.build.*"), "infra", needs=("workflow.",)),
)
"""Whole names; looked at only where no attribute above decided."""

FIELDS: Final[dict[str, tuple[str, ...]]] = {
    "agent": (
        "gen_ai.agent.name",
        "agent.name",
        "ai.telemetry.functionId",
        "langfuse.observation.metadata.agent_name",
    ),
    "workflow": ("gen_ai.workflow.name", "traceloop.workflow.name"),
    "model": (
        "gen_ai.response.model",
        "gen_ai.request.model",
        "llm.response.model_name",
        "llm.model_name",
        "llm.request.model_name",
        "ai.response.model",
        "ai.model.id",
        "embedding.model_name",
        "langfuse.observation.model.name",
        "mlflow.llm.model",
    ),
    "tool": ("gen_ai.tool.name", "tool.name", "ai.toolCall.name"),
    "call_id": ("gen_ai.tool.call.id", "tool_call.id", "tool.id", "ai.toolCall.id"),
    "target": ("gen_ai.transfer.target.name", "langgraph.command.goto_node"),
    "conversation": (
        "gen_ai.conversation.id",
        "traceloop.association.properties.thread_id",
        "traceloop.association.properties.session_id",
        "ai.telemetry.metadata.sessionId",
        "langsmith.trace.session_id",
        "gcp.vertex.agent.session_id",
    ),
    "response_id": ("gen_ai.response.id", "ai.response.id"),
    "run": ("otbridge.run.id",),
    "path": ("otbridge.agent.path",),
    "node": ("graph.node.id", "executor.id"),
    "data_source": ("gen_ai.data_source.id",),
}
"""What we show, and the attributes it is read from; the first that is a non-empty text wins."""

FRAMEWORKS: Final = frozenset(
    {
        "autogen",
        "crewai",
        "google_adk",
        "langchain",
        "langgraph",
        "llama_index",
        "llamaindex",
        "microsoft.agent_framework",
        "semantic_kernel",
        "strands-agents",
        "strands",
        "unknown",
    }
)
"""What frameworks say of themselves, or of their ignorance, where the model's provider belongs."""

PROVIDERS: Final[dict[tuple[str, str], str]] = {
    ("azure", "openai"): "azure.ai.openai",
    ("aws", "*"): "aws.bedrock",
    ("google", "vertexai"): "gcp.vertex_ai",
    ("google", "*"): "gcp.gen_ai",
    ("azure", "*"): "azure.ai.inference",
    ("az.ai.openai", "*"): "azure.ai.openai",
    ("az.ai.inference", "*"): "azure.ai.inference",
    ("mistralai", "*"): "mistral_ai",
    ("vertex_ai", "*"): "gcp.vertex_ai",
    ("xai", "*"): "x_ai",
}
"""(what says who serves the model, what says whose model it is; `*` any) -> `gen_ai.provider.name`."""
