from __future__ import annotations

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

import otbridge
from otbridge.errors import MalformedData
from otbridge.telemetry.relay import relay
from otbridge.testing import OtlpReceiver
from otbridge.testing.capture import capture


def request(spans: int) -> bytes:
    made = ExportTraceServiceRequest()
    resource = made.resource_spans.add()
    resource.resource.attributes.add(key="service.name").value.string_value = "web"
    scope = resource.scope_spans.add()
    for n in range(spans):
        scope.spans.add(name=f"s{n}", trace_id=b"t" * 16, span_id=b"s" * 8)
    return made.SerializeToString()


def test_somebody_elses_spans_arrive_under_their_own_resource() -> None:
    with OtlpReceiver() as receiver:
        with otbridge.configure("ours", endpoint=receiver.http_url, console="off"):
            assert relay("traces", request(3)) == (3, 0)
        (resource,) = receiver.resource_spans
    assert resource.resource.attributes[0].value.string_value == "web"
    assert [span.name for span in receiver.spans] == ["s0", "s1", "s2"]


def test_a_signal_that_is_switched_off_takes_nothing() -> None:
    with capture(traces=False):
        assert relay("traces", request(2)) == (0, 2)


def test_what_is_no_request_is_malformed() -> None:
    with capture(), pytest.raises(MalformedData):
        relay("traces", b"\xff\xff\xff")
