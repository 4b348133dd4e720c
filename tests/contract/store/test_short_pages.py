"""A page whose time is up ends with what was found, and says where to go on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from otbridge.hub.query.pages import list_logs, list_traces
from otbridge.hub.query.runs import list_runs
from otbridge.hub.store import budget
from otbridge.hub.store.conditions import AttributeCondition
from otbridge.hub.store.vocabulary import LogFilter, ShortPage, Term, TraceFilter
from tests.hub.store.builders import SECOND, T0, log, span, store_now, trace_id

if TYPE_CHECKING:
    from collections.abc import Callable

    from otbridge.hub.store import Store
    from otbridge.testing.clock import FakeClock
    from otbridge.wire.rows import LogRow, SpanRow

HOUR = 3_600

RARE = AttributeCondition("rows", ">", 150)


@pytest.fixture
def filled(store: Store, clock: FakeClock) -> Store:
    """Forty traces and logs over two days, one an hour; each tenth has more than 150 rows."""
    rows: list[SpanRow | LogRow] = []
    for number in range(40):
        count, at = 200 if number % 10 == 3 else number, number * HOUR
        attributes = {"rows": count, "gen_ai.operation.name": "chat", "word": f"w{count}"}
        rows += [
            span(trace=number + 1, start=at, attributes=attributes),
            log(str(number + 1), at=at, attributes=attributes),
        ]
    store_now(store, *rows[:48])
    clock.advance(24 * HOUR)
    store_now(store, *rows[48:])
    clock.advance(16 * HOUR)
    return store


def all_pages(
    ask: Callable[[Any], Any], items: Callable[[Any], list[int]], most: int
) -> tuple[list[int], int]:
    """Return the numbers of what is on all pages, fewer than *most*, and how many these were."""
    found: list[int] = []
    after = None
    for pages in range(1, most):
        page = ask(after)
        found += items(page)
        if page.next_position is None:
            return found, pages
        assert after is None or page.next_position < after
        after = page.next_position
    raise AssertionError("The pages have no end.")


def from_page_to_page(store: Store, wanted: TraceFilter) -> tuple[list[int], int]:
    return all_pages(
        lambda after: list_traces(store, wanted, 7, after),
        lambda page: [int.from_bytes(line.trace_id) for line in page.traces],
        200,
    )


def logs_from_page_to_page(store: Store, wanted: LogFilter) -> tuple[list[int], int]:
    return all_pages(
        lambda after: list_logs(store, wanted, 7, after),
        lambda page: [int(one.row.body_text) for one in page.logs],
        1_000,
    )


@pytest.mark.parametrize("terms", [(), (Term("w2"),)], ids=["value", "word too"])
def test_pages_that_end_early_have_everything_together(
    filled: Store, monkeypatch: pytest.MonkeyPatch, terms: tuple[Term, ...]
) -> None:
    wanted = TraceFilter(attributes=(RARE,), terms=terms, from_ns=T0)
    expected = [34, 24, 14, 4]
    assert from_page_to_page(filled, wanted) == (expected, 1)
    monkeypatch.setattr(budget, "PAGE_S", 0.0)
    found, pages = from_page_to_page(filled, wanted)
    assert found == expected
    assert pages > 2


def test_a_short_page_that_has_nothing_is_not_the_last(
    filled: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(budget, "PAGE_S", 0.0)
    page = filled.traces(TraceFilter(attributes=(RARE,), from_ns=T0), 7)
    assert page == []
    assert isinstance(page, ShortPage)
    assert page.next_position.start_ns >= T0 + 33 * HOUR * SECOND


def test_runs_go_on_where_a_page_of_traces_ended_early(
    filled: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(budget, "PAGE_S", 0.0)
    wanted = TraceFilter(attributes=(RARE,), from_ns=T0)
    found: list[list[bytes]] = []
    page = list_runs(filled, 9, None, wanted)
    while True:
        found += (run.trace_ids for run in page.runs)
        if page.next_position is None:
            break
        page = list_runs(filled, 9, page.next_position, wanted)
    assert found == [[trace_id(number)] for number in (34, 24, 14, 4)]


@pytest.mark.parametrize("terms", [(), (Term("w2"),)], ids=["value", "word too"])
def test_pages_of_logs_that_end_early_have_everything_together(
    filled: Store, monkeypatch: pytest.MonkeyPatch, terms: tuple[Term, ...]
) -> None:
    wanted = LogFilter(attributes=(RARE,), terms=terms, from_ns=T0)
    expected = [34, 24, 14, 4]
    assert logs_from_page_to_page(filled, wanted) == (expected, 1)
    monkeypatch.setattr(budget, "PAGE_S", 0.0)
    found, pages = logs_from_page_to_page(filled, wanted)
    assert found == expected
    assert pages > 2
