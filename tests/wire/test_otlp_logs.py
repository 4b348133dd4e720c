"""Log records as OTLP bytes, with the official encoder as the judge."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry._logs import LogRecord as ApiLogRecord
from opentelemetry._logs import SeverityNumber
from opentelemetry.exporter.otlp.proto.common._log_encoder import encode_logs
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, ScopeLogs
from opentelemetry.sdk._logs import ReadableLogRecord
from opentelemetry.sdk.resources import Resource
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags, set_span_in_context

from otbridge.wire.otlp_logs import encode_context, encode_log_record

NOW = 1_767_225_600_000_000_000


def read(*framed: bytes) -> LogRecord:
    """Return the one record of a ScopeLogs with the framed bytes in it."""
    (record,) = ScopeLogs.FromString(b"".join(framed)).log_records
    return record


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(1 << 63), (1 << 63) - 1) | st.text() | st.binary()
    | st.floats(allow_nan=False),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)  # fmt: skip


@given(
    time=st.integers(0, (1 << 64) - 1),
    observed=st.integers(0, (1 << 64) - 1),
    severity=st.sampled_from([s for s in SeverityNumber if s.value]),
    severity_text=st.text(max_size=10),
    body=VALUES,
    attributes=st.dictionaries(st.text(max_size=8), VALUES, max_size=5),
    trace_id=st.integers(0, (1 << 128) - 1),
    span_id=st.integers(0, (1 << 64) - 1),
    flags=st.integers(0, 255),
    event_name=st.text(max_size=8),
)
def test_a_record_is_the_message_that_the_official_encoder_makes(  # noqa: PLR0917 - given by name
    time: Any,
    observed: Any,
    severity: Any,
    severity_text: Any,
    body: Any,
    attributes: Any,
    trace_id: Any,
    span_id: Any,
    flags: Any,
    event_name: Any,
) -> None:
    span = NonRecordingSpan(SpanContext(trace_id, span_id, False, TraceFlags(flags)))
    official = encode_logs([
        ReadableLogRecord(
            ApiLogRecord(
                timestamp=time,
                observed_timestamp=observed,
                context=set_span_in_context(span),
                severity_number=severity,
                severity_text=severity_text,
                body=body,
                attributes=attributes,
                event_name=event_name,
            ),
            Resource({}),
        )
    ]).resource_logs[0].scope_logs[0].log_records[0]  # fmt: skip

    ours = read(
        encode_log_record(
            time,
            observed,
            severity.value,
            severity_text,
            body,
            attributes,
            encode_context(trace_id, span_id, flags),
            event_name,
        )
    )

    assert ours == official


@given(
    time=st.integers() | st.text() | st.none() | st.floats(),
    severity=st.integers() | st.none() | st.text(),
    severity_text=st.text(st.characters(codec=None)) | st.none() | st.integers(),
    body=st.text(st.characters(codec=None)) | st.integers(),
    event_name=st.text(st.characters(codec=None)) | st.integers(),
)
def test_nonsense_makes_a_record_and_never_an_exception(
    time: Any, severity: Any, severity_text: Any, body: Any, event_name: Any
) -> None:
    read(encode_log_record(time, time, severity, severity_text, body, {}, b"", event_name))


def test_a_time_that_does_not_fit_is_the_nearest_that_does() -> None:
    record = read(encode_log_record(-5, 1 << 70, 9, "INFO", "b", {}))
    assert (record.time_unix_nano, record.observed_time_unix_nano) == (0, (1 << 64) - 1)


def test_records_that_are_joined_are_all_there() -> None:
    one = encode_log_record(NOW, NOW, 9, "INFO", "one", {"n": 1})
    two = encode_log_record(NOW, NOW, 17, "ERROR", "two", {"n": 2})
    bodies = [r.body.string_value for r in ScopeLogs.FromString(one + two).log_records]
    assert bodies == ["one", "two"]


def test_without_a_span_there_are_no_ids() -> None:
    record = read(encode_log_record(NOW, NOW, 9, "INFO", "b", {}, encode_context(0, 0, 0)))
    assert (record.trace_id, record.span_id, record.flags) == (b"", b"", 0)


def test_attributes_that_were_taken_away_before_are_counted() -> None:
    record = read(encode_log_record(NOW, NOW, 9, "INFO", "b", {}, dropped_attributes_count=3))
    assert record.dropped_attributes_count == 3


@pytest.mark.parametrize("body", ["b" * 10, "b" * 10_000, "ü", ""])
def test_a_body_is_the_same_when_it_comes_again(body: Any) -> None:
    for _ in range(2):
        assert read(encode_log_record(NOW, NOW, 9, "INFO", body, {})).body.string_value == body


def test_more_bodies_and_levels_than_are_remembered_are_still_right() -> None:
    for number in range(3000):
        record = read(encode_log_record(NOW, NOW, 9, f"L{number}", f"event {number}", {}))
        assert (record.severity_text, record.body.string_value) == (
            f"L{number}",
            f"event {number}",
        )
