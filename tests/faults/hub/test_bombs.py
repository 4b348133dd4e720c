"""Row 43: what wants to become large is refused while it is small; `python -m tests.faults.hub.bombs`."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING

import pytest

from tests.faults.hub.bombs import BOMBS, MOST_RISE_MEBIBYTES, MOST_SECONDS, set_off, spans

if TYPE_CHECKING:
    from tests.hub.hub_process import HubProcess

REFUSALS = ("400", "413", "INVALID_ARGUMENT", "RESOURCE_EXHAUSTED")


@pytest.mark.parametrize("name", list(BOMBS))
def test_a_bomb_is_refused_at_once_and_costs_little_memory(
    shared_hub: HubProcess, name: str
) -> None:
    """Row 43: 150 MB and a second of processor time at most, and never an error of the hub's."""
    cost = set_off(shared_hub, BOMBS[name])
    assert cost.refusal in REFUSALS or ", 1 refused: " in cost.refusal
    assert cost.rise_mebibytes < MOST_RISE_MEBIBYTES
    assert cost.seconds < MOST_SECONDS


@pytest.mark.parametrize("cut", [1, 5, 12, 40])
def test_gzip_that_ends_too_early_is_malformed(shared_hub: HubProcess, cut: int) -> None:
    """Row 43: 400, whatever is missing."""
    body = gzip.compress(spans(bytes(range(100))))[:-cut]
    headers = {"content-type": "application/x-protobuf", "content-encoding": "gzip"}
    assert shared_hub.http.post("/v1/traces", content=body, headers=headers).status_code == 400
