"""Tokens: read from any convention's attributes into one record that adds up.

`input_tokens` always includes what was read from or written to a cache, and `output_tokens`
always includes reasoning (GenAI conventions). Providers that report cached tokens beside the
input, as Anthropic does, are recognised by their sum: an input smaller than its own cached part.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from otbridge.hub.analysis.json_text import decode_json

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Usage", "read_usage", "tokens"]


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one model call, or a sum of them."""

    input_tokens: int = 0
    """With cached tokens."""
    output_tokens: int = 0
    """With reasoning tokens."""
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    reasoning_tokens: int = 0

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            self.input_tokens + other.input_tokens,
            self.output_tokens + other.output_tokens,
            self.cache_read_tokens + other.cache_read_tokens,
            self.cache_write_tokens + other.cache_write_tokens,
            self.reasoning_tokens + other.reasoning_tokens,
        )

    def as_json(self) -> dict[str, int]:
        """Return the `usage` shape of the hub's API."""
        return {
            "input_tokens": self.input_tokens,
            "output_tokens": self.output_tokens,
            "cache_read_tokens": self.cache_read_tokens,
            "cache_write_tokens": self.cache_write_tokens,
            "reasoning_tokens": self.reasoning_tokens,
        }


_FIELDS: Final = (
    "input_tokens",
    "output_tokens",
    "cache_read_tokens",
    "cache_write_tokens",
    "reasoning_tokens",
)

# Per field, the names it goes by; the first that is a number wins.
_NAMES: Final[tuple[tuple[str, ...], ...]] = (
    (
        "gen_ai.usage.input_tokens",
        "gen_ai.usage.prompt_tokens",
        "llm.token_count.prompt",
        "llm.usage.prompt_tokens",
        "ai.usage.inputTokens",
        "ai.usage.promptTokens",
    ),
    (
        "gen_ai.usage.output_tokens",
        "gen_ai.usage.completion_tokens",
        "llm.token_count.completion",
        "llm.usage.completion_tokens",
        "ai.usage.outputTokens",
        "ai.usage.completionTokens",
    ),
    (
        "gen_ai.usage.cache_read.input_tokens",
        "gen_ai.usage.cache_read_input_tokens",
        "llm.token_count.prompt_details.cache_read",
        "ai.usage.inputTokenDetails.cacheReadTokens",
        "ai.usage.cachedInputTokens",
        "gen_ai.usage.details.cache_read_tokens",
    ),
    (
        "gen_ai.usage.cache_write.input_tokens",
        "gen_ai.usage.cache_creation.input_tokens",
        "gen_ai.usage.cache_creation_input_tokens",
        "llm.token_count.prompt_details.cache_write",
        "ai.usage.inputTokenDetails.cacheWriteTokens",
        "gen_ai.usage.details.cache_write_tokens",
    ),
    (
        "gen_ai.usage.reasoning.output_tokens",
        "gen_ai.usage.reasoning_tokens",
        "llm.token_count.completion_details.reasoning",
        "ai.usage.outputTokenDetails.reasoningTokens",
        "ai.usage.reasoningTokens",
        "gen_ai.usage.details.reasoning_tokens",
    ),
)

# Claude Code uses bare names, too common to be read from anybody else's spans.
_CLAUDE_CODE: Final = (
    ("input_tokens",),
    ("output_tokens",),
    ("cache_read_tokens",),
    ("cache_creation_tokens",),
    (),
)

# Attributes that hold all of it as one JSON object, and the members' names.
_OBJECTS: Final[tuple[tuple[str, tuple[tuple[str, ...], ...]], ...]] = (
    (
        "langfuse.observation.usage_details",
        (
            ("input", "input_tokens", "prompt_tokens"),
            ("output", "output_tokens", "completion_tokens"),
            ("input_cached_tokens", "cache_read_input_tokens", "input_cache_read"),
            ("cache_creation_input_tokens", "input_cache_creation"),
            ("output_reasoning_tokens", "output_reasoning"),
        ),
    ),
    (
        "langsmith.usage_metadata",
        (
            ("input_tokens",),
            ("output_tokens",),
            ("input_token_details.cache_read",),
            ("input_token_details.cache_creation",),
            ("output_token_details.reasoning",),
        ),
    ),
    (
        "mlflow.chat.tokenUsage",
        (
            ("input_tokens",),
            ("output_tokens",),
            ("cache_read_input_tokens",),
            ("cache_creation_input_tokens",),
            (),
        ),
    ),
)


def tokens(value: Any) -> int | None:
    """Return *value* as a count of tokens, or None where it is none.

    Numbers sent as text count (Langfuse and MLflow do that); booleans, negative numbers, NaN and
    infinities do not.
    """
    if isinstance(value, bool):
        return None
    if isinstance(value, str):
        value = value.strip()
        # 18 digits hold every real count and keep a hostile one from costing quadratic time.
        return int(value) if value.isascii() and value.isdigit() and len(value) <= 18 else None
    if isinstance(value, float):
        return int(value) if math.isfinite(value) and value >= 0 else None
    return value if isinstance(value, int) and value >= 0 else None


def read_usage(attributes: Mapping[str, Any], *, claude_code: bool = False) -> Usage | None:
    """Return the tokens that *attributes* report, or None where they report none.

    Args:
        attributes: A span's attributes, of any convention.
        claude_code: Whether Claude Code's bare names (`input_tokens`) may be read too.
    """
    usage = _from_names(attributes, _NAMES)
    if usage is None and claude_code:
        usage = _from_names(attributes, _CLAUDE_CODE)
    if usage is not None:
        return usage
    for key, names in _OBJECTS:
        if key in attributes:
            details = _flat_object(attributes[key])
            usage = _from_names(details, names)
            if usage is not None:
                return usage
    return None


def _from_names(attributes: Mapping[str, Any], names: tuple[tuple[str, ...], ...]) -> Usage | None:
    counts = dict.fromkeys(_FIELDS, 0)
    found = False
    for field, keys in zip(_FIELDS, names, strict=True):
        for key in keys:
            count = tokens(attributes.get(key))
            if count is not None:
                counts[field] = count
                found = True
                break
    if not found:
        return None
    cached = counts["cache_read_tokens"] + counts["cache_write_tokens"]
    if counts["input_tokens"] < cached:
        counts["input_tokens"] += cached
    return Usage(**counts)


def _flat_object(value: Any) -> dict[str, Any]:
    """Return the members of a JSON object (or its text), inner objects' as `outer.inner`."""
    if isinstance(value, str):
        try:
            value = decode_json(value)
        except ValueError:
            return {}
    if not isinstance(value, dict):
        return {}
    flat: dict[str, Any] = {}
    for key, member in value.items():
        if isinstance(member, dict):
            flat.update({f"{key}.{inner}": count for inner, count in member.items()})
        else:
            flat[key] = member
    return flat
