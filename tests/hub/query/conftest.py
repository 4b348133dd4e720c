"""A store to be asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from otbridge.hub.store import Store, open_store
from otbridge.testing.clock import FakeClock

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = open_store(tmp_path / "store", clock=FakeClock())
    yield opened
    opened.close()
