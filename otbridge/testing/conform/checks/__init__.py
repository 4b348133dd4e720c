"""The checks, one file per idea; `CLIENT_CHECKS` is all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from otbridge.testing.conform.checks import (
    backoff,
    connections,
    endpoints,
    headers,
    http_version,
    json_mapping,
    limits,
    options,
    partial_success,
    refusals,
    retryable,
    schemes,
    shutdown,
    throttling,
    user_agent,
)

if TYPE_CHECKING:
    from otbridge.testing.conform.check import Check

__all__ = ["CLIENT_CHECKS"]

CLIENT_CHECKS: Final[tuple[Check, ...]] = (
    *retryable.CHECKS,
    *refusals.CHECKS,
    *throttling.CHECKS,
    *backoff.CHECKS,
    *connections.CHECKS,
    *partial_success.CHECKS,
    *limits.CHECKS,
    *shutdown.CHECKS,
    *options.CHECKS,
    *endpoints.CHECKS,
    *schemes.CHECKS,
    *headers.CHECKS,
    *user_agent.CHECKS,
    *json_mapping.CHECKS,
    *http_version.CHECKS,
)
