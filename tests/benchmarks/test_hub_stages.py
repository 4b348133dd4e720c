"""The benchmark of the hub's stages finds all of them: no time is judged here."""

from __future__ import annotations

from tests.benchmarks import hub_stages
from tests.benchmarks.harness import run_fresh


def test_each_stage_has_a_figure() -> None:
    """The stages are methods of the hub, which are looked for by name."""
    found = run_fresh(hub_stages.__name__, "--one", "600", "1")
    assert all(found.values())
