"""Announcements of spans become open spans, and nothing else does."""

from __future__ import annotations

import json
import sys
from importlib.util import find_spec
from pathlib import Path
from subprocess import PIPE, Popen
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status
from websockets.sync.client import connect

from otbridge import semconv
from otbridge.hub.decoding import decode
from otbridge.hub.open_spans import separate_open_spans
from otbridge.testing import OtlpReceiver
from otbridge.wire.otlp_rows import decode_logs
from tests.hub.hub_process import HubProcess

if TYPE_CHECKING:
    from otbridge.wire.rows import LogRow, SpanRow

TRACE, SPAN = b"t" * 16, b"s" * 8


def announcement(
    *, kind: int = 2, parent: str = "70" * 8, trace_id: bytes = TRACE, event: str = ""
) -> list[LogRow]:
    request = ExportLogsServiceRequest()
    source = request.resource_logs.add()
    source.resource.attributes.add(key="service.name").value.string_value = "shop"
    record = source.scope_logs.add().log_records.add(
        trace_id=trace_id,
        span_id=SPAN,
        time_unix_nano=5,
        event_name=event or semconv.SPAN_STARTED,
        flags=0x301,
    )
    record.attributes.add(key=semconv.SPAN_STARTED_NAME).value.string_value = "checkout"
    record.attributes.add(key=semconv.SPAN_STARTED_KIND).value.int_value = kind
    record.attributes.add(key=semconv.SPAN_STARTED_PARENT).value.string_value = parent
    record.attributes.add(key="items").value.int_value = 3
    return decode_logs(request.SerializeToString(), 1)[0]


def test_an_announcement_is_an_open_span_with_the_attributes_of_its_start() -> None:
    logs, (row,) = separate_open_spans(announcement())
    assert logs == []
    assert (row.trace_id, row.span_id, row.parent_span_id) == (TRACE, SPAN, b"p" * 8)
    assert (row.name, row.kind, row.service) == ("checkout", 2, "shop")
    assert (row.start_ns, row.end_ns) == (5, 0)
    span = Span.FromString(row.data)
    assert [attribute.key for attribute in span.attributes] == ["items"]
    assert (span.name, span.kind, span.flags) == ("checkout", 2, 0x301)
    assert (span.start_time_unix_nano, span.end_time_unix_nano) == (5, 0)


def test_other_records_stay_what_they_are_in_their_order() -> None:
    first, second = announcement(event="other"), announcement(event="another")
    logs, spans = separate_open_spans([*first, *announcement(), *second])
    assert logs == [*first, *second]
    assert len(spans) == 1


@pytest.mark.parametrize("parent", ["", "xyz", "00" * 8, "ab"])
def test_a_parent_that_is_no_id_makes_a_root(parent: str) -> None:
    _, (row,) = separate_open_spans(announcement(parent=parent))
    assert row.parent_span_id == b""


@pytest.mark.parametrize("kind", [-1, 6, 2**62])
def test_a_kind_that_is_none_is_unspecified(kind: int) -> None:
    _, (row,) = separate_open_spans(announcement(kind=kind))
    assert row.kind == 0


def test_an_announcement_without_ids_says_nothing() -> None:
    assert separate_open_spans(announcement(trace_id=b"")) == ([], [])


def recorded(name: str) -> bytes:
    """A request of a real Logfire 5.2: a span in a span, each still open, and then their ends."""
    return (Path(__file__).parent / "recorded" / f"logfire-5.2-{name}.bin").read_bytes()


def test_logfires_pending_spans_are_the_beginnings_of_their_parents() -> None:
    begun, rejected = decode("traces", recorded("begun"), 1)
    assert not rejected
    (log,) = begun.spans  # Logfire's log lines are spans that take no time
    assert log.name == "asked"
    ended = {row.name: row for row in decode("traces", recorded("ended"), 1)[0].spans}
    assert [row.name for row in begun.open_spans] == ["plan {what}", "ask a model"]
    for row in begun.open_spans:
        real = ended[row.name]
        assert (row.trace_id, row.span_id) == (real.trace_id, real.span_id)
        assert row.parent_span_id == real.parent_span_id
        assert (row.kind, row.service, row.producer) == (real.kind, real.service, real.producer)
        assert (row.start_ns, row.end_ns, row.again) == (real.start_ns, 0, None)
        assert (row.resource, row.scope) == (real.resource, real.scope)


def test_what_is_kept_of_a_pending_span_is_the_span_that_it_announces() -> None:
    for row in decode("traces", recorded("begun"), 1)[0].open_spans:
        span = Span.FromString(row.data)
        assert (span.span_id, span.parent_span_id) == (row.span_id, row.parent_span_id)
        assert (span.start_time_unix_nano, span.end_time_unix_nano) == (row.start_ns, 0)
        assert span.flags == 0  # nothing is known of where its own parent is
        names = [attribute.key for attribute in span.attributes]
        assert "logfire.msg" in names
        assert not {"logfire.span_type", "logfire.pending_parent_id"} & set(names)


def pending(**changed: Any) -> list[SpanRow]:
    request = ExportTraceServiceRequest()
    request.ParseFromString(recorded("begun"))
    (scope,) = request.resource_spans[0].scope_spans
    span = scope.spans[1]
    del scope.spans[:]
    parent = changed.pop("pending_parent", None)
    if parent is not None:
        span.attributes[-1].value.string_value = parent
    kind = changed.pop("span_type", None)
    if kind is not None:
        span.attributes[-2].value.string_value = kind
    for name, value in changed.items():
        setattr(span, name, value)
    span.status.code = Status.STATUS_CODE_ERROR
    span.links.add(trace_id=b"l" * 16, span_id=b"k" * 8)
    scope.spans.append(span)
    batch, _ = decode("traces", request.SerializeToString(), 1)
    assert len(batch.spans) + len(batch.open_spans) == 1
    return batch.open_spans


def test_a_beginning_has_its_links_and_no_outcome() -> None:
    (row,) = pending()
    assert row.links == [(b"l" * 16, b"k" * 8)]
    assert row.status == 0
    assert not Span.FromString(row.data).HasField("status")


def test_a_pending_span_with_a_parent_elsewhere_is_a_child_of_it() -> None:
    (row,) = pending(pending_parent="70" * 8, flags=0x301)
    assert row.parent_span_id == b"p" * 8
    assert Span.FromString(row.data).flags == 1


@pytest.mark.parametrize("parent", ["", "xyz", "00" * 8])
def test_a_pending_parent_that_is_no_id_makes_a_root(parent: str) -> None:
    (row,) = pending(pending_parent=parent)
    assert row.parent_span_id == b""


@pytest.mark.parametrize(
    "changed", [{"parent_span_id": b""}, {"span_type": "span", "name": "pending_span"}]
)
def test_what_announces_nothing_stays_a_span(changed: Any) -> None:
    assert pending(**changed) == []


def test_a_hub_shows_logfires_spans_open_and_ends_them_in_place(hub: HubProcess) -> None:
    headers = {"content-type": "application/x-protobuf"}
    with connect(f"{hub.ws_url}/api/v1/live") as live:
        live.recv(timeout=5)
        shown: list[tuple[str, str]] = []
        for name in ("begun", "ended"):
            answer = hub.http.post("/v1/traces", content=recorded(name), headers=headers)
            assert answer.status_code == 200
            hub.wait_until_stored()
            (trace,) = hub.http.get("/api/v1/traces").json()["traces"]
            spans = hub.http.get(f"/api/v1/traces/{trace['trace_id']}").json()["spans"]
            states = {span["name"]: span["state"] for span in spans}
            if name == "begun":
                assert trace["state"] == "open"
                assert states == {"plan {what}": "open", "ask a model": "open", "asked": "ended"}
        assert trace["state"] == "complete"
        assert len(states) == len(spans) == 4
        assert set(states.values()) == {"ended"}
        while len(shown) < 6:
            items = json.loads(live.recv(timeout=5))["items"]
            shown += [(item["t"], item["name"]) for item in items]
    assert shown[:3] == [("start", "plan {what}"), ("start", "ask a model"), ("span", "asked")]
    assert hub.http.get("/api/v1/stats").json()["duplicates"] == 0


def test_pending_spans_are_forwarded_as_they_came(tmp_path: Path) -> None:
    with (
        OtlpReceiver() as backend,
        HubProcess(tmp_path / "data", "--forward", backend.http_url) as hub,
    ):
        request = ExportTraceServiceRequest.FromString(recorded("begun"))
        (scope,) = request.resource_spans[0].scope_spans
        del scope.spans[0]  # nothing but announcements
        body = request.SerializeToString()
        headers = {"content-type": "application/x-protobuf"}
        hub.http.post("/v1/traces", content=body, headers=headers).raise_for_status()
        backend.wait_for_requests(1)
        (received,) = backend.requests
        assert received.body == body
        hub.wait_until_stored()
        (books,) = hub.http.get("/api/v1/stats").json()["forward"]
        assert books["traces"]["accepted"] == 2


LOGFIRE = """
import sys
import logfire
options = logfire.AdvancedOptions(base_url=sys.argv[1])
logfire.configure(
    token="any",
    send_to_logfire=True,
    service_name="planner",
    console=False,
    inspect_arguments=False,
    advanced=options,
)
with logfire.span("at work"):
    sys.stdin.read()
"""


@pytest.mark.skipif(
    find_spec("logfire") is None,
    reason="Logfire is not installed; what it sends is tested by its recorded bytes",
)
def test_a_real_logfire_is_seen_at_work(hub: HubProcess) -> None:
    command = [sys.executable, "-W", "ignore", "-c", LOGFIRE, hub.url]
    with connect(f"{hub.ws_url}/api/v1/live") as live, Popen(command, stdin=PIPE) as program:
        shown: list[tuple[str, str, str]] = []
        while not shown:
            items = json.loads(live.recv(timeout=20)).get("items", [])
            shown += [(item["t"], item["name"], item["state"]) for item in items]
        program.communicate(timeout=20)
        while len(shown) < 2:
            items = json.loads(live.recv(timeout=20)).get("items", [])
            shown += [(item["t"], item["name"], item["state"]) for item in items]
    assert shown == [("start", "at work", "open"), ("span", "at work", "ended")]
    hub.wait_until_stored()
    (trace,) = hub.http.get("/api/v1/traces").json()["traces"]
    assert (trace["state"], trace["span_count"]) == ("complete", 1)
