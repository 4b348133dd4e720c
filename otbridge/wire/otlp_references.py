"""Finds references to the string table of a profile, in requests that have none.

Profiles put their texts into a table, and number them. The fields for the numbers are in the
types that all signals share; in spans, logs and metrics they mean nothing. Such a value counts as
absent, and whoever sent it should be told (rule S14; the comments in OTLP's common.proto).

Nearly no request has one, so looking for them must cost nearly nothing: a search for the few
bytes that such a value consists of, and a look at what is really there only where they are found.
"""

from __future__ import annotations

import re
from itertools import islice
from typing import TYPE_CHECKING, Final

from otbridge.errors import MalformedData
from otbridge.wire.protobuf import BYTES, walk

if TYPE_CHECKING:
    from google.protobuf.descriptor import Descriptor

    from otbridge.typing import Signal

__all__ = ["refers_to_strings"]

_LONE_VALUE: Final = re.compile(
    rb"\x40(?:(?<=[\x0a\x12\x2a]\x02\x40)[\0-\x7f]|(?<=[\x0a\x12\x2a]\x03\x40)[\x80-\xff][\0-\x7f])"
)
"""An AnyValue with nothing but an index below 16,384, where one may stand: in an attribute, an
array or a log record's body."""

_MOST_LOOKED_AT: Final = 16
"""Places that are looked at in one request: each may take a pass over its envelope."""


def refers_to_strings(signal: Signal, request: bytes) -> bool:
    """Whether the Export…ServiceRequest refers to a string table.

    Values are looked for, and not keys: who has numbered the keys has numbered the values too, and
    to look for both would cost three times as much (0.2 µs for a span of ten attributes).

    Args:
        signal: What it exports.
        request: The serialised request; nothing is found in one that is damaged.
    """
    places = [match.start() for match in islice(_LONE_VALUE.finditer(request), _MOST_LOOKED_AT)]
    if not places:
        return False
    descriptor = _descriptor(signal)
    try:
        return any(_is_reference(descriptor, request, place) for place in places)
    except MalformedData:  # whether it can be taken is for the decoder to say
        return False


def _is_reference(descriptor: Descriptor, request: bytes, place: int) -> bool:
    """Whether the field whose tag is at *place* is an index into a string table."""
    start, end = 0, len(request)
    while True:
        found = next((each for each in walk(request, start, end) if each.end > place), None)
        if found is None:
            return False
        field = descriptor.fields_by_number.get(found.number)
        if field is None:
            return False
        if found.tag == place:
            return field.name == "string_value_strindex"
        if found.wire_type != BYTES or field.message_type is None or place < found.start:
            return False
        descriptor, start, end = field.message_type, found.start, found.end


def _descriptor(signal: Signal) -> Descriptor:
    if signal == "traces":
        from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
            ExportTraceServiceRequest,
        )

        return ExportTraceServiceRequest.DESCRIPTOR
    if signal == "logs":
        from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

        return ExportLogsServiceRequest.DESCRIPTOR
    from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
        ExportMetricsServiceRequest,
    )

    return ExportMetricsServiceRequest.DESCRIPTOR
