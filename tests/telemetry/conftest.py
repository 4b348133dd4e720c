"""What the code of a test records, as it would arrive."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import structlog

from otbridge.testing.capture import Captured, capture

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def seen() -> Iterator[Captured]:
    """Everything recorded in the test."""
    with capture() as captured:
        yield captured


@pytest.fixture
def own_structlog() -> Iterator[None]:
    """A test that configures structlog itself; afterwards it is unconfigured again."""
    yield
    structlog.reset_defaults()
