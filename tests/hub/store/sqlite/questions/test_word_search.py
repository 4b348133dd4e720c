"""Words are found whichever way is taken: at once, among the newest first, or in the whole list."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest

from otbridge.hub.store.conditions import AttributeCondition
from otbridge.hub.store.sqlite.questions import packed_logs, trace_search, traces, word_search
from otbridge.hub.store.vocabulary import LogFilter, Term, TraceFilter, TracePosition
from tests.hub.store.builders import log, span, store_now

if TYPE_CHECKING:
    from collections.abc import Callable

    from otbridge.hub.store import Store
    from otbridge.hub.store.vocabulary import LogPosition
    from otbridge.testing.clock import FakeClock

DAY_S = 86_400

WORDS = ("order", "orders", "ordinary", "ordeal", "payment", "Überfall", "x1", "x2", "x3", "x4")
"""The first are common, the last rare; three hundred texts have some of them."""


@pytest.fixture(params=["at once", "in steps", "all of them"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Have a few hundred records be many: what is few, and how long a step is."""
    chosen: str = request.param
    few = {"at once": 10_000, "in steps": 2, "all of them": 0}[chosen]
    steps = {"in steps": (3, 40)}.get(chosen, ())
    monkeypatch.setattr(word_search, "FEW", few)
    monkeypatch.setattr(packed_logs, "STEPS", steps)
    monkeypatch.setattr(traces, "TRACE_STEPS", steps)
    assert trace_search.TRACE_STEPS
    return chosen


@pytest.fixture
def texts(store: Store, clock: FakeClock) -> dict[int, tuple[str, ...]]:
    """Return what was stored, by the second: over three days, and not in the order of time."""
    chance = random.Random(7)
    said: dict[int, tuple[str, ...]] = {}
    seconds = list(range(300))
    chance.shuffle(seconds)
    for at in seconds:
        weights = [40, 20, 10, 10, 30, 5, 2, 2, 1, 1]
        said[at] = tuple(sorted(set(chance.choices(WORDS, weights, k=2))))
    for day in range(3):
        rows = [
            row
            for at in seconds[day * 100 : day * 100 + 100]
            for row in (
                log(" ".join(said[at]), at=at, attributes={"odd": at % 2}),
                span(trace=at + 1, start=at, attributes={"said": " ".join(said[at])}),
            )
        ]
        store_now(store, *rows)
        clock.advance(DAY_S)
    return said


def begun(*beginnings: str) -> Callable[[tuple[str, ...]], bool]:
    def fits(words: tuple[str, ...]) -> bool:
        folded = [word.lower().replace("ü", "u") for word in words]
        return all(any(word.startswith(one) for word in folded) for one in beginnings)

    return fits


SEARCHES = [
    ("ord",),
    ("order",),
    ("ordinary",),
    ("payment", "ord"),
    ("uber",),
    ("x",),
    ("x4",),
    ("no",),
]


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("words", SEARCHES)
def test_pages_of_logs_have_all_that_fit_newest_first(
    store: Store, texts: dict[int, tuple[str, ...]], words: tuple[str, ...]
) -> None:
    terms = tuple(map(Term, words))
    found: list[str] = []
    after: LogPosition | None = None
    while page := store.logs(LogFilter(terms=terms), 7, after):
        found += [one.row.body_text for one in page]
        after = page[-1].position
    fits = begun(*words)
    assert found == [" ".join(texts[at]) for at in range(299, -1, -1) if fits(texts[at])]


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("words", SEARCHES)
def test_pages_of_traces_have_all_that_fit_newest_first(
    store: Store, texts: dict[int, tuple[str, ...]], words: tuple[str, ...]
) -> None:
    terms = tuple(map(Term, words))
    found: list[bytes] = []
    after: TracePosition | None = None
    while page := store.traces(TraceFilter(terms=terms), 7, after):
        found += [one.trace_id for one in page]
        after = TracePosition(page[-1].start_ns, page[-1].trace_id)
    fits = begun(*words)
    assert [int.from_bytes(one, "big") - 1 for one in found] == [
        at for at in range(299, -1, -1) if fits(texts[at])
    ]


@pytest.mark.usefixtures("way")
def test_a_value_and_a_word_are_asked_for_together(
    store: Store, texts: dict[int, tuple[str, ...]]
) -> None:
    odd = AttributeCondition("odd", "=", 1)
    found = store.logs(LogFilter(terms=(Term("order"),), attributes=(odd,)), 1_000)
    fits = begun("order")
    assert len(found) == sum(fits(words) and at % 2 for at, words in texts.items())


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("words", [("ord",), ("payment", "ord"), ("ord", "ord"), ("x",)])
def test_too_many_words_with_one_beginning_are_looked_for_in_the_records(
    store: Store,
    texts: dict[int, tuple[str, ...]],
    words: tuple[str, ...],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Nothing that fits is missing because there are many words that do."""
    monkeypatch.setattr(word_search, "_MOST_WORDS", 2)
    found = store.logs(LogFilter(terms=tuple(map(Term, words))), 1_000)
    fits = begun(*words)
    assert [one.row.body_text for one in found] == [
        " ".join(texts[at]) for at in range(299, -1, -1) if fits(texts[at])
    ]
