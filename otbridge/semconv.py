"""Attribute and event names that we read or write, one constant each.

OpenTelemetry's names are from semantic-conventions 1.44; the GenAI ones are from the
semantic-conventions-genai repository, where everything is still in development: that is why the
constants are ours and no package of theirs is imported. Names under `otbridge.` are our own.
"""

from __future__ import annotations

from typing import Final

# Resource and service
SERVICE_NAME: Final = "service.name"
SERVICE_VERSION: Final = "service.version"
SERVICE_INSTANCE_ID: Final = "service.instance.id"
DEPLOYMENT_ENVIRONMENT: Final = "deployment.environment.name"
TELEMETRY_SDK_NAME: Final = "telemetry.sdk.name"
TELEMETRY_SDK_LANGUAGE: Final = "telemetry.sdk.language"
TELEMETRY_SDK_VERSION: Final = "telemetry.sdk.version"
TELEMETRY_DISTRO_NAME: Final = "telemetry.distro.name"
TELEMETRY_DISTRO_VERSION: Final = "telemetry.distro.version"

# Between our own SDK and hub
RESENT_HEADER: Final = "otbridge-resent"
"""HTTP header, or gRPC metadata, of requests that the receiver may have had before: `1`. The hub
keeps the records among them that it does not have; other receivers pass it over."""

# Exceptions and code
ERROR_TYPE: Final = "error.type"
EXCEPTION_TYPE: Final = "exception.type"
EXCEPTION_MESSAGE: Final = "exception.message"
EXCEPTION_STACKTRACE: Final = "exception.stacktrace"
CODE_FILE_PATH: Final = "code.file.path"
CODE_FUNCTION_NAME: Final = "code.function.name"
CODE_LINE_NUMBER: Final = "code.line.number"
THREAD_ID: Final = "thread.id"
THREAD_NAME: Final = "thread.name"
SESSION_ID: Final = "session.id"
USER_ID: Final = "user.id"

# GenAI
GEN_AI_OPERATION_NAME: Final = "gen_ai.operation.name"
GEN_AI_PROVIDER_NAME: Final = "gen_ai.provider.name"
GEN_AI_REQUEST_MODEL: Final = "gen_ai.request.model"
GEN_AI_RESPONSE_MODEL: Final = "gen_ai.response.model"
GEN_AI_RESPONSE_ID: Final = "gen_ai.response.id"
GEN_AI_RESPONSE_FINISH_REASONS: Final = "gen_ai.response.finish_reasons"
GEN_AI_AGENT_NAME: Final = "gen_ai.agent.name"
GEN_AI_AGENT_ID: Final = "gen_ai.agent.id"
GEN_AI_AGENT_DESCRIPTION: Final = "gen_ai.agent.description"
GEN_AI_AGENT_VERSION: Final = "gen_ai.agent.version"
GEN_AI_WORKFLOW_NAME: Final = "gen_ai.workflow.name"
GEN_AI_CONVERSATION_ID: Final = "gen_ai.conversation.id"
GEN_AI_TOOL_NAME: Final = "gen_ai.tool.name"
GEN_AI_TOOL_TYPE: Final = "gen_ai.tool.type"
GEN_AI_TOOL_DESCRIPTION: Final = "gen_ai.tool.description"
GEN_AI_TOOL_CALL_ID: Final = "gen_ai.tool.call.id"
GEN_AI_TOOL_CALL_ARGUMENTS: Final = "gen_ai.tool.call.arguments"
GEN_AI_TOOL_CALL_RESULT: Final = "gen_ai.tool.call.result"
GEN_AI_TRANSFER_TARGET_NAME: Final = "gen_ai.transfer.target.name"
GEN_AI_TRANSFER_MODE: Final = "gen_ai.transfer.mode"
GEN_AI_USAGE_INPUT_TOKENS: Final = "gen_ai.usage.input_tokens"
GEN_AI_USAGE_OUTPUT_TOKENS: Final = "gen_ai.usage.output_tokens"
GEN_AI_USAGE_CACHE_READ_INPUT_TOKENS: Final = "gen_ai.usage.cache_read.input_tokens"
GEN_AI_USAGE_CACHE_WRITE_INPUT_TOKENS: Final = "gen_ai.usage.cache_write.input_tokens"
GEN_AI_USAGE_REASONING_OUTPUT_TOKENS: Final = "gen_ai.usage.reasoning.output_tokens"
GEN_AI_INPUT_MESSAGES: Final = "gen_ai.input.messages"
GEN_AI_OUTPUT_MESSAGES: Final = "gen_ai.output.messages"
GEN_AI_SYSTEM_INSTRUCTIONS: Final = "gen_ai.system_instructions"
GEN_AI_TOOL_DEFINITIONS: Final = "gen_ai.tool.definitions"
GEN_AI_REQUEST_STREAM: Final = "gen_ai.request.stream"
GEN_AI_REQUEST_REASONING_LEVEL: Final = "gen_ai.request.reasoning.level"
GEN_AI_OUTPUT_TYPE: Final = "gen_ai.output.type"
GEN_AI_RESPONSE_TIME_TO_FIRST_CHUNK: Final = "gen_ai.response.time_to_first_chunk"
"""Seconds from the start of the call."""
GEN_AI_DATA_SOURCE_ID: Final = "gen_ai.data_source.id"
GEN_AI_RETRIEVAL_QUERY_TEXT: Final = "gen_ai.retrieval.query.text"
GEN_AI_RETRIEVAL_TOP_K: Final = "gen_ai.retrieval.top_k"
GEN_AI_RETRIEVAL_DOCUMENTS: Final = "gen_ai.retrieval.documents"
GEN_AI_MEMORY_STORE_ID: Final = "gen_ai.memory.store.id"
GEN_AI_MEMORY_RECORD_ID: Final = "gen_ai.memory.record.id"
GEN_AI_MEMORY_RECORD_COUNT: Final = "gen_ai.memory.record.count"
GEN_AI_MEMORY_QUERY_TEXT: Final = "gen_ai.memory.query.text"
GEN_AI_MEMORY_RECORDS: Final = "gen_ai.memory.records"

# Our own
CORRELATION_ID: Final = "correlation.id"
"""Attribute and baggage key of the correlation id."""

SPAN_STARTED: Final = "otbridge.span.started"
"""Event name of the log record that tells a hub that a span has begun.

The record's trace and span id are the span's; its attributes are the span's attributes at start
and those below. While the span stays open it is told again every 30 seconds. Only a hub is sent
these: it shows the span as open and does not store the record as a log.
"""
SPAN_STARTED_NAME: Final = "otbridge.span.name"
SPAN_STARTED_KIND: Final = "otbridge.span.kind"
"""OTLP's SpanKind number."""
SPAN_STARTED_PARENT: Final = "otbridge.span.parent_id"
"""Hex; absent for a root."""
SPAN_STARTED_AGAIN: Final = "otbridge.span.again"
"""True where the beginning was told before and the span is open still; else absent."""

# Logfire's, on spans that announce others (logfire/_internal/constants.py)
LOGFIRE_SPAN_TYPE: Final = "logfire.span_type"
LOGFIRE_PENDING_SPAN: Final = "pending_span"
"""The type of such a span; the one that it announces is its parent."""
LOGFIRE_PENDING_PARENT: Final = "logfire.pending_parent_id"
"""Parent of the announced span: hex, all zero for a root."""

RUN_ID: Final = "otbridge.run.id"
AGENT_PATH: Final = "otbridge.agent.path"
"""Names from the outermost agent to this one, joined by `/`."""
AGENT_STEP_KIND: Final = "otbridge.kind"
"""What a span is where GenAI has no operation for it: `step`."""
OUTCOME: Final = "otbridge.outcome"
"""How a span ended that neither succeeded nor failed: `cancelled` (its task was), `interrupted` (it
waits for a person or handed control away by an exception), `closed` (nobody read its stream to the
end)."""
LINK_TYPE: Final = "otbridge.link.type"
"""Why a span links to another: handoff, message, fan_in, resume, retry, spawned."""
ORIGIN: Final = "otbridge.origin"
"""`browser` or `node` on what came over the bridge."""
SOURCE: Final = "telemetry.source"
"""Resource attribute that only a hub sets: `public:KEY_ID` on what came with a public key."""
CLIENT: Final = "client."
"""Prefix of what a public sender said about itself and the hub knows better."""
ORIGINAL_TIME: Final = "otbridge.time.original"
"""The sender's own time in nanoseconds, where its clock was wrong and the bridge corrected it."""
ORIGINAL_BYTES: Final = "otbridge.bytes.original"
"""Encoded size of a record that was too large for its receiver; on the stub that took its place."""
