"""The checks of a server, one file per idea; `SERVER_CHECKS` is all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from otbridge.testing.conform.server.checks import (
    bad_data,
    compression,
    content_types,
    ids,
    json_mapping,
    overload,
    partial_success,
    practice,
    services,
    sizes,
    success,
    tolerance,
    values,
)

if TYPE_CHECKING:
    from otbridge.testing.conform.server.check import Check

__all__ = ["SERVER_CHECKS"]

SERVER_CHECKS: Final[tuple[Check, ...]] = (
    *services.CHECKS,
    *compression.CHECKS,
    *success.CHECKS,
    *partial_success.CHECKS,
    *bad_data.CHECKS,
    *ids.CHECKS,
    *values.CHECKS,
    *tolerance.CHECKS,
    *content_types.CHECKS,
    *practice.CHECKS,
    *json_mapping.CHECKS,
    *content_types.JSON_CHECKS,
    *sizes.CHECKS,
    # Last: a server that is overwhelmed by a burst would answer other checks wrongly.
    *overload.CHECKS,
)
"""In the order in which they are run."""
