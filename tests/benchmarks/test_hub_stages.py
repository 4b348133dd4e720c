"""The benchmark of the hub's stages finds all of them: no time is judged here."""

from __future__ import annotations

import pytest

from tests.benchmarks import hub_stages
from tests.benchmarks.harness import run_fresh

_EACH = {"decode", "decode again, for the store's process", "store", "-- operations and edges"}


@pytest.mark.parametrize("way", ["--stages", "--each"])
def test_each_stage_has_a_figure(way: str) -> None:
    """The stages are methods of the hub, which are looked for by name."""
    found = run_fresh(hub_stages.__name__, way, "600", "1")
    measured = {stage for stage, us in found.items() if us}
    assert measured == (_EACH if way == "--each" else found.keys() - {"-- operations and edges"})
