"""A spool in a real folder, with a clock that stands and no thread of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from otbridge.delivery.spool.settings import SpoolSettings
from otbridge.delivery.spool.spool import Spool
from otbridge.testing import FakeClock
from otbridge.wire.otlp_request import Envelope

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    MakeSpool = Callable[..., Spool]


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def envelope() -> Envelope:
    return Envelope(b"\x0a\x03res", b"\x0a\x03sco")


@pytest.fixture
def reports() -> list[str]:
    return []


@pytest.fixture
def make_spool(tmp_path: Path, clock: FakeClock, reports: list[str]) -> Iterator[MakeSpool]:
    """Make spools under one root; `files`, and settings by name, may be given."""
    made: list[Spool] = []

    def make(service: str = "shop", *, files: Any = None, **settings: Any) -> Spool:
        spool = Spool(
            str(tmp_path / "spool"),
            service,
            report=reports.append,
            settings=SpoolSettings(**settings),
            clock=clock,
            files=files,
            background=False,
        )
        made.append(spool)
        return spool

    yield make
    for spool in made:
        spool.close()
