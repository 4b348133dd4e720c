"""The tables' columns and indexes; `schema` says what ours are for."""

from __future__ import annotations

from typing import Final

from otbridge.hub.store.text import MAX_PAIR

__all__ = [
    "BY_ROW",
    "LOGS",
    "LOG_INDEXES",
    "METRICS",
    "OURS_IN_POINTS",
    "POINTS",
    "POINTS_OF",
    "POINTS_ORDER",
    "SPANS",
    "SPAN_INDEXES",
    "SUMMARY",
]

_MAP = "Map(LowCardinality(String), String)"
_WORD = "LowCardinality(String)"
_KINDS = "Map(LowCardinality(String), LowCardinality(String))"


def _named_by(column: str, key: str) -> str:
    """Return the column with the name of a session: the attribute, where it is a short text."""
    text = f"{column}['{key}']"
    fits = f"AttributeKinds['{key}'] = '' AND lengthUTF8({text}) <= {MAX_PAIR:d}"
    return f"String DEFAULT if({fits}, {text}, '') CODEC(ZSTD(1))"


SPANS: Final = {
    "Timestamp": "DateTime64(9) CODEC(Delta(8), ZSTD(1))",
    "TraceId": "String CODEC(ZSTD(1))",
    "SpanId": "String CODEC(ZSTD(1))",
    "ParentSpanId": "String CODEC(ZSTD(1))",
    "TraceState": "String CODEC(ZSTD(1))",
    "SpanName": _WORD,
    "SpanKind": _WORD,
    "ServiceName": _WORD,
    "ResourceAttributes": f"{_MAP} CODEC(ZSTD(1))",
    "ScopeName": "String CODEC(ZSTD(1))",
    "ScopeVersion": "String CODEC(ZSTD(1))",
    "SpanAttributes": f"{_MAP} CODEC(ZSTD(1))",
    "Duration": "UInt64 CODEC(T64, ZSTD(1))",
    "StatusCode": _WORD,
    "StatusMessage": "String CODEC(ZSTD(1))",
    "Events.Timestamp": "Array(DateTime64(9)) CODEC(ZSTD(1))",
    "Events.Name": f"Array({_WORD}) CODEC(ZSTD(1))",
    "Events.Attributes": f"Array({_MAP}) CODEC(ZSTD(1))",
    "Links.TraceId": "Array(String) CODEC(ZSTD(1))",
    "Links.SpanId": "Array(String) CODEC(ZSTD(1))",
    "Links.TraceState": "Array(String) CODEC(ZSTD(1))",
    "Links.Attributes": f"Array({_MAP}) CODEC(ZSTD(1))",
    # What a collector writes into the table has ended, and gets the rest by default.
    "State": "Enum8('open' = 1, 'lost' = 2, 'ended' = 3) DEFAULT 'ended'",
    "Received": "DateTime64(9) DEFAULT now64(9) CODEC(Delta(8), ZSTD(1))",
    "Row": "Int64 DEFAULT toUnixTimestamp64Nano(Received) CODEC(Delta(8), ZSTD(1))",
    "Version": "UInt64 DEFAULT bitNot(toUInt64(Row)) CODEC(Delta(8), ZSTD(1))",
    "AttributeKinds": _KINDS,
    "Producer": _WORD,
    "GenAiKind": _WORD,
    "GenAiAgent": _WORD,
    "GenAiConversation": "String CODEC(ZSTD(1))",
    "GenAiRun": "String CODEC(ZSTD(1))",
    "SessionId": _named_by("SpanAttributes", "session.id"),
    "ConversationId": _named_by("SpanAttributes", "gen_ai.conversation.id"),
    "DerivedWords": "String DEFAULT lower(concat(SpanName, ' ', StatusMessage, ' ',"
    " arrayStringConcat(mapValues(SpanAttributes), ' '))) CODEC(ZSTD(1))",
    "ResourceSchemaUrl": _WORD,
    "ResourceRaw": _WORD,
    "ScopeSchemaUrl": _WORD,
    "ScopeRaw": _WORD,
    "Raw": "String CODEC(ZSTD(1))",
}
LOGS: Final = {
    "Timestamp": "DateTime64(9) CODEC(Delta(8), ZSTD(1))",
    "TraceId": "String CODEC(ZSTD(1))",
    "SpanId": "String CODEC(ZSTD(1))",
    "TraceFlags": "UInt8",
    "SeverityText": _WORD,
    "SeverityNumber": "UInt8",
    "ServiceName": _WORD,
    "Body": "String CODEC(ZSTD(1))",
    "ResourceSchemaUrl": _WORD,
    "ResourceAttributes": f"{_MAP} CODEC(ZSTD(1))",
    "ScopeSchemaUrl": _WORD,
    "ScopeName": "String CODEC(ZSTD(1))",
    "ScopeVersion": _WORD,
    "ScopeAttributes": f"{_MAP} CODEC(ZSTD(1))",
    "LogAttributes": f"{_MAP} CODEC(ZSTD(1))",
    "EventName": "String CODEC(ZSTD(1))",
    "ObservedTimestamp": "DateTime64(9) DEFAULT Timestamp CODEC(Delta(8), ZSTD(1))",
    "Received": "DateTime64(9) DEFAULT now64(9) CODEC(Delta(8), ZSTD(1))",
    "Row": "Int64 DEFAULT toUnixTimestamp64Nano(Received) CODEC(Delta(8), ZSTD(1))",
    "Version": "UInt64 DEFAULT bitNot(toUInt64(Row)) CODEC(Delta(8), ZSTD(1))",
    # Among records of one time: where it stands, and what tells it from all others.
    "Place": "Int64 DEFAULT Row CODEC(Delta(8), ZSTD(1))",
    "Id": "UInt64 DEFAULT rand64() CODEC(ZSTD(1))",
    "AttributeKinds": _KINDS,
    "Producer": _WORD,
    "SessionId": _named_by("LogAttributes", "session.id"),
    "ConversationId": _named_by("LogAttributes", "gen_ai.conversation.id"),
    "DerivedWords": "String DEFAULT lower(concat(Body, ' ', EventName, ' ',"
    " arrayStringConcat(mapValues(LogAttributes), ' '))) CODEC(ZSTD(1))",
    "ResourceRaw": _WORD,
    "ScopeRaw": _WORD,
    "Raw": "String CODEC(ZSTD(1))",
}
METRICS: Final = {
    "ServiceName": _WORD,
    "ReceivedTimestamp": "DateTime64(9) CODEC(Delta(8), ZSTD(1))",
    "DataPoints": "UInt32",
    # What is in the row, so that a metric is found without reading all.
    "Metrics.MetricName": f"Array({_WORD}) CODEC(ZSTD(1))",
    "Metrics.MetricType": f"Array({_WORD}) CODEC(ZSTD(1))",
    "Metrics.MetricUnit": f"Array({_WORD}) CODEC(ZSTD(1))",
    "Metrics.MetricDescription": f"Array({_WORD}) CODEC(ZSTD(1))",
    "Metrics.AggregationTemporality": f"Array({_WORD}) CODEC(ZSTD(1))",
    "Metrics.IsMonotonic": "Array(Bool) CODEC(ZSTD(1))",
    "Metrics.Attributes": f"Array(Array({_WORD})) CODEC(ZSTD(1))",
    "Metrics.DataPoints": "Array(UInt32) CODEC(ZSTD(1))",
    "Metrics.FirstTime": "Array(Int64) CODEC(ZSTD(1))",
    "Metrics.LastTime": "Array(Int64) CODEC(ZSTD(1))",
    "Received": "DateTime64(9) CODEC(Delta(8), ZSTD(1))",
    "Row": "Int64 CODEC(Delta(8), ZSTD(1))",
    "Version": "UInt64 CODEC(Delta(8), ZSTD(1))",
    "Id": "UInt64 CODEC(ZSTD(1))",
    "Producer": _WORD,
    "Raw": "String CODEC(ZSTD(1))",
}
_EXEMPLARS: Final = {
    "Exemplars.FilteredAttributes": f"Array({_MAP}) CODEC(ZSTD(1))",
    "Exemplars.TimeUnix": "Array(DateTime64(9)) CODEC(ZSTD(1))",
    "Exemplars.Value": "Array(Float64) CODEC(ZSTD(1))",
    "Exemplars.SpanId": "Array(String) CODEC(ZSTD(1))",
    "Exemplars.TraceId": "Array(String) CODEC(ZSTD(1))",
}
POINTS: Final = {
    "ResourceAttributes": f"{_MAP} CODEC(ZSTD(1))",
    "ResourceSchemaUrl": "String CODEC(ZSTD(1))",
    "ScopeName": "String CODEC(ZSTD(1))",
    "ScopeVersion": "String CODEC(ZSTD(1))",
    "ScopeAttributes": f"{_MAP} CODEC(ZSTD(1))",
    "ScopeDroppedAttrCount": "UInt32 CODEC(ZSTD(1))",
    "ScopeSchemaUrl": "String CODEC(ZSTD(1))",
    "ServiceName": _WORD,
    "MetricName": _WORD,
    "MetricDescription": "String CODEC(ZSTD(1))",
    "MetricUnit": "String CODEC(ZSTD(1))",
    "Attributes": f"{_MAP} CODEC(ZSTD(1))",
    "StartTimeUnix": "DateTime64(9) CODEC(Delta(8), ZSTD(1))",
    "TimeUnix": "DateTime64(9) CODEC(Delta(8), ZSTD(1))",
    "Flags": "UInt32 CODEC(ZSTD(1))",
}
_DISTRIBUTION: Final = {
    "Count": "UInt64 CODEC(Delta(8), ZSTD(1))",
    "Sum": "Float64 CODEC(ZSTD(1))",
    "Min": "Float64 CODEC(ZSTD(1))",
    "Max": "Float64 CODEC(ZSTD(1))",
    "AggregationTemporality": "Int32 CODEC(ZSTD(1))",
    **_EXEMPLARS,
}
POINTS_OF: Final[dict[str, dict[str, str]]] = {
    "gauge": {"Value": "Float64 CODEC(ZSTD(1))", **_EXEMPLARS},
    "sum": {
        "Value": "Float64 CODEC(ZSTD(1))",
        "AggregationTemporality": "Int32 CODEC(ZSTD(1))",
        "IsMonotonic": "Bool CODEC(ZSTD(1))",
        **_EXEMPLARS,
    },
    "histogram": {
        **_DISTRIBUTION,
        "BucketCounts": "Array(UInt64) CODEC(ZSTD(1))",
        "ExplicitBounds": "Array(Float64) CODEC(ZSTD(1))",
    },
    "exponential_histogram": {
        **_DISTRIBUTION,
        "Scale": "Int32 CODEC(ZSTD(1))",
        "ZeroCount": "UInt64 CODEC(ZSTD(1))",
        "PositiveOffset": "Int32 CODEC(ZSTD(1))",
        "PositiveBucketCounts": "Array(UInt64) CODEC(ZSTD(1))",
        "NegativeOffset": "Int32 CODEC(ZSTD(1))",
        "NegativeBucketCounts": "Array(UInt64) CODEC(ZSTD(1))",
    },
    "summary": {
        "Count": "UInt64 CODEC(Delta(8), ZSTD(1))",
        "Sum": "Float64 CODEC(ZSTD(1))",
        "ValueAtQuantiles.Quantile": "Array(Float64) CODEC(ZSTD(1))",
        "ValueAtQuantiles.Value": "Array(Float64) CODEC(ZSTD(1))",
    },
}
OURS_IN_POINTS: Final = {
    "Received": "DateTime64(9) DEFAULT now64(9) CODEC(Delta(8), ZSTD(1))",
    "Row": "Int64 DEFAULT toUnixTimestamp64Nano(Received) CODEC(Delta(8), ZSTD(1))",
    "Version": "UInt64 DEFAULT bitNot(toUInt64(Row)) CODEC(Delta(8), ZSTD(1))",
    # The row in `otel_metrics_raw` that the point came in, and which of its points it is.
    "Id": "UInt64 DEFAULT rand64() CODEC(ZSTD(1))",
    "Place": "UInt32 CODEC(ZSTD(1))",
}
POINTS_ORDER: Final = "(ServiceName, MetricName, toStartOfHour(TimeUnix), cityHash64(Attributes), TimeUnix, Id, Place)"
SUMMARY: Final = {
    "Day": "Date",
    "Hour": "DateTime",
    "TraceId": "String CODEC(ZSTD(1))",
    "Begun": "SimpleAggregateFunction(min, DateTime64(9))",
    "Ended": "SimpleAggregateFunction(max, DateTime64(9))",
    "Failed": "SimpleAggregateFunction(max, UInt8)",
    "Agents": "SimpleAggregateFunction(max, UInt8)",
    "Services": "SimpleAggregateFunction(groupUniqArrayArray, Array(String))",
    # Whether it is no root, its start, whether it is open: the least of all names the trace.
    "Naming": "SimpleAggregateFunction(min, Tuple(UInt8, Int64, UInt8, String))",
}

_BY_TRACE = "INDEX by_trace TraceId TYPE text(tokenizer = 'array')"
_BY_WORD = "INDEX by_word DerivedWords TYPE text(tokenizer = 'splitByNonAlpha')"
_BY_TIME = "INDEX by_time Timestamp TYPE minmax GRANULARITY 1"
BY_ROW = "INDEX by_row Row TYPE minmax GRANULARITY 1"

SPAN_INDEXES: Final = (
    _BY_TRACE,
    _BY_WORD,
    _BY_TIME,
    BY_ROW,
    "INDEX by_state State TYPE minmax GRANULARITY 1",
    "INDEX by_run GenAiRun TYPE bloom_filter GRANULARITY 4",
    "INDEX by_conversation GenAiConversation TYPE bloom_filter GRANULARITY 4",
    "INDEX by_session SessionId TYPE bloom_filter GRANULARITY 4",
    "INDEX by_link `Links.TraceId` TYPE bloom_filter GRANULARITY 4",
)
LOG_INDEXES: Final = (
    _BY_TRACE,
    _BY_WORD,
    _BY_TIME,
    BY_ROW,
    "INDEX by_severity SeverityNumber TYPE minmax GRANULARITY 1",
)
