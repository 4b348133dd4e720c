"""What older files have is known without asking them, and never wrongly denied."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from otbridge.hub.store import open_store
from otbridge.hub.store.sqlite import SqliteStore
from otbridge.hub.store.sqlite.writing import older_traces
from otbridge.hub.store.sqlite.writing.older_traces import OlderTraces
from tests.hub.store.builders import log, span, store_now, trace_id
from tests.hub.store.sqlite.inside import writer_of

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from otbridge.testing.clock import FakeClock

DAY = 86_400


def span_counts(store: SqliteStore, traces: int) -> list[int]:
    found = [store.summary(trace_id(number)) for number in range(1, traces + 1)]
    return [summary.span_count if summary else 0 for summary in found]


@given(st.sets(st.binary(min_size=16, max_size=16), max_size=200))
def test_a_trace_that_is_there_is_never_denied(trace_ids: set[bytes]) -> None:
    older = OlderTraces()
    older.add(trace_ids)
    assert all(map(older.may_have, trace_ids))


def test_of_a_hundred_thousand_traces_that_are_not_there_hardly_one_is_asked_about() -> None:
    older = OlderTraces()
    older.add(number.to_bytes(16) for number in range(100_000))
    asked = sum(older.may_have(number.to_bytes(16)) for number in range(100_000, 200_000))
    assert asked < 100


def test_traces_go_on_in_their_files_while_these_are_read_in_and_afterwards(
    store: SqliteStore, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(older_traces, "_READ_AT_ONCE", 2)
    days = 4
    for day in range(days):
        store_now(store, *(span(1, trace=day * 3 + number) for number in (1, 2, 3)))
        clock.advance(DAY)
    for again in range(2, 20):
        store_now(store, *(span(again, trace=number) for number in range(1, days * 3 + 1)))
    assert span_counts(store, days * 3) == [19] * days * 3
    files = writer_of(store).files
    assert files._older.days == set(files.days[:-1])
    for name in files.days[:-1]:
        traces = files.writer(name).db.execute("SELECT count(*) FROM otel_trace_summary").fetchone()
        assert traces == (3,)


def test_a_store_that_is_opened_again_finds_the_files_of_its_traces(
    store: SqliteStore, clock: FakeClock, tmp_path: Path
) -> None:
    store_now(store, span(1, trace=1))
    clock.advance(DAY)
    store_now(store, span(1, trace=2))
    store.close()
    clock.advance(DAY)
    again = open_store(tmp_path / "store", clock=clock)
    assert isinstance(again, SqliteStore)
    for number in range(2, 6):
        store_now(again, span(number, trace=1), log("late", trace=2))
    assert span_counts(again, 2) == [5, 1]
    assert again.totals().days == ("2026-01-01", "2026-01-02", "2026-01-03")
    assert again.totals().spans == 6
    again.close()


def test_a_clock_that_was_set_back_splits_no_trace(store: SqliteStore, clock: FakeClock) -> None:
    store_now(store, span(1, trace=1))
    clock.advance(DAY)
    for number in range(2, 5):
        store_now(store, span(number, trace=1))
    clock.advance(-DAY)
    store_now(store, span(1, trace=2))  # in the older file, which was read in before
    clock.advance(DAY)
    for number in range(2, 5):
        store_now(store, span(number, trace=2))
    assert span_counts(store, 2) == [4, 4]
    counted = [
        writer.db.execute("SELECT count(*) FROM otel_trace_summary").fetchone()
        for writer in (writer_of(store).files.writer(day) for day in store.totals().days)
    ]
    assert counted == [(2,), (0,)]
