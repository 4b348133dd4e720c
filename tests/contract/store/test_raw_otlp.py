"""Requests that ClickHouse reads by itself: the same rows, in every column, as the hub makes."""

from __future__ import annotations

import ast
import json
import math
from contextlib import closing
from itertools import count
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from otbridge.hub.decoding import decode
from otbridge.hub.store import open_store
from otbridge.hub.store.clickhouse import ClickHouseStore, loads, schema, words
from otbridge.hub.store.conditions import AttributeCondition
from otbridge.hub.store.text import attribute_words, fold
from otbridge.hub.store.vocabulary import AttributeKey, LogFilter, Term, TraceFilter
from otbridge.wire.protobuf import field, varint
from otbridge.wire.rows import Batch, LogRow, SpanRow
from tests.contract.store.test_clickhouse import ask
from tests.hub.store.builders import (
    SECOND,
    T0,
    any_value,
    key_values,
    log,
    span,
    span_id,
    store_now,
    trace_id,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from otbridge.testing.clock import FakeClock
    from tests.contract.store.server import Server

_databases = count(1)

VALUES: dict[str, Any] = {
    "text": "words, and 'more' \\ \" \t",
    "": "no key",
    "empty": "",
    "nothing": None,
    "number": -(2**63),
    "none": 0,
    "half": 1.5,
    "whole": 2.0,
    "tiny": 0.0001,
    "yes": True,
    "no": False,
    "bytes": b"\x00\xff",
    "unicode": "Żółw 🐢 Straße İ हिन्दी ΟΔΟΣ e\u0301",
    "nul": "a\x00b",
    "marked": "\ue000deadbeef00",
    "long": "word " * 1_000,
    "longer than a pair": "x" * 300,
    "session.id": "s1",
}
UNKNOWN_FIELD = field(varint(1_000 << 3 | 2), b"of a newer OTLP")


@pytest.fixture
def opened(
    server: Server, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[int], tuple[ClickHouseStore, str]]]:
    """Opens a store in which so many rows are worth being read by ClickHouse."""
    stores = []

    def open_one(fewest: int) -> tuple[ClickHouseStore, str]:
        monkeypatch.setattr(loads, "_FEWEST", fewest)
        database = f"raw_{next(_databases)}"
        store = _open(server, database, clock)
        stores.append(store)
        return store, database

    yield open_one
    for store in stores:
        store.close()


def _open(server: Server, database: str, clock: FakeClock) -> ClickHouseStore:
    store = open_store(f"clickhouse://127.0.0.1:{server.http_port}/{database}", clock=clock)
    assert isinstance(store, ClickHouseStore)
    return store


def _attributes(values: dict[str, Any]) -> list[Any]:
    made = key_values({key: value for key, value in values.items() if value is not None})
    return [*made, *(type(made[0])(key=key) for key, value in values.items() if value is None)]


def _traces() -> bytes:
    spans = []
    for number in range(1, 8):
        one = Span(
            trace_id=trace_id(number % 3 + 1),
            span_id=span_id(number),
            parent_span_id=(b"", span_id(1), bytes(8), b"short")[number % 4],
            trace_state="a=b",
            name=f"GET /żółw/{number}",
            kind=number,  # type: ignore[arg-type] # one of them is unknown
            start_time_unix_nano=(T0, 0, 2**64 - 1)[number % 3],
            end_time_unix_nano=T0 + number,
            attributes=_attributes(VALUES),
        )
        one.status.code = number  # type: ignore[assignment] # most of them are unknown
        one.status.message = "It broke"
        event = one.events.add(time_unix_nano=2**64 - number, name="exception")
        event.attributes.extend(_attributes(VALUES))
        link = one.links.add(trace_id=trace_id(9), span_id=b"", trace_state="c=d")
        link.attributes.extend(_attributes(VALUES))
        spans.append(one)
    spans.append(Span(trace_id=trace_id(5), span_id=span_id(5)))
    lists = key_values({"tags": ["a", 1], "object": {"k": {"deep": [True]}}})
    spans.append(Span(trace_id=trace_id(6), span_id=span_id(6), attributes=lists))
    agents = key_values({"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "planner"})
    spans.append(Span(trace_id=trace_id(7), span_id=span_id(7), attributes=agents))
    request = ExportTraceServiceRequest()
    for begin in (0, 4):
        source = request.resource_spans.add(schema_url="https://example.org/resource")
        source.resource.attributes.extend(_attributes({**VALUES, "service.name": f"shop {begin}"}))
        within = source.scope_spans.add(schema_url="https://example.org/scope")
        within.scope.name, within.scope.version = "tests", "1.2"
        within.spans.extend(spans[begin : begin + 4] if not begin else spans[begin:])
    return request.SerializeToString()


def _logs() -> bytes:
    request = ExportLogsServiceRequest()
    source = request.resource_logs.add()
    source.resource.attributes.extend(_attributes({"service.name": "shop"}))
    within = source.scope_logs.add()
    within.scope.attributes.extend(_attributes(VALUES))
    for number, body in enumerate([*VALUES.values(), ["a", {"b": b"c"}], {"k": None}]):
        within.log_records.append(
            LogRecord(
                time_unix_nano=(0, T0 + number)[number % 2],
                observed_time_unix_nano=(0, T0 + SECOND)[number % 3 > 0],
                severity_number=number,  # type: ignore[arg-type] # an enum's number
                severity_text="LEVEL",
                trace_id=(b"", trace_id(1), b"short", bytes(16))[number % 4],
                span_id=(b"", span_id(1))[number % 2],
                body=None if body is None else any_value(body),
                attributes=_attributes(VALUES) if number % 2 else [],
                flags=0x301,
                event_name="order.placed",
            )
        )
    return request.SerializeToString()


def _with_unknown_fields(batch: Batch) -> Batch:
    rows: list[SpanRow | LogRow] = [*batch.spans, *batch.logs]
    for row in rows:
        row.data += UNKNOWN_FIELD
    return batch


def _rows(server: Server, database: str, table: str) -> list[dict[str, Any]]:
    """Return all rows in all columns; texts that are no UTF-8 in hexadecimals."""
    raw = ", ".join(f"hex({name}) AS {name}" for name in ("Raw", "ResourceRaw", "ScopeRaw"))
    lines = ask(
        server,
        f"SELECT * REPLACE ({raw}) FROM {database}.{table} ORDER BY Row FORMAT JSONEachRow",
    )
    return [json.loads(line) for line in lines.splitlines()]


@pytest.mark.parametrize(("signal", "table"), [("traces", "otel_traces"), ("logs", "otel_logs")])
def test_clickhouse_makes_of_a_request_the_rows_that_the_hub_makes(
    opened: Callable[[int], tuple[ClickHouseStore, str]], server: Server, signal: Any, table: str
) -> None:
    request = _traces() if signal == "traces" else _logs()
    found = []
    for fewest in (0, 1_000_000):
        store, database = opened(fewest)
        batch, refused = decode(signal, request, T0)
        assert not refused
        batch.key = ("stream", 1)
        store.submit(_with_unknown_fields(batch)).result(timeout=30)
        assert _refused(store) == 0
        found.append(_rows(server, database, table))
    by_clickhouse, by_hub = found
    assert len(by_clickhouse) == len(by_hub) >= 10
    for ours, theirs in zip(by_hub, by_clickhouse, strict=True):
        assert theirs == ours
        assert bytes.fromhex(theirs["Raw"]).endswith(UNKNOWN_FIELD)


def _refused(store: ClickHouseStore) -> int:
    return store._inserts._spans._refused + store._inserts._logs._refused


REFUSED_BY_CLICKHOUSE = {
    # Of a known field with another wire type the protobuf library makes an unknown one.
    "a name that is a number": varint(5 << 3) + varint(7),
    "a kind beyond 32 bits": varint(6 << 3) + varint(2**40),
    "an attribute with two values": field(
        b"\x4a", field(b"\x0a", b"k") + field(b"\x12", field(b"\x0a", b"text") + b"\x18\x05")
    ),
}


@pytest.mark.parametrize("addition", REFUSED_BY_CLICKHOUSE.values(), ids=REFUSED_BY_CLICKHOUSE)
def test_what_clickhouse_refuses_is_found_and_decoded_by_the_hub(
    opened: Callable[[int], tuple[ClickHouseStore, str]], addition: bytes
) -> None:
    """One such span among many takes only those of its own group along, and all are stored."""
    store, _ = opened(0)
    spans = [span(number, trace=number, service=f"shop {number}") for number in range(1, 20)]
    spans[7].data += addition
    store.submit(Batch(spans=spans)).result(timeout=30)
    assert _refused(store) in {0, 1}  # what is taken after it begins the count anew
    assert store.totals().spans == 19
    odd = store.trace(trace_id(8), 9)
    assert odd is not None
    assert odd.spans[0].data == spans[7].data


def test_a_server_that_takes_none_is_asked_no_more(
    opened: Callable[[int], tuple[ClickHouseStore, str]], caplog: pytest.LogCaptureFixture
) -> None:
    store, _ = opened(0)
    bad = [span(number, trace=number, service=f"shop {number}") for number in range(1, 10)]
    for one in bad:
        one.data += REFUSED_BY_CLICKHOUSE["a name that is a number"]
    store.submit(Batch(spans=bad)).result(timeout=60)
    assert "does not read OTLP by itself" in caplog.text
    caplog.clear()
    store.submit(Batch(spans=[span(20, trace=20)])).result(timeout=30)
    assert not caplog.text
    assert store.totals().spans == 10


def test_a_few_rows_and_the_agents_among_many_are_decoded_by_the_hub(
    opened: Callable[[int], tuple[ClickHouseStore, str]], server: Server
) -> None:
    store, database = opened(3)
    agent = {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "planner"}
    store_now(store, span(1), span(2, attributes=agent))
    store_now(store, span(3), span(4, attributes=agent), span(5), span(6))
    told = ask(
        server,
        f"SELECT groupArray((SpanId, GenAiKind, GenAiAgent)) FROM {database}.otel_traces"
        " WHERE GenAiKind != '' OR GenAiAgent != ''",
    )
    assert sorted(ast.literal_eval(told)) == [
        (span_id(number).hex(), "agent", "planner") for number in (2, 4)
    ]


def test_words_are_folded_as_the_hub_folds_them(server: Server) -> None:
    texts = [
        *("Das Café ÖFFNET", "e\u0301 decomposed", "ΟΔΟΣ ὀδός", "ПРИВЕТ, мир", "Straße ǅ İstanbul"),
        *("हिन्दी में", "ภาษาไทย", "中文 検索", "العَرَبِيَّة", "עִבְרִית", "Việt Nam", "한국어"),
        *("a_b-c.d/e", "snake_CASE žluťoučký", "x\u200dy \u2028 z", "10² ½ Ⅷ", "🐢 only"),
        *("plain ASCII, With (Punctuation)!", "", "nul\x00nul ż"),
    ]
    for text in texts:
        folded = words.fold(f"unhex('{text.encode().hex()}')")
        told = ask(server, f"SELECT hex({folded})")
        assert _words_of(bytes.fromhex(told).decode()) == _words_of(fold(text)), text


def _words_of(folded: str) -> list[str]:
    """Return the words as the index splits them: at all in ASCII that is no letter or digit."""
    return "".join(
        letter if letter.isalnum() or not letter.isascii() else " " for letter in folded
    ).split()


@pytest.mark.parametrize("fewest", [0, 1_000], ids=["by ClickHouse", "by the hub"])
def test_what_is_in_lists_is_found_by_word_and_by_pair(
    opened: Callable[[int], tuple[ClickHouseStore, str]], fewest: int
) -> None:
    store, _ = opened(fewest)
    values = {"tags": ["Red", 7, "line\nbreak"], "object": {"k": "Blue", "n": {"deep": "Green"}}}
    store_now(store, log("colours", attributes=values), log("others", attributes={"tags": "x"}))
    for term in (
        *(Term("red"), Term("blue"), Term("green"), Term("break")),
        *(Term("Red", "tags"), Term("7", "tags"), Term("Blue", "object")),
    ):
        found = store.logs(LogFilter(terms=(term,)), 9)
        assert [one.row.body_text for one in found] == ["colours"], term
    assert not store.logs(LogFilter(terms=(Term("Red", "object"),)), 9)


@pytest.mark.parametrize("fewest", [0, 1_000], ids=["by ClickHouse", "by the hub"])
def test_numbers_are_found_however_they_are_written(
    opened: Callable[[int], tuple[ClickHouseStore, str]], fewest: int
) -> None:
    store, _ = opened(fewest)
    numbers = [0, 7, 2.0, -2.5, 1e-7, 1.5e-5, 1e16, 123456789012345680.0, 2.0**70, 1e300, -(2**63)]
    store_now(store, *(log(str(number), attributes={"n": number}) for number in numbers))
    for number in numbers:
        wanted = LogFilter(attributes=(AttributeCondition("n", "=", number),))
        assert [one.row.body_text for one in store.logs(wanted, 9)] == [str(number)]


def test_numbers_that_json_has_no_digits_for_are_counted_by_name(
    opened: Callable[[int], tuple[ClickHouseStore, str]],
) -> None:
    numbers = (math.nan, math.inf, -math.inf, 1.0)
    for fewest in (0, 1_000):
        store, _ = opened(fewest)
        store_now(store, *(log(attributes={"n": number}) for number in numbers))
        counts = store.facets(LogFilter(), AttributeKey("n")).counts
        assert counts == {'"NaN"': 1, '"Infinity"': 1, '"-Infinity"': 1, "1.0": 1}


def test_a_row_of_a_collector_is_found_by_its_words_and_attributes(
    opened: Callable[[int], tuple[ClickHouseStore, str]], server: Server
) -> None:
    """A collector writes the columns of its exporter, and knows nothing of ours."""
    store, database = opened(0)
    ask(
        server,
        f"INSERT INTO {database}.otel_logs (Timestamp, ServiceName, Body, LogAttributes)"
        f" VALUES (fromUnixTimestamp64Nano({T0}), 'collected', 'Café', map('http.route', '/o'))",
    )
    ask(
        server,
        f"INSERT INTO {database}.otel_traces (Timestamp, TraceId, SpanId, SpanName, SpanKind, Duration,"
        " Events.Timestamp, Events.Name, Events.Attributes) VALUES"
        f" (fromUnixTimestamp64Nano({T0}), '{1:032x}', '{1:016x}', 'GET', 'Server', 5,"
        f" [fromUnixTimestamp64Nano({T0})], ['exception'], [map('exception.type', 'KeyError')])",
    )
    for wanted in (
        LogFilter(terms=(Term("cafe"),)),
        LogFilter(terms=(Term("/o", "http.route"),)),
        LogFilter(attributes=(AttributeCondition("http.route", "=", "/o"),)),
    ):
        assert len(store.logs(wanted, 9)) == 1
    for term in (Term("keyerror"), Term("KeyError", "exception.type")):
        assert len(store.traces(TraceFilter(terms=(term,)), 9)) == 1


def test_tables_of_version_1_are_brought_along_and_all_rows_are_found(
    server: Server, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows of that version have their words from the hub, with another hash for each pair."""
    database = f"raw_{next(_databases)}"
    with monkeypatch.context() as then:
        then.setattr(schema, "_MIGRATIONS", schema._MIGRATIONS[:1])
        _open(server, database, clock).close()
    old = " ".join(["said before", *attribute_words({"route": "/o"})])
    ask(
        server,
        f"INSERT INTO {database}.otel_logs (Timestamp, Body, LogAttributes, DerivedWords)"
        f" VALUES (fromUnixTimestamp64Nano({T0}), 'said before', map('route', '/o'), '{old}')",
    )
    monkeypatch.setattr(loads, "_FEWEST", 0)
    for _ in range(2):  # opened again, nothing is done again
        with closing(_open(server, database, clock)) as store:
            store_now(store, log("said now", attributes={"route": "/o"}), key=("stream", 1))
            for wanted in (
                LogFilter(terms=(Term("said"), Term("/o", "route"))),
                LogFilter(attributes=(AttributeCondition("route", "=", "/o"),)),
            ):
                found = {one.row.body_text for one in store.logs(wanted, 9)}
                assert found == {"said before", "said now"}
    versions = ask(server, f"SELECT arraySort(groupArray(Version)) FROM {database}.otbridge_schema")
    assert versions == "[1,2,3]"


def test_large_records_go_in_several_inserts_and_none_is_left_out(
    opened: Callable[[int], tuple[ClickHouseStore, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loads, "_ENOUGH_BYTES", 4_000)
    store, _ = opened(0)
    names = [f"shop {number}" for number in range(7)]
    store_now(store, *(log("x" * 1_500, service=name) for name in names))
    assert sorted(one.row.service for one in store.logs(LogFilter(), 20)) == names
