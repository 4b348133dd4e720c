"""Rows that the hub decodes on their way in: what of them goes into which column.

Most records are decoded by ClickHouse (`loading`, which makes the same of them).

The columns that only depend on the resource and the scope are packed once for each of them, and
put into every row as they are.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

import msgspec
from opentelemetry.proto.common.v1.common_pb2 import InstrumentationScope
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from otbridge.hub.analysis.genai import describe
from otbridge.hub.store.attributes import decode_attributes
from otbridge.hub.store.clickhouse.attributes import attribute_kinds
from otbridge.hub.store.clickhouse.engine import pack_values
from otbridge.hub.store.metric_outline import MetricOutline, outlines

if TYPE_CHECKING:
    from otbridge.wire.rows import LogRow, MetricsRow, SpanRow

__all__ = [
    "FIRST_WINS",
    "KINDS",
    "LATEST_NS",
    "LOG_COLUMNS",
    "METRICS_COLUMNS",
    "SPAN_COLUMNS",
    "STATUSES",
    "add_log",
    "add_metrics",
    "add_span",
    "kind_of",
    "state_of",
    "texts_of",
]

_SHARED_SPAN_COLUMNS = (
    "ResourceAttributes, ScopeName, ScopeVersion, ResourceSchemaUrl, ResourceRaw, ScopeSchemaUrl,"
    " ScopeRaw"
)
SPAN_COLUMNS: Final = (
    "Timestamp, TraceId, SpanId, ParentSpanId, TraceState, SpanName, SpanKind, ServiceName,"
    " Duration, StatusCode, StatusMessage, SpanAttributes, `Events.Timestamp`, `Events.Name`,"
    " `Events.Attributes`, `Links.TraceId`, `Links.SpanId`, `Links.TraceState`,"
    " `Links.Attributes`, State, Received, Row, Version, AttributeKinds, Producer, GenAiKind, GenAiAgent,"
    f" GenAiConversation, GenAiRun, Raw, {_SHARED_SPAN_COLUMNS}"
)
LOG_COLUMNS: Final = (
    "Timestamp, TraceId, SpanId, TraceFlags, SeverityText, SeverityNumber, ServiceName, Body,"
    " LogAttributes, EventName, ObservedTimestamp, Received, Row, Version, Place, Id, AttributeKinds,"
    f" Producer, Raw, {_SHARED_SPAN_COLUMNS}, ScopeAttributes"
)
METRICS_COLUMNS: Final = (
    "ServiceName, ReceivedTimestamp, DataPoints, `Metrics.MetricName`, `Metrics.MetricType`,"
    " `Metrics.MetricUnit`, `Metrics.MetricDescription`, `Metrics.AggregationTemporality`,"
    " `Metrics.IsMonotonic`, `Metrics.Attributes`, `Metrics.DataPoints`, `Metrics.FirstTime`,"
    " `Metrics.LastTime`, Received, Row, Version, Id, Producer, Raw"
)

KINDS: Final = ("Unspecified", "Internal", "Server", "Client", "Producer", "Consumer")
STATUSES: Final = ("Unset", "Ok", "Error")
"""As the collector's exporter spells them (OTLP SpanKind and StatusCode, by number)."""

_OPEN: Final = 1
_LOST: Final = 2
_ENDED: Final = 3

FIRST_WINS: Final = 2**64 - 1
"""Of ended spans and of log records the copy that came first has the highest version."""

LATEST_NS: Final = 2**63 - 1


def add_span(values: list[Any], row: SpanRow, number: int, received_ns: int) -> None:
    """Append to *values* what goes into `SPAN_COLUMNS`; *number* is the row's."""
    span = Span.FromString(row.data)
    attributes = decode_attributes(span.attributes)
    kinds = attribute_kinds(span.attributes)
    genai = describe(row.name, row.kind, attributes, _scope_name(row.scope))
    version = FIRST_WINS - number if row.end_ns else number
    events, links = span.events, span.links
    values += (
        row.start_ns,
        row.trace_id.hex(),
        row.span_id.hex(),
        row.parent_span_id.hex(),
        span.trace_state,
        row.name,
        _named(KINDS, row.kind),
        row.service,
        max(row.end_ns - row.start_ns, 0) if row.end_ns else 0,
        _named(STATUSES, row.status),
        span.status.message,
        texts_of(attributes),
        [min(event.time_unix_nano, LATEST_NS) for event in events],
        [event.name for event in events],
        [texts_of(decode_attributes(event.attributes)) for event in events],
        [link.trace_id.hex() for link in links],
        [link.span_id.hex() for link in links],
        [link.trace_state for link in links],
        [texts_of(decode_attributes(link.attributes)) for link in links],
        state_of(row),
        received_ns,
        number,
        version,
        kinds,
        row.producer,
        genai.kind if genai else "",
        (genai.agent or "") if genai else "",
        (genai.conversation or "") if genai else "",
        (genai.run or "") if genai else "",
        row.data,
        _shared(row.resource, row.resource_schema_url, row.scope, row.scope_schema_url),
    )


def add_log(
    values: list[Any], row: LogRow, number: int, received_ns: int, identity: tuple[int, int]
) -> None:
    """Append to *values* what goes into `LOG_COLUMNS`.

    *identity* is (`Place`, `Id`), the same for every copy of the record.
    """
    record = LogRecord.FromString(row.data)
    attributes = decode_attributes(record.attributes)
    values += (
        row.time_ns,
        row.trace_id.hex(),
        row.span_id.hex(),
        record.flags & 0xFF,
        row.severity_text,
        row.severity_number & 0xFF,
        row.service,
        row.body_text,
        texts_of(attributes),
        row.event_name,
        row.observed_ns,
        received_ns,
        number,
        FIRST_WINS - number,
        *identity,
        attribute_kinds(record.attributes),
        row.producer,
        row.data,
        _shared(row.resource, row.resource_schema_url, row.scope, row.scope_schema_url),
        _scope_attributes(row.scope),
    )


def add_metrics(
    values: list[Any], row: MetricsRow, number: int, received_ns: int, identity: int
) -> None:
    """Append to *values* what goes into `METRICS_COLUMNS`."""
    values += (
        row.service,
        row.received_ns,
        row.data_points,
        *_metric_columns(row),
        received_ns,
        number,
        FIRST_WINS - number,
        identity,
        row.producer,
        row.data,
    )


def _metric_columns(row: MetricsRow) -> tuple[list[Any], ...]:
    """Return what is in a row of metrics, a list per column of `Metrics`."""
    found = list(outlines(row.data))
    columns = [list(column) for column in zip(*found, strict=True)]
    return tuple(columns) if found else tuple([] for _ in MetricOutline._fields)


def state_of(row: SpanRow) -> int:
    """Return the number of `State`."""
    if row.end_ns:
        return _ENDED
    return _LOST if row.lost else _OPEN


def _named(names: tuple[str, ...], number: int) -> str:
    return names[number] if 0 <= number < len(names) else names[0]


def kind_of(name: bytes) -> int:
    """Return the SpanKind of that name; 0 for what others may have written there."""
    kind = name.decode("utf-8", "replace")
    return KINDS.index(kind) if kind in KINDS else 0


def texts_of(attributes: dict[str, Any]) -> dict[str, str]:
    """Return attributes as the exporter has them: every value a text."""
    return {key: value if type(value) is str else _text(value) for key, value in attributes.items()}


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    return "" if value is None else msgspec.json.encode(value).decode()


@lru_cache(maxsize=4096)
def _shared(resource: bytes, resource_url: str, scope: bytes, scope_url: str) -> msgspec.Raw:
    """Return the columns of `_SHARED_SPAN_COLUMNS`, packed."""
    scope_message = InstrumentationScope.FromString(scope)
    return msgspec.Raw(
        pack_values((
            texts_of(decode_attributes(Resource.FromString(resource).attributes)),
            scope_message.name,
            scope_message.version,
            resource_url,
            resource,
            scope_url,
            scope,
        ))
    )  # fmt: skip


@lru_cache(maxsize=4096)
def _scope_attributes(scope: bytes) -> msgspec.Raw:
    attributes = texts_of(decode_attributes(InstrumentationScope.FromString(scope).attributes))
    return msgspec.Raw(msgspec.msgpack.encode(attributes))


@lru_cache(maxsize=4096)
def _scope_name(scope: bytes) -> str:
    return InstrumentationScope.FromString(scope).name
