"""Requests from finished records, and back."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from otbridge.errors import MalformedData
from otbridge.wire.otlp_logs import encode_log_record
from otbridge.wire.otlp_request import Envelope, compose, split_request
from otbridge.wire.protobuf import field
from otbridge.wire.values import MAX_DEPTH


def record(body: Any) -> Any:
    return encode_log_record(1, 2, 9, "INFO", body, {"key": body})


def shape(request: Any) -> Any:
    """Return {service: {scope: [bodies]}} of an ExportLogsServiceRequest."""
    message = ExportLogsServiceRequest.FromString(request)
    return {
        resource.resource.attributes[0].value.string_value: {
            scope.scope.name: [r.body.string_value for r in scope.log_records]
            for scope in resource.scope_logs
        }
        for resource in message.resource_logs
    }


def test_records_are_grouped_by_resource_and_scope_and_keep_their_order() -> None:
    a, b = Envelope.of({"service.name": "s"}, "a"), Envelope.of({"service.name": "s"}, "b")
    other = Envelope.of({"service.name": "t"}, "a")
    entries = [(a, "1"), (b, "2"), (a, "3"), (other, "4"), (b, "5")]

    request = compose([(envelope, record(body)) for envelope, body in entries])

    assert shape(request) == {"s": {"a": ["1", "3"], "b": ["2", "5"]}, "t": {"a": ["4"]}}


def test_equal_envelopes_are_one_group_although_they_are_two_objects() -> None:
    first, second = (Envelope.of({"service.name": "s"}, "a") for _ in range(2))
    request = compose([(first, record("1")), (second, record("2")), (first, record("3"))])
    assert shape(request) == {"s": {"a": ["1", "2", "3"]}}


def test_an_envelope_carries_everything_about_resource_and_scope() -> None:
    envelope = Envelope.of(
        {"service.name": "s", "process.pid": 7},
        "scope",
        "1.2",
        scope_attributes={"k": "v"},
        resource_schema_url="https://r",
        scope_schema_url="https://s",
    )
    (logs,) = ExportLogsServiceRequest.FromString(compose([(envelope, record("x"))])).resource_logs
    (scope,) = logs.scope_logs
    assert {a.key for a in logs.resource.attributes} == {"service.name", "process.pid"}
    assert (logs.schema_url, scope.schema_url) == ("https://r", "https://s")
    assert (scope.scope.name, scope.scope.version) == ("scope", "1.2")
    assert scope.scope.attributes[0].value.string_value == "v"


def test_nothing_makes_an_empty_request() -> None:
    assert compose([]) == b""


@given(st.lists(st.tuples(st.integers(0, 3), st.text()), max_size=30))
def test_splitting_undoes_composing(entries: Any) -> None:
    envelopes = [Envelope.of({"service.name": f"s{n // 2}"}, f"scope{n % 2}") for n in range(4)]
    request = compose([(envelopes[n], record(body)) for n, body in entries])

    again = split_request("logs", request)

    assert compose(again) == request
    assert len(again) == len(entries)


def test_what_a_newer_sender_wrote_survives_being_relayed() -> None:
    unknown = field(b"\xfa\x3e", b"from the future")  # field 1007
    log = field(b"\x12", b"\x09" + bytes(8) + unknown)
    scope = field(b"\x12", field(b"\x0a", unknown) + log + unknown)
    request = field(b"\x0a", field(b"\x0a", unknown) + scope + unknown)

    again = compose(split_request("logs", request))

    assert again.count(unknown) == 5
    theirs = ExportLogsServiceRequest.FromString
    assert theirs(again).SerializeToString() == theirs(request).SerializeToString()


def test_metrics_and_spans_are_split_by_the_same_rules() -> None:
    metrics = ExportMetricsServiceRequest()
    scope = metrics.resource_metrics.add().scope_metrics.add()
    scope.metrics.add(name="a").gauge.data_points.add(as_int=1)
    scope.metrics.add(name="b").sum.data_points.add(as_int=2)
    traces = ExportTraceServiceRequest()
    traces.resource_spans.add().scope_spans.add().spans.add(name="s")

    entries = split_request("metrics", metrics.SerializeToString())

    assert len(entries) == 2
    assert ExportMetricsServiceRequest.FromString(compose(entries)) == metrics
    again = compose(split_request("traces", traces.SerializeToString()))
    assert ExportTraceServiceRequest.FromString(again) == traces


def test_a_request_that_is_none_is_refused_with_the_signal_in_the_words() -> None:
    with pytest.raises(MalformedData, match="Not an OTLP traces request"):
        split_request("traces", b"\x0a\x05ab")


@given(st.binary(max_size=100))
def test_noise_is_either_split_or_malformed(noise: Any) -> None:
    try:
        split_request("logs", noise)
    except MalformedData:
        pass


@pytest.mark.parametrize("wrap", [lambda inner: [inner], lambda inner: {"k": inner}])
def test_the_deepest_value_can_still_be_read_by_the_protobuf_library(wrap: Any) -> None:
    value = "core"
    for _ in range(MAX_DEPTH + 10):
        value = wrap(value)
    log = encode_log_record(1, 1, 9, "INFO", value, {"deep": value})
    ExportLogsServiceRequest.FromString(compose([(Envelope.of({"deep": value}, "s"), log)]))
