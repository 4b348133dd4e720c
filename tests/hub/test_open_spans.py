"""Announcements of spans become open spans, and nothing else does."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from otbridge import semconv
from otbridge.hub.open_spans import separate_open_spans
from otbridge.wire.otlp_rows import decode_logs

if TYPE_CHECKING:
    from otbridge.wire.rows import LogRow

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
