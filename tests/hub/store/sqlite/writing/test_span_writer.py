"""Spans that come in one transaction are taken in trace by trace, and that changes nothing."""

from __future__ import annotations

import random
from contextlib import closing
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from otbridge.hub.store import open_store
from otbridge.hub.store.vocabulary import ScanFilter, SessionFilter, Term, TraceFilter
from otbridge.testing.clock import FakeClock
from tests.hub.store.builders import SECOND, T0, batch, span, trace_id
from tests.hub.store.sqlite.inside import writer_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from otbridge.hub.store import Store
    from otbridge.wire.rows import SpanRow

PRODUCER, CONSUMER = 4, 5
TRACES = (1, 2, 3)
SPANS = [
    span(1, trace=1, service="web", name="begun", start=1, is_open=True),
    span(1, trace=1, service="web", name="GET", start=1, attributes={"session.id": "s1"}),
    span(2, trace=1, parent=1, service="shop", start=2, error=True),
    span(3, trace=1, parent=2, service="shop", kind=PRODUCER, start=3, event={"said": "ouch"}),
    span(1, trace=2, service="mail", kind=CONSUMER, start=4, links=[(1, 3)]),
    span(2, trace=2, parent=1, service="mail", start=5, attributes={"session.id": "s1"}),
    span(2, trace=2, parent=1, service="mail", start=5, is_open=True),
    span(1, trace=3, start=6, is_open=True, attributes={"gen_ai.agent.name": "clerk"}),
    span(1, trace=3, start=6, attributes={"gen_ai.operation.name": "invoke_agent"}),
    span(2, trace=3, parent=9, service="web", start=7, attributes={"gen_ai.conversation.id": "c"}),
]


def stored(folder: Path, commits: Sequence[Sequence[SpanRow]]) -> dict[str, Any]:
    """Return what a store tells that was given these, each a batch in a transaction of several."""
    with closing(open_store(folder, clock=FakeClock())) as store:
        writer = writer_of(store)
        for rows in commits:
            batches = [batch([row]) for row in rows]
            writer.duplicates += writer.call(partial(writer.files.store, batches)).result(20)
        return _told_by(store)


def _told_by(store: Store) -> dict[str, Any]:
    everything = 100
    return {
        "traces": store.traces(TraceFilter(), everything),
        "spans": store.spans(list(map(trace_id, TRACES)), everything),
        "kept once": len(store.scan(ScanFilter("traces"), everything).rows),
        "edges": store.service_map(T0, T0 + 60 * SECOND),
        "operations": store.operations(T0, T0 + 60 * SECOND),
        "services": store.services(),
        "related": [store.related(trace_id(number)) for number in TRACES],
        "sessions": store.sessions(SessionFilter(), everything),
        "duplicates": store.totals().duplicates,
        "found": [
            store.traces(TraceFilter(terms=(Term(word),)), everything)
            for word in ("GET", "ouch", "broke", "s1")
        ],
    }


@pytest.mark.parametrize("seed", range(4))
def test_however_spans_are_parted_into_transactions_they_are_stored_alike(
    tmp_path: Path, seed: int
) -> None:
    chance = random.Random(seed)
    rows = chance.sample(SPANS, len(SPANS)) + chance.choices(SPANS, k=3)
    one_by_one = stored(tmp_path / "one by one", [[row] for row in rows])
    assert stored(tmp_path / "together", [rows]) == one_by_one
    assert stored(tmp_path / "in two", [rows[:6], rows[6:]]) == one_by_one
