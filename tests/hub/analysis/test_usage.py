"""Tokens from every dialect."""

from __future__ import annotations

import json
from typing import Any

import pytest

from otbridge.hub.analysis.usage import Usage, read_usage, tokens


@pytest.mark.parametrize(
    ("value", "count"),
    [
        (3, 3),
        (3.0, 3),
        ("3", 3),
        (" 12 ", 12),
        (0, 0),
        (-1, None),
        (True, None),
        (float("nan"), None),
        (float("inf"), None),
        ("many", None),
        ("٣", None),
        ("9" * 5000, None),
        (None, None),
        ([3], None),
    ],
)
def test_only_a_count_counts(value: Any, count: int | None) -> None:
    """Numbers and numbers as text; nothing else."""
    assert tokens(value) == count


@pytest.mark.parametrize(
    "attributes",
    [
        {"gen_ai.usage.input_tokens": 10, "gen_ai.usage.output_tokens": 3},
        {"gen_ai.usage.prompt_tokens": 10, "gen_ai.usage.completion_tokens": 3},
        {"llm.token_count.prompt": 10, "llm.token_count.completion": 3},
        {"llm.usage.prompt_tokens": 10, "llm.usage.completion_tokens": 3},
        {"ai.usage.inputTokens": 10, "ai.usage.outputTokens": 3},
        {"ai.usage.promptTokens": 10, "ai.usage.completionTokens": 3},
        {"langfuse.observation.usage_details": json.dumps({"input": 10, "output": 3})},
        {"langsmith.usage_metadata": json.dumps({"input_tokens": 10, "output_tokens": 3})},
        {"mlflow.chat.tokenUsage": json.dumps({"input_tokens": 10, "output_tokens": 3})},
        {"mlflow.chat.tokenUsage": {"input_tokens": 10, "output_tokens": 3}},
    ],
)
def test_every_dialect_counts_the_same(attributes: dict[str, Any]) -> None:
    """One usage, whoever wrote it down."""
    assert read_usage(attributes) == Usage(10, 3)


def test_details_are_read_in_old_and_new_names() -> None:
    """Cache and reasoning tokens by the conventions' newest names and older ones."""
    new = {
        "gen_ai.usage.input_tokens": 10,
        "gen_ai.usage.output_tokens": 5,
        "gen_ai.usage.cache_read.input_tokens": 4,
        "gen_ai.usage.cache_write.input_tokens": 2,
        "gen_ai.usage.reasoning.output_tokens": 1,
    }
    old = {
        "gen_ai.usage.input_tokens": 10,
        "gen_ai.usage.output_tokens": 5,
        "gen_ai.usage.cache_read_input_tokens": 4,
        "gen_ai.usage.cache_creation_input_tokens": 2,
        "gen_ai.usage.reasoning_tokens": 1,
    }
    assert read_usage(new) == read_usage(old) == Usage(10, 5, 4, 2, 1)


def test_cached_tokens_beside_the_input_are_added_to_it() -> None:
    """An input smaller than its own cached part does not include it: Anthropic's way."""
    attributes = {
        "gen_ai.usage.input_tokens": 10,
        "gen_ai.usage.output_tokens": 1,
        "gen_ai.usage.cache_read.input_tokens": 1000,
    }
    assert read_usage(attributes) == Usage(1010, 1, 1000)


def test_bare_names_are_claude_codes_alone() -> None:
    """`input_tokens` on somebody else's span is something else."""
    attributes = {"input_tokens": 10, "output_tokens": 1, "cache_read_tokens": 4}
    assert read_usage(attributes) is None
    assert read_usage(attributes, claude_code=True) == Usage(10, 1, 4)


def test_nothing_reported_is_not_zero() -> None:
    """No tokens said, or broken JSON of them, is unknown."""
    assert read_usage({"x": 1}) is None
    assert read_usage({"langsmith.usage_metadata": "{"}) is None
    assert read_usage({"langsmith.usage_metadata": "[1]"}) is None


def test_declared_totals_of_what_is_below_are_not_usage() -> None:
    """pydantic-ai declares them beside each call's own usage."""
    attributes = {
        "gen_ai.aggregated_usage.input_tokens": 103,
        "gen_ai.aggregated_usage.output_tokens": 12,
    }
    assert read_usage(attributes) is None


def test_usages_add_up() -> None:
    """Every field is a sum of its own."""
    assert Usage(1, 2, 3, 4, 5) + Usage(10, 20, 30, 40, 50) == Usage(11, 22, 33, 44, 55)
