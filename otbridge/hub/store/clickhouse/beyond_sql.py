"""Records that ClickHouse cannot make columns of by itself, found among their bytes.

Two kinds are left to the hub: those with lists or objects among their values, for the SQL would
have to write them as JSON, however deep they are; and spans of agents, of which `analysis.genai`
says what they are.

Most groups of records hold none. So all bytes are looked at together, for what such records must
contain; what looks like one is decoded to make sure. A sender that writes the fields of KeyValue
in the wrong order is not seen: of its lists only the columns for other people's queries suffer.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from opentelemetry.proto.common.v1.common_pb2 import InstrumentationScope
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from otbridge.hub.analysis.conventions import PREFIXES
from otbridge.hub.analysis.genai import describe, tells_of_agents
from otbridge.hub.store.attributes import decode_attributes

if TYPE_CHECKING:
    from collections.abc import Iterable

    from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue

    from otbridge.wire.rows import LogRow, SpanRow

__all__ = ["is_log_beyond", "is_span_beyond", "may_hold_beyond"]

_LENGTH: Final = rb"(?:[\x02-\x7f]|[\x80-\xff][\x01-\x7f]|[\x80-\xff]{2}[\x01-\x7f])"

_NESTED: Final = re.compile(rb"\x12" + _LENGTH + rb"[\x2a\x32]")
"""KeyValue.value (2), which begins with AnyValue.array_value (5) or kvlist_value (6)."""

_BODY: Final = re.compile(rb"\x2a" + _LENGTH + rb"[\x2a\x32\x3a]")
"""LogRecord.body (5), which begins with one of these, or bytes_value (7): it is written as JSON."""

_AGENTS: Final = re.compile(
    rb"\x0a[\x02-\x7f](?:" + b"|".join(re.escape(word.encode()) for word in sorted(PREFIXES))
    # A key goes on with a dot, or is whole and followed by its value.
    + rb")[.\x12]"
)  # fmt: skip

_LISTS: Final = frozenset(("array_value", "kvlist_value"))


def may_hold_beyond(data: bytes, *, spans: bool) -> bool:
    """Whether among these records, or in this one, may be some that are left to the hub."""
    if _NESTED.search(data):
        return True
    return bool((_AGENTS if spans else _BODY).search(data))


def is_span_beyond(row: SpanRow) -> bool:
    """Whether the span is left to the hub."""
    if not may_hold_beyond(row.data, spans=True):
        return False
    span = Span.FromString(row.data)
    if (
        _holds_lists(span.attributes)
        or any(_holds_lists(event.attributes) for event in span.events)
        or any(_holds_lists(link.attributes) for link in span.links)
    ):
        return True
    if not any(tells_of_agents(attribute.key) for attribute in span.attributes):
        return False
    scope_name = InstrumentationScope.FromString(row.scope).name
    return describe(row.name, row.kind, decode_attributes(span.attributes), scope_name) is not None


def is_log_beyond(row: LogRow) -> bool:
    """Whether the log record is left to the hub."""
    if not may_hold_beyond(row.data, spans=False):
        return False
    record = LogRecord.FromString(row.data)
    body = record.body
    return _is_list(body) or body.HasField("bytes_value") or _holds_lists(record.attributes)


def _holds_lists(attributes: Iterable[KeyValue]) -> bool:
    return any(_is_list(attribute.value) for attribute in attributes)


def _is_list(value: AnyValue) -> bool:
    return value.WhichOneof("value") in _LISTS
