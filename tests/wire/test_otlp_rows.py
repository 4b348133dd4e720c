"""Requests become rows that keep the sender's bytes, and nothing hostile gets through."""

from __future__ import annotations

import json
import tracemalloc
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from otbridge.errors import LimitExceeded, MalformedData, WireError
from otbridge.wire.otlp_rows import (
    REASONS,
    decode_logs,
    decode_metrics,
    decode_open_spans,
    decode_traces,
    plain_value,
)
from otbridge.wire.otlp_walk import MAX_RECORDS, MAX_VALUES, walk

if TYPE_CHECKING:
    from collections.abc import Callable

    from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord

TRACE = bytes(range(16))
SPAN = bytes(range(1, 9))
NOW = 1_763_635_830_123_456_789


def traces(*spans: Span, service: str | None = "shop") -> ExportTraceServiceRequest:
    request = ExportTraceServiceRequest()
    source = request.resource_spans.add(schema_url="https://schema/resource")
    if service is not None:
        source.resource.attributes.append(string("service.name", service))
    scope = source.scope_spans.add(schema_url="https://schema/scope")
    scope.scope.name = "tests"
    scope.spans.extend(spans)
    return request


def logs(**fields: object) -> ExportLogsServiceRequest:
    request = ExportLogsServiceRequest()
    record = request.resource_logs.add().scope_logs.add().log_records.add()
    for name, value in fields.items():
        if isinstance(value, AnyValue):
            getattr(record, name).CopyFrom(value)
        else:
            setattr(record, name, value)
    return request


def string(key: str, value: str) -> KeyValue:
    return KeyValue(key=key, value=AnyValue(string_value=value))


def span(**fields: object) -> Span:
    known: dict[str, object] = {
        "trace_id": TRACE,
        "span_id": SPAN,
        "name": "GET /offer",
        "kind": 2,
        "start_time_unix_nano": NOW,
        "end_time_unix_nano": NOW + 5,
    }
    return Span(**{**known, **fields})  # type: ignore[arg-type]


def field(number: int, payload: bytes) -> bytes:
    """One length-delimited field, written by hand."""
    size, length = len(payload), b""
    while size > 127:
        length += bytes([size & 127 | 128])
        size >>= 7
    return bytes([number << 3 | 2]) + length + bytes([size]) + payload


def test_a_span_becomes_a_row_with_its_columns() -> None:
    link = Span.Link(trace_id=TRACE, span_id=SPAN)
    message = span(
        parent_span_id=b"parentid", links=[link], status={"code": 2}, attributes=[string("a", "b")]
    )
    rows, rejected = decode_traces(traces(message).SerializeToString(), 1)
    (row,) = rows
    assert rejected == []
    assert (row.trace_id, row.span_id, row.parent_span_id) == (TRACE, SPAN, b"parentid")
    assert (row.name, row.kind, row.service, row.status) == ("GET /offer", 2, "shop", 2)
    assert (row.start_ns, row.end_ns) == (NOW, NOW + 5)
    assert row.links == [(TRACE, SPAN)]
    assert row.resource_schema_url == "https://schema/resource"
    assert row.scope_schema_url == "https://schema/scope"
    assert row.data == message.SerializeToString()


def test_fields_that_this_version_does_not_know_stay_in_the_bytes() -> None:
    record = span().SerializeToString() + b"\xfa\x3e\x03new"
    request = field(1, field(2, field(2, record)))
    (row,) = decode_traces(request, 1)[0]
    assert row.data == record


def test_all_rows_of_a_resource_share_its_bytes() -> None:
    rows, _ = decode_traces(traces(span(), span()).SerializeToString(), 1)
    assert rows[0].resource is rows[1].resource
    assert rows[0].scope is rows[1].scope


def test_a_resource_written_in_two_parts_counts_as_one() -> None:
    first = field(1, string("service.name", "shop").SerializeToString())
    second = field(1, string("host.name", "h").SerializeToString())
    scope_spans = field(2, span().SerializeToString())
    # The second part comes after the spans, which protobuf allows.
    request = field(1, field(1, first) + field(2, scope_spans) + field(1, second))
    (row,) = decode_traces(request, 1)[0]
    assert row.service == "shop"
    assert row.resource == first + second


def test_a_resource_without_a_service_name_is_an_unknown_service() -> None:
    (row,) = decode_traces(traces(span(), service=None).SerializeToString(), 1)[0]
    assert row.service == "unknown_service"


def test_a_process_is_known_by_its_instance_which_others_need_not_keep_to_themselves() -> None:
    request = traces(span())
    attributes = request.resource_spans[0].resource.attributes
    assert decode_traces(request.SerializeToString(), 1)[0][0].producer == ""
    attributes.append(string("service.instance.id", "process-1"))
    assert decode_traces(request.SerializeToString(), 1)[0][0].producer == "shop/process-1"
    attributes.append(string("telemetry.distro.name", "otbridge"))
    assert decode_traces(request.SerializeToString(), 1)[0][0].producer == "process-1"


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"trace_id": b""}, "invalid_trace_id"),
        ({"trace_id": bytes(16)}, "invalid_trace_id"),
        ({"trace_id": TRACE + b"x"}, "invalid_trace_id"),
        ({"span_id": b"short"}, "invalid_span_id"),
        ({"span_id": bytes(8)}, "invalid_span_id"),
        ({"attributes": [KeyValue()] * (MAX_VALUES + 1)}, "too_many_values"),
    ],
)
def test_a_span_that_breaks_a_rule_is_refused_alone(fields: dict[str, object], reason: str) -> None:
    rows, rejected = decode_traces(traces(span(**fields), span()).SerializeToString(), 1)
    assert len(rows) == 1
    assert rejected == [reason]
    assert reason in REASONS


def test_an_invalid_parent_makes_a_root_and_an_invalid_link_none() -> None:
    message = span(parent_span_id=bytes(8), links=[Span.Link(trace_id=b"x", span_id=SPAN)])
    (row,) = decode_traces(traces(message).SerializeToString(), 1)[0]
    assert row.parent_span_id == b""
    assert row.links == []


def test_an_ended_span_without_times_never_looks_open() -> None:
    message = span(start_time_unix_nano=0, end_time_unix_nano=0)
    (row,) = decode_traces(traces(message).SerializeToString(), NOW)[0]
    assert (row.start_ns, row.end_ns) == (NOW, NOW)


def test_a_span_that_has_only_begun_has_no_end() -> None:
    (row,) = decode_open_spans(traces(span()).SerializeToString(), 1)[0]
    assert (row.start_ns, row.end_ns) == (NOW, 0)


def test_times_beyond_what_stores_can_hold_become_the_latest_one() -> None:
    message = span(start_time_unix_nano=2**64 - 1, end_time_unix_nano=2**64 - 1)
    (row,) = decode_traces(traces(message).SerializeToString(), 1)[0]
    assert (row.start_ns, row.end_ns) == (2**63 - 1, 2**63 - 1)


@given(
    st.lists(
        st.builds(
            lambda ids, kind, times, status, links: span(
                trace_id=ids[:16],
                span_id=ids[16:],
                parent_span_id=ids[:8],
                kind=kind,
                start_time_unix_nano=times[0],
                end_time_unix_nano=times[1],
                status={"code": status} if status else None,
                links=[Span.Link(trace_id=TRACE, span_id=link) for link in links],
                attributes=[string("a", "b")],
            ),
            st.sampled_from([TRACE + SPAN, TRACE + bytes(8), bytes(24), b"short"]),
            st.integers(0, 5),
            st.tuples(st.sampled_from([0, NOW, 2**64 - 1]), st.sampled_from([0, NOW + 5])),
            st.integers(0, 2),
            st.lists(st.sampled_from([SPAN, bytes(8), b""]), max_size=3),
        ),
        max_size=5,
    )
)
def test_a_request_that_was_decoded_before_gives_the_same_rows_again(spans: list[Span]) -> None:
    request = traces(*spans).SerializeToString()
    assert decode_traces(request, 1, checked=True) == decode_traces(request, 1)


def test_a_status_and_links_that_are_written_in_parts_count_as_the_library_reads_them() -> None:
    link = Span.Link(trace_id=TRACE, span_id=SPAN).SerializeToString()
    record = span(status={"code": 2}).SerializeToString()
    record += field(15, b"\x12\x04more") + field(13, link) + field(13, b"")
    request = field(1, field(2, field(2, record)))
    (row,) = decode_traces(request, 1)[0]
    assert (row.status, row.links) == (2, [(TRACE, SPAN)])
    assert Span.FromString(record).status.code == 2


def test_what_is_no_attribute_is_found_out_before_anything_is_kept() -> None:
    request = field(1, field(2, field(2, span().SerializeToString() + field(9, b"\xff"))))
    with pytest.raises(MalformedData):
        decode_traces(request, 1)


def test_a_log_record_becomes_a_row_with_its_columns() -> None:
    request = logs(
        trace_id=TRACE,
        span_id=SPAN,
        time_unix_nano=NOW,
        observed_time_unix_nano=NOW + 1,
        severity_number=17,
        severity_text="ERROR",
        body=AnyValue(string_value="order failed"),
        event_name="order.failed",
    )
    (row,) = decode_logs(request.SerializeToString(), 1)[0]
    assert (row.trace_id, row.span_id) == (TRACE, SPAN)
    assert (row.time_ns, row.observed_ns) == (NOW, NOW + 1)
    assert (row.severity_number, row.severity_text) == (17, "ERROR")
    assert (row.body_text, row.event_name) == ("order failed", "order.failed")
    record: LogRecord = request.resource_logs[0].scope_logs[0].log_records[0]
    assert row.data == record.SerializeToString()


@pytest.mark.parametrize("trace_id", [b"", bytes(16), b"short", TRACE * 2])
def test_a_log_record_with_a_bad_trace_id_belongs_to_no_trace(trace_id: bytes) -> None:
    request = logs(trace_id=trace_id, span_id=SPAN)
    rows, rejected = decode_logs(request.SerializeToString(), 1)
    assert (rows[0].trace_id, rows[0].span_id) == (b"", b"")
    assert rejected == []


def test_a_log_record_without_a_time_has_its_observed_one_or_that_of_receipt() -> None:
    (observed,) = decode_logs(logs(observed_time_unix_nano=7).SerializeToString(), NOW)[0]
    assert (observed.time_ns, observed.observed_ns) == (7, 7)
    (received,) = decode_logs(logs().SerializeToString(), NOW)[0]
    assert (received.time_ns, received.observed_ns) == (NOW, NOW)


def test_a_structured_body_is_searched_as_json() -> None:
    body = AnyValue()
    body.kvlist_value.values.append(string("a", "b"))
    body.kvlist_value.values.add(key="n").value.double_value = float("nan")
    (row,) = decode_logs(logs(body=body).SerializeToString(), 1)[0]
    assert json.loads(row.body_text) == {"a": "b", "n": "NaN"}


def test_values_without_a_json_form_become_text() -> None:
    assert plain_value(AnyValue(bytes_value=b"\x00\xff")) == "AP8="
    assert plain_value(AnyValue(double_value=float("-inf"))) == "-Infinity"
    assert plain_value(AnyValue()) is None
    assert plain_value(AnyValue(string_value_strindex=3)) is None


def test_metrics_are_one_row_per_resource_with_their_points_counted() -> None:
    request = ExportMetricsServiceRequest()
    source = request.resource_metrics.add()
    source.resource.attributes.append(string("service.name", "shop"))
    metrics = source.scope_metrics.add().metrics
    metrics.add(name="a").gauge.data_points.add(as_int=1)
    metrics.add(name="b").histogram.data_points.add(count=1)
    metrics.add(name="none")
    (row,) = decode_metrics(request.SerializeToString(), NOW)[0]
    assert (row.service, row.received_ns, row.data_points) == ("shop", NOW, 2)
    assert row.data == source.SerializeToString()


def test_an_empty_request_and_empty_envelopes_are_nothing() -> None:
    assert decode_traces(b"", 1) == ([], [])
    assert decode_logs(b"\x0a\x00", 1) == ([], [])
    assert decode_metrics(b"\x0a\x00", 1) == ([], [])


def test_exactly_the_allowed_number_of_records_is_taken() -> None:
    envelope = field(1, field(2, b"\x12\x00" * MAX_RECORDS))
    assert len(walk(envelope)[0].scopes[0].records) == MAX_RECORDS


BOMBS = {
    "empty spans": field(1, field(2, b"\x12\x00" * 2_000_000)),
    "empty scopes": field(1, b"\x12\x00" * 2_000_000),
    "empty resources": b"\x0a\x00" * 2_000_000,
    "empty attributes of a resource": field(1, field(1, b"\x0a\x00" * 2_000_000)),
    "empty attributes of a scope": field(1, field(2, field(1, b"\x1a\x00" * 2_000_000))),
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_request_of_millions_of_nothings_is_refused_before_it_takes_memory(name: str) -> None:
    tracemalloc.start()
    try:
        with pytest.raises(LimitExceeded):
            decode_traces(BOMBS[name], 1)
        assert tracemalloc.get_traced_memory()[1] < 16 << 20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"{}",
        b"\x0a",
        b"\x0a\x05abc",
        b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
        b"\x02\x00",
        b"\x0b\x0c",
        field(1, b"\x12\x05abc"),
        field(1, field(3, b"\xff\xfe")),
        field(1, field(2, field(2, field(5, b"\xff\xfe")))),
        field(1, field(2, field(2, b"\x09\x01"))),
        field(1, field(1, b"\x0a\x7f")),
    ],
)
def test_what_is_not_protobuf_or_not_utf8_is_malformed(request_bytes: bytes) -> None:
    with pytest.raises(MalformedData):
        decode_traces(request_bytes, 1)


def test_values_nested_beyond_the_parsers_depth_are_malformed() -> None:
    value = AnyValue(string_value="deep").SerializeToString()
    for _ in range(60):
        value = field(5, field(1, value))
    record = span().SerializeToString() + field(9, b"\x0a\x01a" + field(2, value))
    with pytest.raises(MalformedData):
        decode_traces(field(1, field(2, field(2, record))), 1)


@settings(max_examples=300)
@given(noise=st.binary(max_size=200), cut=st.integers(0, 60), decode=st.sampled_from(
    [decode_traces, decode_logs, decode_metrics, decode_open_spans]
))  # fmt: skip
def test_noise_is_refused_with_an_error_of_ours_or_decoded(
    noise: bytes, cut: int, decode: Callable[[bytes, int], object]
) -> None:
    request = traces(span(attributes=[string("a", "b")])).SerializeToString()
    for data in (noise, request[:cut] + noise, request[:cut] + noise + request[cut:]):
        try:
            decode(data, 1)
        except WireError:
            continue


@settings(max_examples=50)
@given(st.lists(st.tuples(st.text(max_size=5), st.lists(st.text(max_size=5), max_size=4))))
def test_rows_hold_what_the_protobuf_library_reads_from_the_whole_request(
    sources: list[tuple[str, list[str]]],
) -> None:
    request = ExportTraceServiceRequest()
    for service, names in sources:
        source = request.resource_spans.add()
        source.resource.attributes.append(string("service.name", service))
        source.scope_spans.add().spans.extend(span(name=name) for name in names)
    rows, _ = decode_traces(request.SerializeToString(), 1)
    expected = [
        (service or "unknown_service", name) for service, names in sources for name in names
    ]
    assert [(row.service, row.name) for row in rows] == expected
