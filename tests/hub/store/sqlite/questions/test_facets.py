"""Counting ends in time where records have to be read, and says that it was not all."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from otbridge.hub.store import budget
from otbridge.hub.store.conditions import AttributeCondition
from otbridge.hub.store.sqlite.questions import word_search
from otbridge.hub.store.vocabulary import AttributeKey, LogFilter, Term, TraceFilter
from tests.hub.store.builders import log, span, store_now

if TYPE_CHECKING:
    from otbridge.hub.store import Store
    from otbridge.hub.store.vocabulary import FacetField

MORE = (AttributeCondition("rows", ">", 5),)
BEGUN = (Term("w"),)


@pytest.fixture
def filled(store: Store, monkeypatch: pytest.MonkeyPatch) -> Store:
    monkeypatch.setattr(word_search, "_MOST_WORDS", 0)  # so that a beginning has to be read for
    for number in range(20):
        store_now(
            store,
            span(trace=number + 1, start=number, attributes={"rows": number}),
            log("work", at=number, attributes={"rows": number}),
        )
    return store


@pytest.mark.parametrize(
    ("wanted", "fitting"),
    [
        (TraceFilter(attributes=MORE), 14),
        (TraceFilter(terms=BEGUN), 20),
        (LogFilter(attributes=MORE), 14),
        (LogFilter(terms=BEGUN), 20),
    ],
)
@pytest.mark.parametrize("field", ["service", AttributeKey("rows")])
def test_it_counts_the_newest_until_its_time_is_up(
    filled: Store,
    wanted: LogFilter | TraceFilter,
    fitting: int,
    field: FacetField | AttributeKey,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def counts(looked_at: int) -> dict[str, int]:
        """What the newest records have."""
        if field == "service":
            return {"shop": looked_at}
        return {str(19 - at): 1 for at in range(looked_at)}

    everything = filled.facets(wanted, field)
    assert (everything.counts, everything.looked_at) == (counts(fitting), fitting)
    assert everything.complete
    monkeypatch.setattr(budget, "PAGE_S", 0.0)
    some = filled.facets(wanted, field)
    assert some.counts == counts(some.looked_at)
    assert some.looked_at < 5
    assert not some.complete
