"""Files of the schema's first version go on: what they hold is read, and what comes is added."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING
from zlib import crc32

import pytest
from opentelemetry.proto.metrics.v1.metrics_pb2 import ResourceMetrics

from otbridge.hub.query.attribute_filters import read_conditions
from otbridge.hub.store import open_store
from otbridge.hub.store.vocabulary import (
    AttributeKey,
    LogFilter,
    LogPosition,
    MetricFilter,
    ScanFilter,
    ScanPosition,
    Term,
    TraceFilter,
)
from tests.hub.store.builders import SECOND, T0, log, span, store_now, trace_id

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from otbridge.hub.store import Store
    from otbridge.testing.clock import FakeClock

AGENT = {
    "gen_ai.operation.name": "invoke_agent",
    "gen_ai.agent.name": "planner",
    "gen_ai.conversation.id": "talk",
    "otbridge.run.id": "run",
}
"""What the agent's spans in the file have as attributes."""


@pytest.fixture
def store(tmp_path: Path, clock: FakeClock) -> Iterator[Store]:
    """A store with one file of version 1: two traces, an open span, a lost one, and two logs."""
    with closing(sqlite3.connect(tmp_path / "2026-01-01.db")) as old:
        old.executescript(Path(__file__).with_name("version_1.sql").read_text(encoding="utf-8"))
    opened = open_store(tmp_path, clock=clock)
    yield opened
    opened.close()


def spans(store: Store, trace: int = 1) -> list[int]:
    found = store.trace(trace_id(trace), limit=99)
    assert found is not None
    return [row.span_id[-1] for row in found.spans]


def test_a_trace_reads_as_it_was_written(store: Store) -> None:
    found = store.trace(trace_id(1), limit=9)
    assert found is not None
    assert [(row.name, row.end_ns and (row.end_ns - T0) // SECOND) for row in found.spans] == [
        ("GET /offer", 6),
        ("SELECT", 3),
        ("work", 0),
        ("work", 0),
    ]
    assert found.spans[1] == span(
        2,
        parent=1,
        name="SELECT",
        service="db",
        start=2,
        error=True,
        attributes={"user.name": "Ada Lovelace"},
    )
    assert [row.lost for row in found.spans] == [False, False, False, True]
    assert found.logs == [
        log("order placed", trace=1, span=1, at=3, attributes={"bank": "ACME"}),
    ]
    assert found.summary.state == "open"


def test_what_comes_later_joins_what_was_there(store: Store) -> None:
    store_now(store, span(2, parent=1), span(3, parent=1, start=3), span(5), log("new", trace=1))

    assert sorted(spans(store)) == [1, 2, 3, 4, 5]
    summary = store.summary(trace_id(1))
    assert summary is not None
    assert (summary.span_count, summary.open_count, summary.lost_count) == (5, 0, 1)
    assert store.totals().duplicates == 1
    assert [found.row.body_text for found in store.logs(LogFilter(trace_id=trace_id(1)), 9)] == [
        "order placed",
        "new",
    ]


def test_open_spans_stay_whose_they_were(store: Store) -> None:
    assert store.open_producers() == ["p"]
    assert [row.span_id[-1] for row in store.mark_lost("p").result(timeout=20)] == [3]
    wanted = [(trace_id(1), row.span_id) for row in store.spans([trace_id(1)], 9) if row.lost]
    found = store.mark_open(wanted).result(timeout=20)
    assert [row.span_id[-1] for row in found] == [3, 4]


def test_pages_go_over_old_and_new_logs_in_one_order(store: Store) -> None:
    store_now(store, *(log(f"new {number}", at=number) for number in range(6)))
    seen: list[str] = []
    after: LogPosition | None = None
    while page := store.logs(LogFilter(), 3, after):
        seen += [found.row.body_text for found in page]
        after = page[-1].position
    assert seen == ["new 5", "new 4", "alone", "new 3", "order placed", "new 2", "new 1", "new 0"]


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ({"service": "web"}, ["alone"]),
        ({"min_severity": 17}, ["alone"]),
        ({"terms": (Term("order"),)}, ["order placed"]),
        ({"terms": (Term("ACME", "bank"),)}, ["order placed", "new"]),
    ],
)
def test_filters_find_logs_of_both(
    store: Store, wanted: dict[str, Any], expected: list[str]
) -> None:
    store_now(store, log("new", attributes={"bank": "ACME"}))
    found = store.logs(LogFilter(**wanted), 9)
    assert [stored.row.body_text for stored in found] == expected


@pytest.mark.parametrize(
    ("terms", "expected"),
    [
        ([Term("love")], [3, 1]),
        ([Term("select")], [1]),
        ([Term("Ada Lovelace", "user.name")], [3, 1]),
        ([Term("ACME", "bank")], [1]),
        ([Term("planner", "gen_ai.agent.name")], [2]),
    ],
)
def test_words_find_traces_of_both(store: Store, terms: list[Term], expected: list[int]) -> None:
    store_now(store, span(trace=3, start=9, attributes={"user.name": "Ada Lovelace"}))
    found = store.traces(TraceFilter(terms=tuple(terms)), 9)
    assert [int.from_bytes(summary.trace_id) for summary in found] == expected


def test_values_are_counted_over_both(store: Store) -> None:
    store_now(store, log("new", service="web", event="e"))
    assert store.facets(LogFilter(), "service").counts == {"shop": 1, "web": 2}
    assert store.facets(LogFilter(), "name").counts == {"": 1, "e": 2}


def test_traces_are_joined_over_both(store: Store) -> None:
    store_now(store, span(trace=3, attributes=AGENT))
    assert store.related(trace_id(3)) == {trace_id(1), trace_id(2)}
    assert store.related(trace_id(1)) == {trace_id(2), trace_id(3)}
    assert store.traces_of_run("run") == {trace_id(1), trace_id(2), trace_id(3)}


@pytest.mark.parametrize("limit", [1, 2, 100])
def test_a_scan_gives_what_was_there_first_and_everything_once(store: Store, limit: int) -> None:
    store_now(store, span(3), span(7, trace=3), log("new"))
    found: dict[str, list[Any]] = {"traces": [], "logs": []}
    for signal in found:
        after: ScanPosition | None = None
        while True:
            page = store.scan(ScanFilter(signal), limit, after)  # type: ignore[arg-type]
            found[signal] += page.rows
            after = page.next_position
            if after is None:
                break
    assert [(row.trace_id[-1], row.span_id[-1]) for row in found["traces"]] == [
        (1, 1),
        (1, 2),
        (2, 1),
        (1, 3),
        (3, 7),
    ]
    assert [row.body_text for row in found["logs"]] == ["order placed", "alone", "new"]


def test_it_is_converted_once(store: Store, tmp_path: Path, clock: FakeClock) -> None:
    store_now(store, span(9))
    store.close()
    again = open_store(tmp_path, clock=clock)
    assert sorted(spans(again)) == [1, 2, 3, 4, 9]
    assert again.totals().spans == 6
    again.close()


def test_its_conversations_are_sessions(store: Store) -> None:
    (talk,) = store.session("talk")
    assert (talk.key, talk.trace_count) == ("gen_ai.conversation.id", 2)


def test_its_metrics_are_found_by_name(tmp_path: Path, clock: FakeClock) -> None:
    message = ResourceMetrics()
    point = message.scope_metrics.add().metrics.add(name="load").gauge.data_points.add()
    point.time_unix_nano = T0
    data = message.SerializeToString()
    with closing(sqlite3.connect(tmp_path / "2026-01-01.db")) as old:
        old.executescript(Path(__file__).with_name("version_1.sql").read_text(encoding="utf-8"))
        old.execute(
            "INSERT INTO otel_metrics VALUES (1, 'shop', ?, 1, ?, ?)", (T0, data, crc32(data))
        )
        old.commit()
    with closing(open_store(tmp_path, clock=clock)) as store:
        assert [one.name for one in store.metrics()] == ["load"]
        assert len(store.metric_rows(MetricFilter("load", T0, T0 + 1), 10)) == 1


def test_its_records_are_found_by_attributes_of_a_type(store: Store) -> None:
    wanted = read_conditions("attr", ["user.name=Ada Lovelace"])
    assert [found.trace_id for found in store.traces(TraceFilter(attributes=wanted), 9)] == [
        trace_id(1)
    ]
    wanted = read_conditions("attr", ["bank!=1"])
    found = store.logs(LogFilter(attributes=wanted), 9)
    assert [one.row.body_text for one in found] == ["order placed"]
    assert store.facets(LogFilter(), AttributeKey("bank")).counts == {'"ACME"': 1}
    names = store.facets(TraceFilter(), AttributeKey("user.name"))
    assert names.counts == {'"Ada Lovelace"': 1}
