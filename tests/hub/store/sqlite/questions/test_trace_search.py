"""What begins very many words is looked for in the traces themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from otbridge.hub.store.sqlite.questions import trace_search, word_search
from otbridge.hub.store.vocabulary import Term, TraceFilter
from tests.hub.store.builders import log, span, store_now, trace_id

if TYPE_CHECKING:
    from otbridge.hub.store import Store

SEARCHES = {
    "o": [1, 2, 3, 4, 5],
    "or": [1, 2, 3, 4, 5],
    "placed o": [3],
    "z": [],
}
"""What is asked for, and the traces that have it."""


@pytest.fixture
def filled(store: Store) -> Store:
    """Traces that say it in a name, a status, a log, an attribute and an event; and one that does not."""
    store_now(
        store,
        span(trace=1, name="order"),
        span(trace=2, name="pay", attributes={"what": "ordinary"}),
        span(trace=3, name="pay"),
        log("placed order", trace=3),
        span(trace=4, name="pay", attributes={"what": ["late", "Orders"]}),
        span(trace=5, name="pay", event={"exception.message": "orderly"}),
        span(trace=6, name="pay", attributes={"what": "nothing", "n": 7}),
        log("paid", trace=6, attributes={"what": "nothing", "who": "nobody"}),
    )
    return store


@pytest.mark.parametrize("text", SEARCHES)
@pytest.mark.parametrize("at_once", [1, 100])
def test_it_is_found_wherever_a_trace_says_it(
    filled: Store, text: str, at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(word_search, "_MOST_WORDS", 0)
    monkeypatch.setattr(trace_search, "LATER_STEP", at_once)
    terms = tuple(map(Term, text.split()))
    found = filled.traces(TraceFilter(terms=terms), 9)
    assert sorted(int.from_bytes(line.trace_id) for line in found) == SEARCHES[text]
    only = frozenset({trace_id(1), trace_id(6)})
    few = filled.traces(TraceFilter(terms=terms, trace_ids=only), 9)
    assert [int.from_bytes(line.trace_id) for line in few] == [1] * (1 in SEARCHES[text])


def test_letters_of_the_hashes_in_the_index_are_not_found(
    filled: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(word_search, "_MOST_WORDS", 0)
    for digit in "0123456789abcdef":
        found = filled.traces(TraceFilter(terms=(Term(digit),)), 9)
        said = {"7": [6], "e": [5]}.get(digit, [])
        assert [int.from_bytes(line.trace_id) for line in found] == said, digit
