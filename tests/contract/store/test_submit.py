"""What a store promises to those who send: all of it, once, and on disk when it says so."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from otbridge.errors import StoreError
from otbridge.hub.api.traces import get_trace
from otbridge.hub.store import open_store
from otbridge.hub.store.vocabulary import LogFilter, TraceFilter
from tests.hub.store.builders import batch, log, span, store_now, trace_id

if TYPE_CHECKING:
    from otbridge.hub.store import Store
    from otbridge.hub.store.vocabulary import TraceSummary
    from otbridge.wire.rows import SpanRow
    from tests.contract.store.kinds import Kind


def summary_of(store: Store, trace: int = 1) -> TraceSummary:
    summary = store.summary(trace_id(trace))
    assert summary is not None
    return summary


def test_a_batch_can_be_read_as_soon_as_its_future_is_resolved(store: Store) -> None:
    store.submit(batch([span(), log(trace=1)])).result(timeout=20)

    found = store.trace(trace_id(1), limit=10)
    assert found is not None
    assert [row.name for row in found.spans] == ["work"]
    assert [row.body_text for row in found.logs] == ["order placed"]


def test_rows_come_back_as_they_went_in(store: Store) -> None:
    sent = span(parent=7, kind=3, error=True, attributes={"a": 1}, links=[(2, 3)], producer="p")
    said = log({"any": "thing"}, trace=1, span=1, event="e", attributes={"b": [1, "x"]})
    store_now(store, sent, said)

    found = store.trace(trace_id(1), limit=10)
    assert found is not None
    assert found.spans == [sent]
    assert found.logs == [said]


def test_fields_that_nobody_knows_are_kept_with_the_record(store: Store) -> None:
    sent = span()
    sent.data += b"\xfa\x3f\x05later"  # field 1023, from a version of OTLP to come
    store_now(store, sent)

    found = store.trace(trace_id(1), limit=10)
    assert found is not None
    assert found.spans[0].data == sent.data


def test_a_batch_with_a_known_key_is_stored_once(store: Store) -> None:
    for _ in range(3):
        store_now(store, log(), span(), key=("stream", 1))
    store_now(store, log(), key=("stream", 2))
    store_now(store, log(), key=("other stream", 1))

    assert len(store.logs(LogFilter(), 10)) == 3
    assert store.totals().duplicates == 2


def test_equal_logs_without_a_key_are_all_kept(store: Store) -> None:
    store_now(store, log(), log())
    store_now(store, log())

    assert len(store.logs(LogFilter(), 10)) == 3


def test_a_span_that_comes_again_is_stored_once(store: Store, kind: Kind) -> None:
    store_now(store, span(error=True), span(error=True))
    store_now(store, span(error=True))

    assert summary_of(store).span_count == 1
    assert summary_of(store).error_count == 1
    assert store.totals().spans == 1
    assert store.totals().duplicates == (2 if kind.promises("counts repeated spans") else 0)


def test_equal_span_ids_in_two_traces_are_two_spans(store: Store) -> None:
    store_now(store, span(trace=1), span(trace=2))

    assert store.totals().spans == 2


@pytest.mark.parametrize("together", [True, False])
@pytest.mark.parametrize("order", [[0, 1], [1, 0], [0, 1, 0], [1, 0, 1]])
def test_an_ended_span_takes_the_place_of_the_open_one_in_any_order(
    store: Store, order: list[int], *, together: bool
) -> None:
    states = [
        span(is_open=True, name="begun"),
        span(name="ended", error=True, duration=5, links=[(2, 1)]),
    ]
    rows = [states[index] for index in order]
    if together:
        store_now(store, *rows)
    else:
        for row in rows:
            store_now(store, row)

    found = store.trace(trace_id(1), limit=10)
    assert found is not None
    assert found.spans == [states[1]]
    assert (found.summary.name, found.summary.state) == ("ended", "complete")
    assert (found.summary.span_count, found.summary.open_count) == (1, 0)
    assert found.summary.error_count == 1
    assert found.summary.duration_ns == 5_000_000_000


def test_an_open_span_shows_its_trace_as_open(store: Store) -> None:
    store_now(store, span(1), span(2, parent=1, is_open=True))

    assert summary_of(store).state == "open"
    assert (summary_of(store).span_count, summary_of(store).open_count) == (2, 1)


def test_open_spans_of_a_sender_that_is_gone_are_lost(store: Store) -> None:
    store_now(
        store,
        span(1, producer="gone", is_open=True),
        span(2, parent=1, producer="gone", start=1),
        span(3, parent=1, producer="here", is_open=True, start=2),
    )
    lost = store.mark_lost("gone").result(timeout=20)
    assert [(row.span_id[-1], row.lost) for row in lost] == [(1, True)]
    assert (summary_of(store).open_count, summary_of(store).lost_count) == (1, 1)
    assert summary_of(store).state == "open"

    store.mark_lost("here").result(timeout=20)
    assert summary_of(store).state == "lost"
    assert store.mark_lost("gone").result(timeout=20) == []
    found = store.trace(trace_id(1), limit=10)
    assert found is not None
    assert [row.lost for row in found.spans] == [True, False, True]


def test_a_lost_span_that_ends_after_all_is_complete(store: Store) -> None:
    store_now(store, span(producer="p", is_open=True))
    store.mark_lost("p").result(timeout=20)
    store_now(store, span(producer="p"))

    assert summary_of(store).state == "complete"
    assert summary_of(store).lost_count == 0


def test_closing_commits_what_is_waiting(address: str) -> None:
    store = open_store(address)
    futures = [store.submit(batch([log(str(number))])) for number in range(200)]
    store.close()
    store.close()
    assert all(future.done() and future.exception() is None for future in futures)

    again = open_store(address)
    assert again.totals().logs == 200
    again.close()


def test_a_batch_is_known_after_a_restart(address: str) -> None:
    for _ in range(2):
        with closing(open_store(address)) as store:
            store_now(store, log("a"), log("b"), span(), key=("stream", 1))
            assert [found.row.body_text for found in store.logs(LogFilter(), 9)] == ["b", "a"]
            assert (store.totals().logs, store.totals().spans) == (2, 1)


def test_a_closed_store_says_so(store: Store) -> None:
    store.close()

    with pytest.raises(StoreError, match="closed"):
        store.submit(batch([log()])).result(timeout=20)
    with pytest.raises(StoreError, match="closed"):
        store.traces(TraceFilter(), 1)


def _some_trace() -> list[SpanRow]:
    return [
        span(1, name="root", service="web", start=5, duration=9),
        span(2, parent=1, name="early", service="api", start=1, duration=2, error=True),
        span(2, parent=1, name="begun", service="api", start=1, is_open=True),
        span(3, parent=2, name="late", service="api", start=20, duration=3),
        span(4, parent=9, name="orphan", service="db", start=6, is_open=True),
        span(1, name="root", service="web", start=5, is_open=True),
    ]


def test_the_summary_does_not_depend_on_order_grouping_or_repetition(
    store: Store, kind: Kind
) -> None:
    @settings(max_examples=kind.examples)
    @given(data=st.data())
    def holds(data: st.DataObject) -> None:
        _check_a_summary(store, data)

    holds()


def _check_a_summary(store: Store, data: st.DataObject) -> None:
    repeated = data.draw(st.lists(st.sampled_from(range(6)), max_size=4))
    order = data.draw(st.permutations([*range(6), *repeated]))
    cuts = data.draw(st.lists(st.booleans(), min_size=len(order), max_size=len(order)))
    trace = data.draw(st.integers(min_value=1, max_value=2**100))
    while store.summary(trace_id(trace)) is not None:
        trace += 1

    rows: list[SpanRow] = []
    for index, cut in zip(order, cuts, strict=True):
        row = _some_trace()[index]
        row.trace_id = trace_id(trace)
        rows.append(row)
        if cut:
            store_now(store, *rows)
            rows.clear()
    store_now(store, *rows)

    found = summary_of(store, trace)
    assert found.name == "root"
    assert (found.root_service, found.root_span_id) == ("web", _some_trace()[0].span_id)
    assert (found.span_count, found.open_count, found.error_count) == (4, 1, 1)
    assert dict(found.services) == {"web": 1, "api": 2, "db": 1}
    assert (found.start_ns, found.duration_ns) == (_some_trace()[1].start_ns, 22_000_000_000)


def test_services_stand_in_the_order_in_which_they_took_part(store: Store) -> None:
    """Whoever answers last is heard first; the reader is told it the other way round."""
    for number, service in ((3, "worker"), (2, "api"), (1, "web")):
        store_now(store, span(number, trace=9, parent=number - 1, service=service, start=number))

    assert list(summary_of(store, 9).services) == ["web", "worker", "api"]
    whole = get_trace(store, {"trace_id": trace_id(9)})
    assert [entry["name"] for entry in whole["services"]] == ["web", "api", "worker"]
