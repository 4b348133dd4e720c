"""What a ClickHouse server is used for and protected from, beyond what every store promises."""

from __future__ import annotations

import http.client
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from itertools import count
from typing import TYPE_CHECKING

import pytest

from otbridge.errors import StoreError
from otbridge.hub.store import QueryTooSlow, StoreFull, open_store
from otbridge.hub.store.clickhouse import ClickHouseStore, schema
from otbridge.hub.store.vocabulary import LogFilter, Term, TraceFilter
from tests.contract.store.server import Server, free_port
from tests.hub.store.builders import T0, log, span, store_now, trace_id

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from otbridge.testing.clock import FakeClock

_databases = count(1)


@pytest.fixture
def database() -> str:
    return f"own_{next(_databases)}"


@pytest.fixture
def clickhouse(server: Server, database: str, clock: FakeClock) -> Iterator[ClickHouseStore]:
    with closing(_open(server, database, clock)) as store:
        yield store


def _open(server: Server, database: str, clock: FakeClock | None = None) -> ClickHouseStore:
    store = open_store(f"clickhouse://127.0.0.1:{server.http_port}/{database}", clock=clock)
    assert isinstance(store, ClickHouseStore)
    return store


def ask(server: Server, sql: str) -> str:
    """Run a statement as anybody may who has the server's address."""
    connection = http.client.HTTPConnection("127.0.0.1", server.http_port, timeout=20)
    with closing(connection):
        connection.request("POST", "/", sql.encode())
        answer = connection.getresponse()
        text = answer.read().decode()
        assert answer.status == 200, text
        return text.strip()


def test_kinds_that_others_spell_differently_are_of_no_kind(
    clickhouse: ClickHouseStore, server: Server, database: str
) -> None:
    store_now(clickhouse, span(1, trace=1, name="ours", kind=2))
    ask(
        server,
        f"INSERT INTO {database}.otel_traces (Timestamp, TraceId, SpanId, SpanName, SpanKind,"
        " ServiceName, Duration)"
        f" VALUES (fromUnixTimestamp64Nano({T0}), '{trace_id(2).hex()}', '{'1' * 16}', 'theirs',"
        " 'SPAN_KIND_SERVER', 'collector', 5)",
    )
    found = {one.name: one.root_kind for one in clickhouse.traces(TraceFilter(), 9)}
    assert found == {"ours": 2, "theirs": 0}
    minute = 60 * 10**9
    operations = clickhouse.operations(T0, T0 + minute)
    minutes = clickhouse.operation_minutes(T0, T0 + minute, 9)
    assert {one.name: one.kind for one in operations} == {"ours": 2, "theirs": 0}
    assert {one.name: one.kind for one in minutes} == {"ours": 2, "theirs": 0}


def test_others_read_the_columns_of_the_collectors_exporter(
    clickhouse: ClickHouseStore, server: Server, database: str
) -> None:
    store_now(
        clickhouse,
        span(
            7,
            parent=1,
            kind=3,
            error=True,
            duration=2,
            attributes={"http.route": "/o", "retries": 3, "ok": True, "tags": ["a", 1]},
            event={"exception.type": "E"},
            links=[(2, 3)],
        ),
        log("said", trace=1, span=7, severity=17, attributes={"n": 1.5}, event="e"),
    )
    columns = (
        "TraceId, SpanId, ParentSpanId, SpanName, SpanKind, ServiceName, Duration, StatusCode,"
        " StatusMessage, SpanAttributes['http.route'], SpanAttributes['retries'],"
        " SpanAttributes['ok'], SpanAttributes['tags'], ResourceAttributes['service.name'],"
        " ScopeName, Events.Name, Events.Attributes[1]['exception.type'], Links.TraceId"
    )
    told = ask(server, f"SELECT {columns} FROM {database}.otel_traces").split("\t")
    assert told == [
        *(f"{1:032x}", f"{7:016x}", f"{1:016x}", "work", "Client", "shop", "2000000000", "Error"),
        *("it broke", "/o", "3", "true", '["a",1]', "shop", "tests", "['exception']", "E"),
        f"['{2:032x}']",
    ]
    columns = "SeverityNumber, SeverityText, Body, EventName, LogAttributes['n'], ServiceName"
    told = ask(server, f"SELECT {columns} FROM {database}.otel_logs").split("\t")
    assert told == ["17", "LEVEL", "said", "e", "1.5", "shop"]


def test_copies_count_once_before_and_after_they_are_merged(
    server: Server, database: str, clock: FakeClock
) -> None:
    """Two hubs that were sent the same batch know nothing of each other."""
    with (
        closing(_open(server, database, clock)) as one,
        closing(_open(server, database, clock)) as other,
    ):
        ask(server, f"SYSTEM STOP MERGES {database}.otel_logs")
        ask(server, f"SYSTEM STOP MERGES {database}.otel_traces")
        sent = [log(str(number), trace=1) for number in range(5)]
        for store in (one, other):
            store_now(store, span(is_open=True), *sent, key=("stream", 1))
            store_now(store, span(), key=("stream", 2))
        assert ask(server, f"SELECT count() FROM {database}.otel_logs") == "10"
        for merge in ("", f"OPTIMIZE TABLE {database}.otel_logs FINAL"):
            if merge:
                ask(server, f"SYSTEM START MERGES {database}.otel_logs")
                ask(server, merge)
                assert ask(server, f"SELECT count() FROM {database}.otel_logs") == "5"
            assert [found.row.body_text for found in one.logs(LogFilter(), 9)] == list("43210")
            assert len(other.logs(LogFilter(), 2)) == 2
            assert other.facets(LogFilter(), "service").counts == {"shop": 5}
            (summary,) = other.traces(TraceFilter(), 9)
            assert (summary.span_count, summary.log_count, summary.state) == (1, 5, "complete")
            assert (one.totals().spans, one.totals().logs) == (1, 5)


def test_copies_of_different_days_count_once(
    clickhouse: ClickHouseStore, server: Server, database: str, clock: FakeClock
) -> None:
    """Partitions are never merged with each other, so these copies stay."""
    store_now(clickhouse, span(is_open=True), log("said", trace=1), key=("stream", 1))
    clock.advance(86_400)
    with closing(_open(server, database, clock)) as other:
        store_now(other, span(), log("said", trace=1), key=("stream", 1))
        assert (other.totals().spans, other.totals().logs) == (1, 1)
        assert len(other.logs(LogFilter(), 9)) == 1
        (summary,) = other.traces(TraceFilter(), 9)
        assert (summary.span_count, summary.log_count, summary.state) == (1, 1, "complete")


def test_counts_of_very_many_records_do_without_merging(
    clickhouse: ClickHouseStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(2):
        store_now(clickhouse, span())
    assert clickhouse._asker.counted(clickhouse._asker.tables.traces).endswith(" FINAL")
    assert clickhouse.services()[0].span_count == 1
    monkeypatch.setattr("otbridge.hub.store.clickhouse.questions.COUNTED_EXACTLY", 1)
    assert clickhouse.services()[0].span_count in (1, 2)  # as far as they are merged
    assert clickhouse.operations(T0, T0 + 1)[0].count in (1, 2)


def test_a_user_who_is_refused_hears_why_and_no_password(server: Server, database: str) -> None:
    with pytest.raises(StoreError, match="Authentication failed") as caught:
        open_store(f"clickhouse://ada:hunter2@127.0.0.1:{server.http_port}/{database}")
    assert "hunter2" not in f"{caught.value} {caught.value!r}"


def test_a_server_that_is_down_holds_up_nobody(server: Server, database: str) -> None:
    gone = free_port()
    store = open_store(f"clickhouse://127.0.0.1:{gone},127.0.0.1:{server.http_port}/{database}")
    with closing(store):
        store_now(store, span())
        assert store.totals().spans == 1


def test_pages_pass_over_copies(server: Server, database: str) -> None:
    """A page with copies is filled up, and the next one begins behind all of them."""
    for _ in range(3):
        with closing(_open(server, database)) as store:
            sent = [log(str(number), at=number // 4) for number in range(30)]
            store_now(store, *sent, key=("stream", 1))
    with closing(_open(server, database)) as store:
        seen: list[str] = []
        after = None
        while page := store.logs(LogFilter(), 7, after):
            assert len(page) == 7 or len(seen) + len(page) == 30
            seen += [found.row.body_text for found in page]
            after = page[-1].position
        assert seen == [str(number) for number in reversed(range(30))]


def test_a_question_that_takes_too_long_is_ended(clickhouse: ClickHouseStore) -> None:
    store_now(clickhouse, *(log(f"word{number}", at=number) for number in range(3_000)))
    clickhouse._asker.budget_s = 0.000_01
    with pytest.raises(QueryTooSlow, match="more than 2 s") as caught:
        clickhouse.logs(LogFilter(terms=(Term("ord1"), Term("nothing"))), 10)
    assert "Narrow" in caught.value.do
    clickhouse._asker.budget_s = 2.0
    assert clickhouse.logs(LogFilter(terms=(Term("nothing"),)), 10) == []


def test_a_server_that_was_never_there_is_named() -> None:
    address = f"clickhouse://ada:hunter2@127.0.0.1:{free_port()}/own"
    with pytest.raises(StoreError, match="cannot be reached") as caught:
        open_store(address)
    assert "hunter2" not in str(caught.value)


@pytest.mark.usefixtures("server")  # which says where there is none
def test_a_server_that_is_gone_is_named_and_found_again(tmp_path: Path) -> None:
    mortal = Server(tmp_path)
    mortal.start()
    try:
        with closing(_open(mortal, "own")) as store:
            store_now(store, span())
            mortal.kill()
            with pytest.raises(StoreFull, match="cannot be reached") as caught:
                store_now(store, log())
            assert f"127.0.0.1:{mortal.http_port}" in str(caught.value)
            with pytest.raises(StoreError, match="cannot be reached"):
                store.traces(TraceFilter(), 1)
            mortal.start()
            store_now(store, log(trace=1))
            summary = store.summary(trace_id(1))
            assert summary is not None
            assert (summary.span_count, summary.log_count) == (1, 1)
    finally:
        mortal.kill()


def test_hubs_that_start_together_make_the_tables_once(server: Server, database: str) -> None:
    with ThreadPoolExecutor(4) as threads:
        stores = list(threads.map(lambda _: _open(server, database), range(4)))
    for store in stores:
        store_now(store, log())
        store.close()
    assert ask(server, f"SELECT count() FROM {database}.otel_logs") == "4"


def test_tables_of_a_newer_version_are_refused_and_left_alone(
    clickhouse: ClickHouseStore, server: Server, database: str
) -> None:
    ask(server, f"INSERT INTO {database}.otbridge_schema (Version) VALUES (99)")
    with pytest.raises(StoreError, match="newer otbridge"):
        _open(server, database)
    assert clickhouse.totals().logs == 0


def test_a_known_version_is_not_migrated_again(
    clickhouse: ClickHouseStore,
    server: Server,
    database: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    known = schema._MIGRATIONS[-1].version
    step = schema._Migration(known, ("SELECT throwIf(1)",))
    added = schema._Migration(
        known + 1, ("ALTER TABLE {db}.otel_logs ADD COLUMN IF NOT EXISTS New UInt8",)
    )
    monkeypatch.setattr(schema, "_MIGRATIONS", (step, added))
    _open(server, database).close()
    assert ask(server, f"SELECT max(Version) FROM {database}.otbridge_schema") == str(known + 1)
    assert (
        ask(
            server,
            f"SELECT count() FROM system.columns WHERE database = '{database}'"
            " AND table = 'otel_logs' AND name = 'New'",
        )
        == "1"
    )
