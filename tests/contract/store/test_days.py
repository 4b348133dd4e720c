"""Days are how a store gets rid of records; no answer ends at one."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

from otbridge.hub.store import open_store
from otbridge.hub.store.vocabulary import LogFilter, Retention, TraceFilter, TracePosition
from tests.hub.store.builders import log, span, store_now, trace_id

if TYPE_CHECKING:
    from otbridge.hub.store import Store
    from otbridge.testing.clock import FakeClock

DAY = 86_400


def bodies(store: Store) -> list[str]:
    return [found.row.body_text for found in store.logs(LogFilter(), 100)]


def test_a_trace_stays_whole_over_midnight(store: Store, clock: FakeClock) -> None:
    store_now(store, span(1, is_open=True, name="night shift"), log("before", trace=1, at=1))
    clock.advance(DAY)
    store_now(store, span(1, name="night shift"), span(2, parent=1), log("after", trace=1, at=2))

    found = store.trace(trace_id(1), limit=10)
    assert found is not None
    assert (found.summary.span_count, found.summary.state) == (2, "complete")
    assert [row.body_text for row in found.logs] == ["before", "after"]
    assert len(store.traces(TraceFilter(), 10)) == 1


def test_a_trace_stays_whole_also_after_a_restart(
    store: Store, clock: FakeClock, address: str
) -> None:
    store_now(store, span(1))
    store.close()
    clock.advance(3 * DAY)
    again = open_store(address, clock=clock)
    store_now(again, span(1), span(2))

    found = again.trace(trace_id(1), limit=10)
    again.close()
    assert found is not None
    assert len(found.spans) == 2


def test_lists_go_on_over_the_days(store: Store, clock: FakeClock) -> None:
    # Arrival and time do not have the same order: each day brings old and new.
    for day in range(4):
        store_now(
            store,
            *(span(trace=10 * day + n + 1, start=7 * n + day) for n in range(3)),
            *(log(f"{n}/{day}", at=n) for n in range(3)),
        )
        clock.advance(DAY)

    seen, after = [], None
    while page := store.traces(TraceFilter(), 2, after):
        seen += [summary.trace_id for summary in page]
        after = TracePosition(page[-1].start_ns, page[-1].trace_id)
    everything = store.traces(TraceFilter(), 100)
    assert seen == [summary.trace_id for summary in everything]
    starts = [summary.start_ns for summary in everything]
    assert len(starts) == 12
    assert starts == sorted(starts, reverse=True)

    lines, position = [], None
    while records := store.logs(LogFilter(), 5, position):
        lines += [record.row.body_text for record in records]
        position = records[-1].position
    assert lines == [f"{n}/{day}" for n in (2, 1, 0) for day in (3, 2, 1, 0)]


def test_traces_of_different_days_are_related(store: Store, clock: FakeClock) -> None:
    chat = {"gen_ai.operation.name": "invoke_agent", "gen_ai.conversation.id": "c"}
    store_now(store, span(trace=1, attributes=chat))
    clock.advance(DAY)
    store_now(store, span(trace=2, attributes=chat, links=[(3, 1)]))
    clock.advance(DAY)
    store_now(store, span(trace=3))

    assert store.related(trace_id(1)) == {trace_id(2)}
    assert store.related(trace_id(2)) == {trace_id(1), trace_id(3)}
    assert store.related(trace_id(3)) == {trace_id(2)}


def test_a_batch_is_known_on_every_later_day(store: Store, clock: FakeClock) -> None:
    store_now(store, log(), key=("stream", 1))
    clock.advance(5 * DAY)
    store_now(store, log(), key=("stream", 1))

    assert store.totals().logs == 1


def test_open_spans_are_lost_on_every_day(store: Store, clock: FakeClock) -> None:
    store_now(store, span(trace=1, is_open=True, producer="p"))
    clock.advance(DAY)
    store_now(store, span(trace=2, is_open=True, producer="p"))

    assert len(store.mark_lost("p").result(timeout=20)) == 2
    assert [summary.state for summary in store.traces(TraceFilter(), 5)] == ["lost", "lost"]


def test_a_clock_that_goes_back_does_no_harm(store: Store, clock: FakeClock) -> None:
    clock.advance(DAY)
    store_now(store, span(1))
    clock.advance(-DAY)
    store_now(store, span(2), log("back"))

    found = store.trace(trace_id(1), limit=10)
    assert found is not None
    assert len(found.spans) == 2
    assert bodies(store) == ["back"]


def test_days_that_are_too_old_are_deleted_and_no_longer_answer(
    address: str, clock: FakeClock
) -> None:
    with closing(open_store(address, clock=clock, retention=Retention(days=2))) as store:
        for day in range(4):
            store_now(store, span(trace=day + 1, start=day * DAY), log(str(day), at=day * DAY))
            clock.advance(DAY)
        clock.advance(-1)  # to the last second of the fourth day

        expired = store.expire().result(timeout=20)
        assert expired.days == ("2026-01-01",)
        assert store.totals().deleted_bytes == expired.bytes > 0
        assert bodies(store) == ["3", "2", "1"]
        assert [line.trace_id[-1] for line in store.traces(TraceFilter(), 9)] == [4, 3, 2]
        assert store.trace(trace_id(1), 9) is None
        assert store.totals().days == ("2026-01-02", "2026-01-03", "2026-01-04")
        assert store.expire().result(timeout=20).days == ()
