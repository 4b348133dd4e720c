"""The short way of spans makes what redacting and encoding them part by part makes."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.proto.trace.v1.trace_pb2 import ScopeSpans
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
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

from otbridge.processors.redact import Redactor
from otbridge.telemetry import span_bytes
from otbridge.telemetry.light import LightTracerProvider
from otbridge.telemetry.redacted import redacted
from otbridge.telemetry.traces import DeliverySpanProcessor
from otbridge.wire.otlp_request import Envelope
from otbridge.wire.otlp_spans import encode_span

SECRET = "Bearer abcdefghijkl"
TEXTS = st.sampled_from(["work", SECRET, "\ud800", "x" * 300, ""])
VALUES = st.one_of(
    TEXTS, st.integers(-(2**63), 2**63 - 1), st.floats(), st.booleans(), st.lists(TEXTS, max_size=2)
)
ATTRIBUTES = st.dictionaries(st.sampled_from(["a", "user", "password"]), VALUES)
PARENTS = st.sampled_from(
    [
        None,
        SpanContext(5, 6, is_remote=False, trace_flags=TraceFlags(1)),
        SpanContext(1 << 127, 1 << 63, is_remote=True, trace_flags=TraceFlags(3)),
        SpanContext(
            5, 6, is_remote=True, trace_flags=TraceFlags(1), trace_state=TraceState([("a", "b")])
        ),
    ]
)
STATUSES = st.sampled_from(
    [None, Status(StatusCode.OK), Status(StatusCode.ERROR), Status(StatusCode.ERROR, SECRET)]
)


class Kept(SpanProcessor):
    """Delivers spans, and keeps them beside what was delivered."""

    def __init__(self, redactor: Redactor | None) -> None:
        self.spans: list[ReadableSpan] = []
        self.records: list[tuple[bytes, int]] = []
        self.delivery = DeliverySpanProcessor(
            self._put, resource={}, redactor=redactor, live=None, report=pytest.fail
        )

    def _put(self, _envelope: Envelope, record: bytes, severity: int) -> bool:
        self.records.append((record, severity))
        return True

    def on_end(self, span: ReadableSpan) -> None:
        self.spans.append(span)
        self.delivery.on_end(span)


def parsed(record: bytes) -> Any:
    return ScopeSpans.FromString(record).spans[0]


@settings(max_examples=300)
@given(
    kind=st.sampled_from([TracerProvider, LightTracerProvider]),
    redact=st.booleans(),
    name=TEXTS,
    role=st.sampled_from(list(SpanKind)),
    parent=PARENTS,
    attributes=ATTRIBUTES,
    status=STATUSES,
    extras=st.sets(st.sampled_from(["event", "link"])),
)
def test_a_span_comes_out_the_same_either_way(  # noqa: PLR0917 - drawn by name
    kind: Any, redact: bool, name: str, role: Any, parent: Any, attributes: Any, status: Any,
    extras: Any,
) -> None:  # fmt: skip
    redactor = Redactor() if redact else None
    kept = Kept(redactor)
    provider = kind(shutdown_on_exit=False)
    provider.add_span_processor(kept)
    within = None if parent is None else set_span_in_context(NonRecordingSpan(parent))
    links = [Link(SpanContext(1, 2, is_remote=False), {"why": SECRET})] if "link" in extras else ()
    span = provider.get_tracer("t").start_span(name, within, role, attributes, links)
    if status is not None:
        span.set_status(status)
    if "event" in extras:
        span.add_event("sent", {"token": SECRET})
    span.end()
    (ended,) = kept.spans
    ((record, severity),) = kept.records
    expected = encode_span(ended if redactor is None else redacted(ended, redactor))
    assert parsed(record) == parsed(expected)
    assert severity == (17 if status and status.status_code is StatusCode.ERROR else 9)


def test_a_plain_span_takes_the_short_way_and_one_with_a_secret_does_not() -> None:
    long_way: list[Any] = []
    plain = span_bytes.take_plain_spans(
        lambda *_: True, Redactor(), lambda *_: Envelope(b"", b""), long_way.append
    )

    class Take(SpanProcessor):
        def on_end(self, span: ReadableSpan) -> None:
            plain.on_end(span)

    for kind in (TracerProvider, LightTracerProvider):
        provider = kind(shutdown_on_exit=False)
        provider.add_span_processor(Take())
        tracer = provider.get_tracer("t")
        tracer.start_span("plain", attributes={"a": 1, "b": "x", "c": ["y"]}).end()
        tracer.start_span("secret", attributes={"password": "hunter2"}).end()
    assert [span.name for span in long_way] == ["secret", "secret"]


def test_a_span_that_somebody_has_put_together_by_hand_is_delivered_too() -> None:
    kept = Kept(Redactor())
    context = SpanContext(1, 2, is_remote=False, trace_flags=TraceFlags(1))
    kept.on_end(ReadableSpan("made", context, attributes={"user": "ann"}, start_time=1, end_time=2))
    ((record, _),) = kept.records
    assert (parsed(record).name, parsed(record).attributes[0].key) == ("made", "user")


def test_a_span_without_a_context_is_nobodys() -> None:
    kept = Kept(Redactor())
    kept.on_end(ReadableSpan("made"))
    assert not kept.records
