"""Public senders: what of their word is taken, and whose traces they may write into."""

from __future__ import annotations

import asyncio
import gzip
import json
import time
import uuid
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from otbridge.errors import LimitExceeded, MalformedData, StoreError
from otbridge.hub.access.key import Key, Kind, TraceContext
from otbridge.hub.access.trace_owners import TraceOwners
from otbridge.hub.access.untrusted import Untrusted, count_records
from otbridge.hub.ingest import Busy
from otbridge.hub.limits import MAX_PUBLIC_BODY_BYTES, MAX_PUBLIC_INFLATED_BYTES
from otbridge.wire.otlp_rows import decode_traces
from otbridge.wire.protobuf import field
from tests.hub.access.conftest import SHOP, new_key
from tests.hub.access.test_doors import bridge, hello
from tests.hub.hub_process import HubProcess

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from otbridge.wire.rows import SpanRow

PROTOBUF = "application/x-protobuf"
CLAIMS = {
    "service.name": "payments",
    "service.namespace": "bank",
    "service.instance.id": "payments-1",
    "telemetry.source": "public:k0",
    "otbridge.origin": "node",
    "deployment.environment.name": "production",
}


def span_id(number: int) -> bytes:
    return number.to_bytes(8, "big")


def traces(
    *spans: tuple[bytes, int, int], claims: dict[str, str] | None = None
) -> ExportTraceServiceRequest:
    """A request with spans of (trace id, number, parent's number or 0)."""
    request = ExportTraceServiceRequest()
    source = request.resource_spans.add()
    for name, value in (claims or {"service.name": "payments"}).items():
        source.resource.attributes.add(key=name).value.string_value = value
    found = source.scope_spans.add().spans
    now = time.time_ns()
    for trace_id, number, parent in spans:
        found.add(
            trace_id=trace_id,
            span_id=span_id(number),
            parent_span_id=span_id(parent) if parent else b"",
            name=f"span {number}",
            start_time_unix_nano=now,
            end_time_unix_nano=now + 1,
        )
    return request


def logs(trace_id: bytes, number: int) -> ExportLogsServiceRequest:
    request = ExportLogsServiceRequest()
    record = request.resource_logs.add().scope_logs.add().log_records.add()
    record.trace_id, record.span_id = trace_id, span_id(number)
    record.body.string_value = "line"
    record.flags = 1
    return request


class Held:
    """A store that holds spans, and counts how often it is asked."""

    def __init__(self) -> None:
        self.rows: list[SpanRow] = []
        self.asked = 0
        self.fails: Exception | None = None

    def add(self, request: bytes) -> None:
        rows, _ = decode_traces(request, time.time_ns())
        self.rows += rows

    def spans(self, trace_ids: Collection[bytes], limit: int) -> list[SpanRow]:
        self.asked += 1
        if self.fails is not None:
            raise self.fails
        return [row for row in self.rows if row.trace_id in trace_ids][:limit]


def key(context: TraceContext = TraceContext.LINK, key_id: str = "k1") -> Key:
    return Key(key_id, Kind.INGEST, b"", service="shop-web", trace_context=context)


class Desk:
    """Rewrites requests as a hub does that holds `held`."""

    def __init__(self) -> None:
        self.held = Held()
        self.untrusted = Untrusted(TraceOwners(self.held))  # type: ignore[arg-type] # all it asks

    def rewritten(
        self, request: Any, who: Key | None = None, *, instance_known: bool = False
    ) -> Any:
        kind = {"ExportTraceServiceRequest": "traces", "ExportLogsServiceRequest": "logs"}.get(
            type(request).__name__, "metrics"
        )
        data = asyncio.run(
            self.untrusted.rewritten(
                kind,  # type: ignore[arg-type] # one of the three
                request.SerializeToString(),
                who or key(),
                instance_known=instance_known,
            )
        )
        if kind == "traces":
            self.held.add(data)
        return type(request).FromString(data)

    def trusted(self, *spans: tuple[bytes, int, int]) -> None:
        self.held.add(traces(*spans).SerializeToString())

    def sent(self, *spans: tuple[bytes, int, int], who: Key | None = None) -> list[Any]:
        (source,) = self.rewritten(traces(*spans), who).resource_spans
        return list(source.scope_spans[0].spans)


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.fixture
def trace() -> bytes:
    return uuid.uuid4().bytes


def attributes(pairs: Any) -> dict[str, str]:
    found = [(pair.key, pair.value.string_value) for pair in pairs]
    assert len(dict(found)) == len(found)
    return dict(found)


# ------------------------------------------------------------------ identity


def test_who_speaks_is_said_by_the_hub_and_the_clients_word_kept_beside_it(
    desk: Desk, trace: bytes
) -> None:
    message = desk.rewritten(traces((trace, 1, 0), claims=CLAIMS))
    assert attributes(message.resource_spans[0].resource.attributes) == {
        "service.name": "shop-web",
        "telemetry.source": "public:k1",
        "otbridge.origin": "browser",
        "client.service.name": "payments",
        "client.service.namespace": "bank",
        "client.service.instance.id": "payments-1",
        "client.telemetry.source": "public:k0",
        "deployment.environment.name": "production",
    }


def test_over_the_bridge_the_instance_is_the_hubs_word_already(desk: Desk, trace: bytes) -> None:
    message = desk.rewritten(traces((trace, 1, 0), claims=CLAIMS), instance_known=True)
    found = attributes(message.resource_spans[0].resource.attributes)
    assert found["service.instance.id"] == "payments-1"


def test_a_name_that_is_claimed_twice_is_not_taken_once(desk: Desk, trace: bytes) -> None:
    request = traces((trace, 1, 0))
    resource = request.resource_spans[0].resource
    for _ in range(3):
        resource.attributes.add(key="service.name").value.string_value = "payments"
    message = desk.rewritten(request)
    pairs = message.resource_spans[0].resource.attributes
    assert [p.value.string_value for p in pairs if p.key == "service.name"] == ["shop-web"]


@pytest.mark.parametrize("kind", [ExportLogsServiceRequest, ExportMetricsServiceRequest])
def test_logs_and_metrics_are_under_the_keys_name_too(desk: Desk, kind: Any) -> None:
    request = kind()
    groups = request.resource_logs if kind is ExportLogsServiceRequest else request.resource_metrics
    groups.add()  # without a resource
    groups.add().resource.attributes.add(key="service.name").value.string_value = "payments"
    message = desk.rewritten(request)
    groups = message.resource_logs if kind is ExportLogsServiceRequest else message.resource_metrics
    assert [attributes(group.resource.attributes)["service.name"] for group in groups] == [
        "shop-web",
        "shop-web",
    ]


# ------------------------------------------------------------------ sampling


def test_ten_thousand_forged_sampling_decisions_are_ten_thousand_times_nothing(
    desk: Desk, trace: bytes
) -> None:
    forged = 0
    for _ in range(10):
        request = traces(*((trace, number, 0) for number in range(1, 1001)))
        for span in request.resource_spans[0].scope_spans[0].spans:
            span.flags = 0x301
            span.trace_state = "ot=th:0;rv:ffffffffffffff"
            span.links.add(trace_id=trace, span_id=span_id(1), flags=1, trace_state="ot=th:0")
        message = desk.rewritten(request)
        for span in message.resource_spans[0].scope_spans[0].spans:
            forged += bool(span.flags or span.trace_state)
            forged += any(link.flags or link.trace_state for link in span.links)
    assert forged == 0
    (source,) = desk.rewritten(logs(trace, 1)).resource_logs
    assert source.scope_logs[0].log_records[0].flags == 0


# ------------------------------------------------------------------ whose trace it is


@pytest.mark.parametrize("context", list(TraceContext))
def test_a_trace_that_nobody_has_begun_is_the_senders(
    desk: Desk, trace: bytes, context: TraceContext
) -> None:
    for spans in (((trace, 2, 1),), ((trace, 1, 0), (trace, 3, 1))):
        for sent in desk.sent(*spans, who=key(context)):
            assert sent.trace_id == trace
            assert not sent.links


@pytest.mark.parametrize("context", list(TraceContext))
def test_a_backend_that_goes_on_with_a_clients_trace_may_be_heard_first(
    desk: Desk, trace: bytes, context: TraceContext
) -> None:
    desk.trusted((trace, 10, 1), (trace, 11, 10))
    (sent,) = desk.sent((trace, 1, 0), who=key(context))
    assert sent.trace_id == trace


def test_in_a_trace_that_others_began_a_record_gets_a_root_of_its_own_and_a_link(
    desk: Desk, trace: bytes
) -> None:
    desk.trusted((trace, 10, 0), (trace, 11, 10))
    root, child = desk.sent((trace, 1, 11), (trace, 2, 1))
    assert root.trace_id == child.trace_id != trace
    assert root.parent_span_id == b""
    assert child.parent_span_id == root.span_id == span_id(1)
    (link,) = root.links
    assert (link.trace_id, link.span_id) == (trace, span_id(11))
    assert attributes(link.attributes) == {"otbridge.link.type": "untrusted"}
    (link,) = child.links  # its own parent was not a stranger's: to where the trace began
    assert (link.trace_id, link.span_id) == (trace, span_id(10))


def test_what_belongs_together_stays_together_over_requests(desk: Desk, trace: bytes) -> None:
    desk.trusted((trace, 10, 0))
    (first,) = desk.sent((trace, 2, 1))
    (second,) = desk.sent((trace, 1, 10))
    assert first.trace_id == second.trace_id != trace
    assert first.parent_span_id == second.span_id


def test_two_keys_never_meet_in_a_trace_that_is_neithers(desk: Desk, trace: bytes) -> None:
    desk.trusted((trace, 10, 0))
    (one,) = desk.sent((trace, 1, 10), who=key(key_id="k1"))
    (two,) = desk.sent((trace, 2, 10), who=key(key_id="k2"))
    assert len({one.trace_id, two.trace_id, trace}) == 3


def test_a_public_key_does_not_write_into_another_public_keys_trace(
    desk: Desk, trace: bytes
) -> None:
    desk.sent((trace, 1, 0), who=key(key_id="k1"))
    (sent,) = desk.sent((trace, 2, 1), who=key(TraceContext.CONTINUE, "k2"))
    assert sent.trace_id != trace


def test_dropping_leaves_no_link(desk: Desk, trace: bytes) -> None:
    desk.trusted((trace, 10, 0))
    (sent,) = desk.sent((trace, 1, 10), who=key(TraceContext.DROP))
    assert sent.trace_id != trace
    assert sent.parent_span_id == b""
    assert not sent.links


def test_continuing_takes_a_context_that_the_backend_gave_out(desk: Desk, trace: bytes) -> None:
    who = key(TraceContext.CONTINUE)
    desk.trusted((trace, 10, 0))
    (page,) = desk.sent((trace, 1, 10), who=who)
    assert (page.trace_id, page.parent_span_id) == (trace, span_id(10))
    (later,) = desk.sent((trace, 2, 1), who=who)
    assert later.trace_id == trace


def test_continuing_takes_no_trace_id_alone(desk: Desk, trace: bytes) -> None:
    """An id that stands in an error page or a ticket lets nobody write into the trace."""
    who = key(TraceContext.CONTINUE)
    desk.trusted((trace, 10, 0), (trace, 11, 10))
    for parent in (0, 99):
        (sent,) = desk.sent((trace, 1, parent), who=who)
        assert sent.trace_id != trace
        assert sent.links[0].trace_id == trace


def test_a_log_record_loses_its_place_and_keeps_what_it_said(desk: Desk, trace: bytes) -> None:
    desk.trusted((trace, 10, 0))
    for context, kept in (
        (TraceContext.LINK, {"client.trace_id": trace.hex(), "client.span_id": "00" * 7 + "0a"}),
        (TraceContext.DROP, {}),
    ):
        (source,) = desk.rewritten(logs(trace, 10), key(context)).resource_logs
        record = source.scope_logs[0].log_records[0]
        assert (record.trace_id, record.span_id) == (b"", b"")
        assert attributes(record.attributes) == kept
    (source,) = desk.rewritten(logs(trace, 10), key(TraceContext.CONTINUE)).resource_logs
    assert source.scope_logs[0].log_records[0].trace_id == trace


def test_a_log_record_may_begin_a_trace(desk: Desk, trace: bytes) -> None:
    (source,) = desk.rewritten(logs(trace, 1)).resource_logs
    assert source.scope_logs[0].log_records[0].trace_id == trace
    desk.trusted((trace, 10, 0))
    (sent,) = desk.sent((trace, 1, 0))
    assert sent.trace_id == trace


def test_a_trace_is_looked_up_once(desk: Desk, trace: bytes) -> None:
    for number in range(1, 20):
        desk.sent((trace, number, 0))
    assert desk.held.asked == 1


def test_a_request_cannot_ask_the_store_a_thousand_questions(desk: Desk) -> None:
    sent = desk.sent(*((uuid.uuid4().bytes, number, 0) for number in range(1, 1001)))
    assert desk.held.asked == 1
    stayed = {span.trace_id for span in sent}
    assert len(stayed) == 1000  # moved or not, none was merged with another


def test_when_the_store_cannot_be_asked_the_sender_comes_again(desk: Desk, trace: bytes) -> None:
    desk.held.fails = StoreError("The store is away.")
    with pytest.raises(Busy):
        desk.sent((trace, 1, 0))


@pytest.mark.parametrize("odd", [b"", b"short", b"x" * 40])
def test_odd_ids_are_left_to_the_decoder(desk: Desk, odd: bytes) -> None:
    (sent,) = desk.sent((odd, 1, 0))
    assert sent.trace_id == odd


# ------------------------------------------------------------------ limits


def test_a_thousand_records_are_taken_and_one_more_is_not() -> None:
    trace = uuid.uuid4().bytes
    for count in (1000, 1001):
        request = traces(*((trace, number, 0) for number in range(1, count + 1)))
        data = request.SerializeToString()
        if count == 1000:
            assert count_records(data, 1000) == 1000
        else:
            with pytest.raises(LimitExceeded):
                count_records(data, 1000)


def test_data_points_are_counted_not_metrics(desk: Desk) -> None:
    request = ExportMetricsServiceRequest()
    points = request.resource_metrics.add().scope_metrics.add().metrics.add().gauge.data_points
    for _ in range(1001):
        points.add()
    with pytest.raises(LimitExceeded):
        desk.rewritten(request)


def test_a_bomb_of_attributes_is_refused_before_it_is_decoded(desk: Desk) -> None:
    bomb = b"\x4a\x00" * 400_000  # empty attributes of one span
    data = field(b"\x0a", field(b"\x12", field(b"\x12", bomb)))
    with pytest.raises(LimitExceeded):
        asyncio.run(desk.untrusted.rewritten("traces", data, key(), instance_known=False))


def test_what_is_no_otlp_is_malformed(desk: Desk) -> None:
    for data in (b"\xff", b"\x0a\x05abc", b"\x0a\x02\x12\x7f"):
        with pytest.raises(MalformedData):
            asyncio.run(desk.untrusted.rewritten("traces", data, key(), instance_known=False))


# ------------------------------------------------------------------ through a real hub


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    data = tmp_path_factory.mktemp("hub") / "data"
    ingest = new_key(data, "ingest", "--service", "shop-web", "--origin", SHOP)
    write, read = new_key(data, "write"), new_key(data, "read")
    with HubProcess(data) as hub:
        yield Shop(hub, ingest, write, read)


class Shop:
    """A hub, a page and a backend."""

    def __init__(self, hub: HubProcess, ingest: Any, write: Any, read: Any) -> None:
        self.hub = hub
        self.ingest = ingest
        self.page = {"x-otbridge-key": ingest["key"], "origin": SHOP, "content-type": PROTOBUF}
        self.backend = {"authorization": f"Bearer {write['key']}", "content-type": PROTOBUF}
        self.reader = {"authorization": f"Bearer {read['key']}"}

    def send(self, headers: dict[str, str], request: Any, **more: str) -> int:
        answer = self.hub.http.post(
            "/v1/traces", content=request.SerializeToString(), headers={**headers, **more}
        )
        return answer.status_code

    def trace(self, trace_id: bytes, spans: int) -> Any:
        """The trace, once it has so many spans."""
        deadline = time.monotonic() + 5
        while True:
            answer = self.hub.http.get(f"/api/v1/traces/{trace_id.hex()}", headers=self.reader)
            if answer.status_code == 200 and answer.json()["span_count"] >= spans:
                return answer.json()
            assert time.monotonic() < deadline, answer.text
            time.sleep(0.02)


def test_a_page_and_a_backend_share_the_trace_that_the_page_began(shop: Shop) -> None:
    trace = uuid.uuid4().bytes
    assert shop.send(shop.backend, traces((trace, 10, 1))) == 200
    shop.trace(trace, 1)
    assert shop.send(shop.page, traces((trace, 1, 0), claims=CLAIMS)) == 200
    found = shop.trace(trace, 2)
    assert {span["service"] for span in found["spans"]} == {"payments", "shop-web"}


def test_a_page_cannot_pass_for_a_service_nor_write_into_its_traces(shop: Shop) -> None:
    trace = uuid.uuid4().bytes
    assert shop.send(shop.backend, traces((trace, 10, 0))) == 200
    shop.trace(trace, 1)
    assert shop.send(shop.page, traces((trace, 1, 10), claims=CLAIMS)) == 200
    deadline = time.monotonic() + 5
    mine: list[Any] = []
    while not mine:
        assert time.monotonic() < deadline
        listed = shop.hub.http.get(
            "/api/v1/traces", params={"service": "shop-web"}, headers=shop.reader
        ).json()["traces"]
        details = [
            shop.hub.http.get(f"/api/v1/traces/{each['trace_id']}", headers=shop.reader).json()
            for each in listed
        ]
        mine = [
            span
            for each in details
            for span in each["spans"]
            if any(link["trace_id"] == trace.hex() for link in span["links"])
        ]
    (span,) = mine
    assert span["trace_id"] != trace.hex()
    assert span["parent_span_id"] is None
    assert shop.trace(trace, 1)["span_count"] == 1


def test_a_span_that_begins_in_a_page_is_shown_under_the_keys_name(shop: Shop) -> None:
    trace = uuid.uuid4().bytes
    span = {"traceId": trace.hex(), "spanId": "01" * 8, "name": "click"}
    with bridge(shop.hub) as page:
        page.send(hello(shop.ingest["key"]).replace('"caps": []', '"caps": ["live"]'))
        assert json.loads(page.recv(timeout=5))["k"] == "ready"
        page.send(
            json.dumps({"k": "open", "spans": [{**span, "startTimeUnixNano": str(time.time_ns())}]})
        )
        (found,) = shop.trace(trace, 1)["spans"]
        assert (found["state"], found["service"]) == ("open", "shop-web")
        now = str(time.time_ns())
        ended = {**span, "startTimeUnixNano": now, "endTimeUnixNano": now}
        page.send(json.dumps({"k": "batch", "id": 1, "n": 1, "spans": [{"spans": [ended]}]}))
        assert json.loads(page.recv(timeout=5))["k"] == "ack"
        found = shop.trace(trace, 1)
        assert found["resources"][0]["attributes"]["telemetry.source"].startswith("public:")


def test_a_public_sender_brings_at_most_a_mebibyte_and_a_thousand_records(shop: Shop) -> None:
    trace = uuid.uuid4().bytes
    thousand = traces(*((trace, number, 0) for number in range(1, 1001)))
    assert shop.send(shop.page, thousand) == 200
    more = traces(*((uuid.uuid4().bytes, number, 0) for number in range(1, 1002)))
    assert shop.send(shop.page, more) == 413
    assert shop.send(shop.backend, more) == 200
    large = traces((uuid.uuid4().bytes, 1, 0))
    large.resource_spans[0].scope_spans[0].spans[0].name = "x" * MAX_PUBLIC_BODY_BYTES
    assert shop.send(shop.page, large) == 413
    assert shop.send(shop.backend, large) == 200


def test_a_public_senders_body_is_not_inflated_beyond_four_mebibytes(shop: Shop) -> None:
    large = traces((uuid.uuid4().bytes, 1, 0))
    span = large.resource_spans[0].scope_spans[0].spans[0]
    noise = uuid.uuid4().hex
    span.name = noise * (MAX_PUBLIC_INFLATED_BYTES // len(noise) + 1)
    packed = gzip.compress(large.SerializeToString(), 1)
    assert len(packed) < MAX_PUBLIC_BODY_BYTES
    headers = {**shop.page, "content-encoding": "gzip"}
    answer = shop.hub.http.post("/v1/traces", content=packed, headers=headers)
    assert answer.status_code == 413
