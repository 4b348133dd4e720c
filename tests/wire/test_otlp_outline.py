"""An outline says the same of a record as decoding it whole does."""

from __future__ import annotations

import pytest
from google.protobuf.message import DecodeError
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from otbridge.wire.otlp_outline import ABSENT, read_details, read_event, read_log, read_span

IDS = st.binary(max_size=17)
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


LINKS = st.lists(
    st.builds(lambda trace, told: Span.Link(trace_id=trace, attributes=told), IDS, ATTRIBUTES),
    max_size=3,
)
STATUSES = st.lists(
    st.builds(
        lambda code, message: Status(code=code, message=message),
        st.integers(0, 2),
        st.text(max_size=9),
    ),
    max_size=3,
)


@given(st.tuples(IDS, IDS, IDS), st.text(), st.integers(-1, 9), TIMES, ATTRIBUTES)
def test_of_a_span(
    ids: tuple[bytes, bytes, bytes], name: str, kind: int, time: int, attributes: list[KeyValue]
) -> None:
    trace, span_id, parent = ids
    span = Span(
        trace_id=trace,
        span_id=span_id,
        parent_span_id=parent,
        name=name,
        kind=kind,  # type: ignore[arg-type] # an enum's number, or one that is none
        trace_state="a=b",
        flags=257,
        start_time_unix_nano=time,
        end_time_unix_nano=time // 2,
        attributes=attributes,
    )
    outline = read_span(span.SerializeToString() + b"\xfa\x3f\x05later")
    assert (outline.trace_id, outline.span_id, outline.parent_span_id) == ids
    assert (outline.name, outline.kind) == (name, kind)
    assert (outline.start_time, outline.end_time) == (time, time // 2)
    assert [KeyValue.FromString(data) for data in outline.attributes] == attributes


@given(EVENTS, LINKS, STATUSES)
def test_of_what_most_spans_do_not_have(
    events: list[Span.Event], links: list[Span.Link], parts: list[Status]
) -> None:
    data = b"".join(
        Span(status=part).SerializeToString() for part in parts
    )  # nobody writes it in parts, and it is allowed
    data += Span(name="work", events=events, links=links).SerializeToString()
    outline, details = read_span(data), read_details(data)
    assert (outline.last_event != ABSENT) == bool(events)
    assert (outline.last_link != ABSENT) == bool(links)
    assert (outline.last_status != ABSENT) == bool(parts)
    assert [Span.Event.FromString(one) for one in details.events] == events
    assert [Span.Link.FromString(one) for one in details.links] == links
    assert Status.FromString(b"".join(details.status)) == Span.FromString(data).status
    found = [read_event(one) for one in details.events]
    assert [event.name for event in found] == [event.name for event in events]
    assert [list(map(KeyValue.FromString, event.attributes)) for event in found] == [
        list(event.attributes) for event in events
    ]


def test_no_message_reads_as_one_that_is_not_there() -> None:
    with pytest.raises(DecodeError):
        Span.Event.FromString(ABSENT)


@given(TIMES, TIMES, ATTRIBUTES)
def test_of_a_log_record(time: int, observed: int, attributes: list[KeyValue]) -> None:
    record = LogRecord(time_unix_nano=time, observed_time_unix_nano=observed, attributes=attributes)
    outline = read_log(record.SerializeToString())
    assert (outline.time, outline.observed_time) == (time, observed)
    assert [KeyValue.FromString(data) for data in outline.attributes] == attributes
