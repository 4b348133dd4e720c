"""A call of a language model."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Any, Final

from opentelemetry.trace import SpanKind

from otbridge.agents import content
from otbridge.agents.actors import Conversing
from otbridge.agents.handle import guarded
from otbridge.semconv import (
    GEN_AI_OUTPUT_TYPE,
    GEN_AI_PROVIDER_NAME,
    GEN_AI_REQUEST_MODEL,
    GEN_AI_REQUEST_REASONING_LEVEL,
    GEN_AI_REQUEST_STREAM,
    GEN_AI_RESPONSE_FINISH_REASONS,
    GEN_AI_RESPONSE_ID,
    GEN_AI_RESPONSE_MODEL,
    GEN_AI_RESPONSE_TIME_TO_FIRST_CHUNK,
    GEN_AI_TOOL_DEFINITIONS,
    GEN_AI_USAGE_CACHE_READ_INPUT_TOKENS,
    GEN_AI_USAGE_CACHE_WRITE_INPUT_TOKENS,
    GEN_AI_USAGE_INPUT_TOKENS,
    GEN_AI_USAGE_OUTPUT_TOKENS,
    GEN_AI_USAGE_REASONING_OUTPUT_TOKENS,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from opentelemetry.util.types import AttributeValue

    from otbridge.agents.place import Place
    from otbridge.agents.verbs import Verbs

__all__ = ["LlmHandle"]

# Parameters whose attribute is not simply `gen_ai.request.NAME`: SDKs' names, and one that says
# something about the answer.
_RENAMED: Final = {
    "n": "gen_ai.request.choice.count",
    "stop": "gen_ai.request.stop_sequences",
    "max_completion_tokens": "gen_ai.request.max_tokens",
    "reasoning_effort": GEN_AI_REQUEST_REASONING_LEVEL,
    "reasoning_level": GEN_AI_REQUEST_REASONING_LEVEL,
    "output_type": GEN_AI_OUTPUT_TYPE,
}
_PARAMETER = re.compile(r"[a-z][a-z0-9_.]{0,63}")


class LlmHandle(Conversing):
    """One call of a model: `input`, `first_token`, `output`, `usage`, `response`, in any order."""

    kind = SpanKind.CLIENT

    def __init__(
        self,
        model: str,
        *,
        provider: str | None = None,
        operation: str = "chat",
        stream: bool | None = None,
        local: bool = False,
        parameters: Mapping[str, Any] | None = None,
        parent: Verbs | None = None,
        **options: Any,
    ) -> None:
        super().__init__(parent, **options)
        if local:
            self.kind = SpanKind.INTERNAL
        self.operation = operation
        self._model = model
        self._given: Final[dict[str, AttributeValue | None]] = {
            GEN_AI_PROVIDER_NAME: provider,
            GEN_AI_REQUEST_MODEL: model or None,
            # By the conventions the attribute is there only when it is true.
            GEN_AI_REQUEST_STREAM: True if stream else None,
            **_request(parameters or {}),
        }
        self._first_token_seen = False

    def _name(self, place: Place) -> str:  # noqa: ARG002 - other spans are named by their place
        return f"{self.operation} {self._model}".rstrip()

    def _attributes(self, place: Place) -> Mapping[str, AttributeValue | None]:  # noqa: ARG002 - as above
        return self._given

    @guarded
    def output(self, messages: Any = None, *, finish: str | Sequence[str] | None = None) -> None:
        """Record the answer.

        Args:
            messages: A text, a message, or one per choice; content.
            finish: Why the model stopped, one reason per choice: `stop`, `length`, `tool_calls`,
                `content_filter`, …
        """
        if finish is not None and self.span.is_recording():
            reasons = [finish] if isinstance(finish, str) else [str(reason) for reason in finish]
            self.span.set_attribute(GEN_AI_RESPONSE_FINISH_REASONS, reasons)
        if messages is not None:
            self._write_output(messages)

    @guarded
    def usage(
        self,
        *,
        input: int | None = None,  # noqa: A002 - the conventions' word
        output: int | None = None,
        cache_read: int | None = None,
        cache_write: int | None = None,
        reasoning: int | None = None,
    ) -> None:
        """Record the tokens of this call; called again, it replaces what was said before.

        Args:
            input: Tokens sent, with the cached ones. (Anthropic reports them apart: add them.)
            output: Tokens generated, with reasoning.
            cache_read: Of the input, what the provider had in its cache.
            cache_write: Of the input, what it put into its cache.
            reasoning: Of the output, what was reasoning.
        """
        counts = {
            GEN_AI_USAGE_INPUT_TOKENS: input,
            GEN_AI_USAGE_OUTPUT_TOKENS: output,
            GEN_AI_USAGE_CACHE_READ_INPUT_TOKENS: cache_read,
            GEN_AI_USAGE_CACHE_WRITE_INPUT_TOKENS: cache_write,
            GEN_AI_USAGE_REASONING_OUTPUT_TOKENS: reasoning,
        }
        if self.span.is_recording():
            self.span.set_attributes(
                {name: int(count) for name, count in counts.items() if count is not None}
            )

    @guarded
    def first_token(self) -> None:
        """Note that the first piece of the answer arrived; only the first call counts."""
        if not self._first_token_seen and self.span.is_recording():
            self._first_token_seen = True
            waited = time.monotonic() - self._began
            self.span.set_attribute(GEN_AI_RESPONSE_TIME_TO_FIRST_CHUNK, waited)

    @guarded
    def response(self, *, id: str | None = None, model: str | None = None) -> None:  # noqa: A002 - the conventions' word
        """Record which answer it was.

        Args:
            id: The provider's id of the answer.
            model: The model that really answered, often more exact than the one asked for.
        """
        said = {GEN_AI_RESPONSE_ID: id, GEN_AI_RESPONSE_MODEL: model}
        if self.span.is_recording():
            self.span.set_attributes({name: str(value) for name, value in said.items() if value})

    @guarded
    def tools(self, definitions: Any) -> None:
        """Record the tools that the model was offered; content."""
        self._write(GEN_AI_TOOL_DEFINITIONS, content.to_json, definitions)


def _request(parameters: Mapping[str, Any]) -> dict[str, AttributeValue | None]:
    return {
        _RENAMED.get(name, f"gen_ai.request.{name}"): _parameter(value)
        for name, value in parameters.items()
        if _PARAMETER.fullmatch(name)
    }


def _parameter(value: Any) -> AttributeValue | None:
    if value is None or isinstance(value, str | bool | int | float):
        return value
    if isinstance(value, list | tuple) and all(isinstance(item, str) for item in value):
        return list(value)
    return content.to_json(value)
