"""What holds for every test."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings
from opentelemetry import context

from otbridge.telemetry import outlets

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# A machine that is busy elsewhere makes an example slow, and proves nothing about the code.
settings.register_profile("otbridge", deadline=None)
settings.load_profile("otbridge")

# A shell lets what it starts in the background ignore interrupts, and that is inherited: programs
# that tests start would not end by them.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def _context_stays_behind() -> Iterator[None]:
    """A context that a test leaves attached would be the parent of the next test's spans."""
    before = context.get_current()
    yield
    after = context.get_current()
    context.attach(before)
    assert dict(after) == dict(before)


@pytest.fixture(autouse=True)
def _own_data_folder(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """Keep the spools of tests apart from each other's and from the user's."""
    folder = tmp_path_factory.mktemp("data")
    monkeypatch.setenv("XDG_DATA_HOME", str(folder))
    return folder


@pytest.fixture(autouse=True)
def _no_source_of_another_test(monkeypatch: pytest.MonkeyPatch) -> None:
    """An SDK that hands its spans over by itself does so for good, but not beyond its test.

    Else otbridge would add nothing to the providers of tests that come later.
    """
    monkeypatch.setattr(outlets, "_sources", {})
