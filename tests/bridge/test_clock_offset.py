"""Times of clients whose clocks are wrong."""

from __future__ import annotations

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from otbridge.bridge.clock_offset import corrected, offset_ns

HOUR = 3_600_000_000_000


@pytest.mark.parametrize(
    ("client_ms", "server_ms", "offset"),
    [
        (1000.0, 1000.0, 0),
        (1000.0, 2000.0, 0),
        (1000.0, 2000.5, 1_000_500_000),
        (2000.5, 1000.0, -1_000_500_000),
    ],
)
def test_a_difference_up_to_a_second_is_left_alone(
    client_ms: float, server_ms: float, offset: int
) -> None:
    """Only what cannot be the way of the message is taken for a wrong clock."""
    assert offset_ns(client_ms, server_ms) == offset


def test_spans_move_with_their_events_and_keep_their_own_start() -> None:
    """Start, end and events move together; the span's own start is kept as an attribute."""
    request = ExportTraceServiceRequest()
    span = (
        request.resource_spans.add()
        .scope_spans.add()
        .spans.add(start_time_unix_nano=HOUR, end_time_unix_nano=HOUR + 5)
    )
    span.events.add(time_unix_nano=HOUR + 2)
    moved = ExportTraceServiceRequest.FromString(
        corrected("traces", request.SerializeToString(), HOUR)
    )
    (span,) = moved.resource_spans[0].scope_spans[0].spans
    assert (span.start_time_unix_nano, span.end_time_unix_nano) == (2 * HOUR, 2 * HOUR + 5)
    assert span.events[0].time_unix_nano == 2 * HOUR + 2
    (attribute,) = span.attributes
    assert (attribute.key, attribute.value.int_value) == ("otbridge.time.original", HOUR)


def test_log_records_move_and_missing_times_stay_missing() -> None:
    """A record without a time of its own has its observed time moved and kept."""
    request = ExportLogsServiceRequest()
    request.resource_logs.add().scope_logs.add().log_records.add(observed_time_unix_nano=HOUR)
    moved = ExportLogsServiceRequest.FromString(
        corrected("logs", request.SerializeToString(), -HOUR // 2)
    )
    (record,) = moved.resource_logs[0].scope_logs[0].log_records
    assert (record.time_unix_nano, record.observed_time_unix_nano) == (0, HOUR // 2)
    assert record.attributes[0].value.int_value == HOUR


@pytest.mark.parametrize(("time_ns", "offset"), [(5, -HOUR), (2**64 - 1, HOUR), (5, 2**70)])
def test_a_moved_time_stays_in_range(time_ns: int, offset: int) -> None:
    """An absurd clock gives the first or last time there is, and no error."""
    request = ExportLogsServiceRequest()
    request.resource_logs.add().scope_logs.add().log_records.add(time_unix_nano=time_ns)
    moved = ExportLogsServiceRequest.FromString(
        corrected("logs", request.SerializeToString(), offset)
    )
    (record,) = moved.resource_logs[0].scope_logs[0].log_records
    assert record.time_unix_nano in {1, 2**64 - 1}


def test_a_right_clock_and_metrics_leave_the_request_as_it_is() -> None:
    """Without an offset not a byte is touched; metrics have the server's own times."""
    assert corrected("logs", b"anything", 0) == b"anything"
    assert corrected("metrics", b"anything", HOUR) == b"anything"
