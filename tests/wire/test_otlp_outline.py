"""An outline says the same of a record as decoding it whole does."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from otbridge.wire.otlp_outline import read_event, read_log, read_span

TIMES = st.integers(0, 2**64 - 1)
ATTRIBUTES = st.lists(
    st.builds(
        lambda key, text: KeyValue(key=key, value=AnyValue(string_value=text)), st.text(), st.text()
    ),
    max_size=4,
)
EVENTS = st.lists(
    st.builds(lambda name, told: Span.Event(name=name, attributes=told), st.text(), ATTRIBUTES),
    max_size=3,
)


@given(TIMES, TIMES, ATTRIBUTES, EVENTS, st.text())
def test_of_a_span(
    start: int, end: int, attributes: list[KeyValue], events: list[Span.Event], message: str
) -> None:
    span = Span(
        name="work",
        trace_state="a=b",
        flags=257,
        start_time_unix_nano=start,
        end_time_unix_nano=end,
        attributes=attributes,
        events=events,
        status=Status(message=message),
    )
    outline = read_span(span.SerializeToString() + b"\xfa\x3f\x05later")
    assert (outline.start_time, outline.end_time) == (start, end)
    assert [KeyValue.FromString(data) for data in outline.attributes] == attributes
    assert Status.FromString(outline.status) == span.status
    assert [Span.Event.FromString(data) for data in outline.events] == events
    found = [read_event(data) for data in outline.events]
    assert [event.name for event in found] == [event.name for event in events]
    assert [list(map(KeyValue.FromString, event.attributes)) for event in found] == [
        list(event.attributes) for event in events
    ]


@given(TIMES, TIMES, ATTRIBUTES)
def test_of_a_log_record(time: int, observed: int, attributes: list[KeyValue]) -> None:
    record = LogRecord(time_unix_nano=time, observed_time_unix_nano=observed, attributes=attributes)
    outline = read_log(record.SerializeToString())
    assert (outline.time, outline.observed_time) == (time, observed)
    assert [KeyValue.FromString(data) for data in outline.attributes] == attributes
