"""Spans as OTLP bytes, with the official encoder as the judge."""

from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.proto.trace.v1.trace_pb2 import ScopeSpans, Span
from opentelemetry.sdk.trace import SpanLimits, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import (
    Link,
    NonRecordingSpan,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    TraceState,
    set_span_in_context,
)

from otbridge.wire.otlp_spans import encode_span


def read(framed: bytes) -> Span:
    (span,) = ScopeSpans.FromString(framed).spans
    return span


def judge(span: Any) -> Span:
    """Return what the official encoder makes, with the two things added that it leaves out."""
    official = encode_spans([span]).resource_spans[0].scope_spans[0].spans[0]
    official.flags |= int(span.context.trace_flags)
    for ours, link in zip(official.links, span.links, strict=True):
        ours.flags |= int(link.context.trace_flags)
        ours.trace_state = link.context.trace_state.to_header()
    return official


@pytest.fixture
def exporter() -> Any:
    return InMemorySpanExporter()


@pytest.fixture
def tracer(exporter: Any) -> Any:
    provider = TracerProvider(span_limits=SpanLimits(max_attributes=3, max_events=2, max_links=2))
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    return provider.get_tracer("test")


def remote(state: Any = None, flags: Any = 1) -> Any:
    return SpanContext(7, 9, True, TraceFlags(flags), TraceState(state or []))


def test_a_full_span_is_the_message_that_the_official_encoder_makes(
    tracer: Any, exporter: Any
) -> None:
    parent = set_span_in_context(NonRecordingSpan(remote([("vendor", "x")])))
    links = [Link(remote([("a", "b")]), {"why": "fan_in", "n": [1, 2]}), Link(remote(flags=0))]
    with tracer.start_as_current_span(
        "operation", parent, SpanKind.SERVER, {"a": 1, "b": "ü", "c": [True, False]}, links
    ) as span:
        span.set_attribute("d", "one too many")
        span.add_event("first", {"x": 1.5})
        span.add_event("second")
        span.add_event("third")
        span.set_status(Status(StatusCode.ERROR, "it broke"))

    (ended,) = exporter.get_finished_spans()

    ours = read(encode_span(ended))
    assert ours == judge(ended)
    assert (ours.dropped_attributes_count, ours.dropped_events_count) == (1, 1)
    assert ours.flags == 0x301


@given(
    name=st.text(),
    kind=st.sampled_from(SpanKind),
    attributes=st.dictionaries(
        st.text(min_size=1),
        st.text() | st.integers(-(1 << 63), (1 << 63) - 1) | st.booleans() | st.lists(st.text()),
    ),
    events=st.lists(st.text(), max_size=3),
    code=st.sampled_from(StatusCode),
)
def test_any_span_is_the_message_that_the_official_encoder_makes(
    name: Any, kind: Any, attributes: Any, events: Any, code: Any
) -> None:
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    with provider.get_tracer("test").start_as_current_span(
        name, kind=kind, attributes=attributes
    ) as span:
        for event in events:
            span.add_event(event)
        span.set_status(code)
    (ended,) = exporter.get_finished_spans()
    provider.shutdown()
    assert read(encode_span(ended)) == judge(ended)


def test_a_span_that_is_still_open_has_no_end() -> None:
    span = TracerProvider().get_tracer("test").start_span("open")
    assert read(encode_span(span)).end_time_unix_nano == 0


def test_a_root_has_no_parent_and_is_not_said_to_be_remote(tracer: Any, exporter: Any) -> None:
    tracer.start_span("root").end()
    (ended,) = exporter.get_finished_spans()
    span = read(encode_span(ended))
    assert (span.parent_span_id, span.flags & 0x300) == (b"", 0x100)


def test_it_reads_properties_and_needs_no_sdk() -> None:
    span = SimpleNamespace(
        get_span_context=lambda: None,
        parent=None,
        name="\ud800",
        kind=SpanKind.CLIENT,
        start_time=-1,
        end_time=1 << 70,
        attributes={"odd": {1, 2}},
        events=(),
        links=(),
        status=None,
        dropped_attributes=0,
        dropped_events=0,
        dropped_links=0,
    )
    found = read(encode_span(span))
    assert (found.name, found.kind, found.start_time_unix_nano) == ("\\ud800", 3, 0)
    assert found.end_time_unix_nano == (1 << 64) - 1
