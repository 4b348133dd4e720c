"""The JSON shapes that answers share, as types: what the OpenAPI document says is made from them.

docs/reference/hub-api.md describes them in words.
"""

from __future__ import annotations

from typing import Any, NotRequired, TypedDict

__all__ = [
    "AgentJson",
    "EventJson",
    "ExportJson",
    "FacetsJson",
    "GenAiJson",
    "LinkJson",
    "LogJson",
    "LogsJson",
    "OtlpJson",
    "ResourceJson",
    "RootJson",
    "RunDetailsJson",
    "RunJson",
    "RunsJson",
    "ScopeJson",
    "ServiceSpansJson",
    "SpanJson",
    "ToolJson",
    "TraceJson",
    "TraceSummaryJson",
    "TracesJson",
    "UsageJson",
]


class ScopeJson(TypedDict):
    """Who made the record: an instrumentation scope."""

    name: str
    version: str


class UsageJson(TypedDict):
    """Tokens, each counted once."""

    input_tokens: int
    output_tokens: int
    cache_read_tokens: int
    cache_write_tokens: int
    reasoning_tokens: int


class GenAiJson(TypedDict):
    """What a span is in the life of an agent."""

    kind: str
    agent: str | None
    model: str | None
    provider: str | None
    tool: str | None
    target: str | None
    conversation: str | None
    usage: UsageJson | None
    messages: dict[str, Any] | None
    source: str
    lossy: list[str]


class EventJson(TypedDict):
    """Something that happened while the span ran."""

    name: str
    time_unix_nano: str
    attributes: dict[str, Any]


class LinkJson(TypedDict):
    """Another span that this one has to do with."""

    trace_id: str
    span_id: str
    attributes: dict[str, Any]


class SpanJson(TypedDict):
    """A span."""

    trace_id: str
    span_id: str
    parent_span_id: str | None
    name: str
    kind: str
    service: str
    resource: NotRequired[int]
    scope: ScopeJson
    start_time_unix_nano: str
    duration_nano: int | None
    state: str
    status: str
    status_message: str
    attributes: dict[str, Any]
    events: list[EventJson]
    links: list[LinkJson]
    genai: GenAiJson | None


class LogJson(TypedDict):
    """A log record."""

    id: str
    trace_id: str | None
    span_id: str | None
    time_unix_nano: str
    observed_time_unix_nano: str
    severity_number: int
    severity_text: str
    service: str
    scope: ScopeJson
    body: Any
    event_name: str
    attributes: dict[str, Any]
    resource: NotRequired[int | dict[str, Any]]


class ServiceSpansJson(TypedDict):
    """How many spans of a trace a service made."""

    name: str
    span_count: int


class RootJson(TypedDict):
    """The span that a trace began with."""

    span_id: str
    name: str
    service: str
    kind: str


class TraceSummaryJson(TypedDict):
    """A trace in one line."""

    trace_id: str
    name: str
    root: RootJson | None
    start_time_unix_nano: str
    end_time_unix_nano: str
    duration_nano: int
    span_count: int
    open_span_count: int
    error_count: int
    log_count: int
    services: list[ServiceSpansJson]
    state: str
    agents: list[str]
    usage: UsageJson | None


class ResourceJson(TypedDict):
    """Where records come from: a process, a container, a browser."""

    service: str
    attributes: dict[str, Any]


class TracesJson(TypedDict):
    """A page of traces, newest first."""

    traces: list[TraceSummaryJson]
    next_cursor: str | None


class TraceJson(TypedDict):
    """A trace with all its spans and logs."""

    trace_id: str
    name: str
    state: str
    start_time_unix_nano: str
    end_time_unix_nano: str
    duration_nano: int
    span_count: int
    error_count: int
    log_count: int
    services: list[ServiceSpansJson]
    resources: list[ResourceJson]
    spans: list[SpanJson]
    logs: list[LogJson]
    truncated: bool


class OtlpJson(TypedDict):
    """Everything the hub holds of a trace, as OTLP/JSON."""

    resourceSpans: list[dict[str, Any]]
    resourceLogs: list[dict[str, Any]]


class ExportJson(TypedDict):
    """A page of an export: one of the three lists, with OTLP/JSON in it."""

    resourceSpans: NotRequired[list[dict[str, Any]]]
    resourceLogs: NotRequired[list[dict[str, Any]]]
    resourceMetrics: NotRequired[list[dict[str, Any]]]
    records: int
    next_cursor: str | None


class FacetJson(TypedDict):
    """A value, and in how many records it occurs."""

    value: Any
    count: int


class FacetsJson(TypedDict):
    """The values of a field, the most frequent first."""

    of: str
    field: str | None
    key: str | None
    values: list[FacetJson]
    value_count: int
    looked_at: int
    complete: bool


class LogsJson(TypedDict):
    """A page of log records, newest first."""

    logs: list[LogJson]
    next_cursor: str | None


class RunJson(TypedDict):
    """An agent run in one line."""

    run_id: str
    name: str
    state: str
    start_time_unix_nano: str
    duration_nano: int
    trace_ids: list[str]
    conversation: str | None
    agents: list[str]
    llm_calls: int
    tool_calls: int
    handoffs: int
    error_count: int
    usage: UsageJson


class RunsJson(TypedDict):
    """A page of runs, the one that began something latest first."""

    runs: list[RunJson]
    next_cursor: str | None


class ToolJson(TypedDict):
    """A tool as an agent used it."""

    name: str
    calls: int
    error_count: int


class AgentJson(TypedDict):
    """An agent's part in a run."""

    name: str
    service: str
    invocations: int
    llm_calls: int
    tool_calls: int
    models: list[str]
    tools: list[ToolJson]
    error_count: int
    usage: UsageJson


class RunDetailsJson(RunJson):
    """An agent run with everything in it."""

    agent_details: list[AgentJson]
    edges: list[dict[str, Any]]
    usage_ignored: list[dict[str, Any]]
    steps: list[SpanJson]
