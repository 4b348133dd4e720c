"""An edge is counted once, however long after the one span the other comes."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from otbridge.hub.store import open_store
from otbridge.hub.store.sqlite.counts import minutes
from tests.hub.store.builders import SECOND, T0, span, store_now

if TYPE_CHECKING:
    from pathlib import Path

    from otbridge.testing.clock import FakeClock
    from otbridge.wire.rows import SpanRow

WEB = span(1, service="web")
OPEN_WEB = span(1, service="web", is_open=True)
SHOP = span(2, parent=1, service="shop", duration=2, error=True)
BANK = span(3, parent=2, service="bank", duration=4)
INSIDE = span(4, parent=1, service="web")


def edges_after(folder: Path, clock: FakeClock, commits: list[list[SpanRow]]) -> list[object]:
    """Store each of *commits* by a store that knows nothing but what is in its files."""
    found: list[object] = []
    for rows in commits:
        with closing(open_store(folder, clock=clock)) as store:
            store_now(store, *rows)
            edges = store.service_map(T0, T0 + 60 * SECOND).edges
            found = [(one.client, one.server, one.count, one.error_count) for one in edges]
    return found


@pytest.mark.parametrize(
    "commits",
    [
        [[WEB], [SHOP], [BANK], [INSIDE]],
        [[BANK], [SHOP], [WEB], [INSIDE]],
        [[INSIDE, BANK], [WEB], [SHOP]],
        [[SHOP], [BANK, WEB], [INSIDE]],
        [[SHOP, BANK], [INSIDE], [WEB]],
        [[OPEN_WEB], [SHOP, BANK], [WEB]],
        [[OPEN_WEB], [BANK], [WEB], [SHOP]],
        [[WEB, SHOP], [SHOP], [BANK], [WEB, SHOP, BANK]],
    ],
)
def test_late_spans_meet_their_parents_and_children(
    tmp_path: Path, clock: FakeClock, commits: list[list[SpanRow]]
) -> None:
    assert edges_after(tmp_path, clock, commits) == [
        ("shop", "bank", 1, 0),
        ("web", "shop", 1, 1),
    ]


def test_only_so_many_traces_are_read_back_at_once(
    tmp_path: Path, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(minutes, "_RECALLED", 2)
    parents = [span(1, trace=trace, service="web") for trace in range(1, 6)]
    children = [span(2, trace=trace, parent=1, service="shop") for trace in range(1, 6)]
    assert edges_after(tmp_path, clock, [parents, children]) == [("web", "shop", 2, 0)]
