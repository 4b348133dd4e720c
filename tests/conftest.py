"""What holds for every test."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from opentelemetry import context

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(autouse=True)
def _context_stays_behind() -> Iterator[None]:
    """A context that a test leaves attached would be the parent of the next test's spans."""
    before = context.get_current()
    yield
    after = context.get_current()
    context.attach(before)
    assert dict(after) == dict(before)
