"""OTLP into tables by ClickHouse's own Protobuf reader: what it is told, and what it makes of it.

One message is a group of records of one resource and scope (see `groups`). In it the records'
bytes stand twice under different names: once they are read as OTLP and once they are kept as they
are, for `Raw`. Beside them stands what the hub has decided on receipt: ids, times, places.

Nothing of this is in the database: the SELECT comes with every insert, so hubs of several versions
may use the same tables.
"""

# ruff: noqa: S608 - the SQL is put together from our own names

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from otbridge.hub.store.clickhouse.columns import KINDS, LATEST_NS, STATUSES
from otbridge.hub.store.clickhouse.words import decimal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["LOGS", "SPANS", "Loading"]

_PROTO: Final = """
syntax = "proto3";
message AnyValue { oneof value { string string_value = 1; bool bool_value = 2; int64 int_value = 3;
  double double_value = 4; bytes array_value = 5; bytes kvlist_value = 6; bytes bytes_value = 7; } }
message KeyValue { string key = 1; AnyValue value = 2; }
message Event { fixed64 time_unix_nano = 1; string name = 2; repeated KeyValue attributes = 3; }
message Link { bytes trace_id = 1; bytes span_id = 2; string trace_state = 3;
  repeated KeyValue attributes = 4; }
message Status { string message = 2; int32 code = 3; }
message Span { string trace_state = 3; string name = 5; int32 kind = 6;
  repeated KeyValue attributes = 9; repeated Event events = 11; repeated Link links = 13;
  Status status = 15; }
message LogRecord { int32 severity_number = 2; string severity_text = 3; AnyValue body = 5;
  repeated KeyValue attributes = 6; fixed32 flags = 8; string event_name = 12; }
message Spans { repeated Span records = 1; }
message Logs { repeated LogRecord records = 1; }
message Bytes { repeated bytes records = 1; }
"""
"""As much of OTLP (opentelemetry-proto, common, trace and logs, v1) as columns are made of.

AnyValue's nested members are bytes: Protobuf schemas here have a fixed depth, and each level more
costs every insert some 40 ms. Records that hold such values are decoded by the hub (`beyond_sql`).
"""

_GROUP: Final = """
  Bytes raw = 2; repeated bytes trace_ids = 3; repeated bytes span_ids = 4;
  repeated fixed64 numbers = 5; repeated fixed64 times = 6; string service = 7;
  string producer = 8; bytes resource = 9; string resource_url = 10; bytes scope = 11;
  string scope_url = 12; string scope_name = 13; string scope_version = 14;
  map<string, string> resource_attributes = 15; fixed64 received = 16;
"""

_VALUE: Final = (
    "Tuple(value UInt8, string_value String, bool_value Bool, int_value Int64,"
    " double_value Float64, array_value String, kvlist_value String, bytes_value String)"
)
_ATTRIBUTES: Final = f"Array(Tuple(key String, value {_VALUE}))"
_SPAN: Final = (
    f"trace_state String, name String, kind Int32, attributes {_ATTRIBUTES},"
    f" events Array(Tuple(time_unix_nano UInt64, name String, attributes {_ATTRIBUTES})),"
    " links Array(Tuple(trace_id String, span_id String, trace_state String,"
    f" attributes {_ATTRIBUTES})), status Tuple(message String, code Int32)"
)
_LOG: Final = (
    f"severity_number Int32, severity_text String, body {_VALUE}, attributes {_ATTRIBUTES},"
    " flags UInt32, event_name String"
)
_STRUCTURE: Final = (
    "typed Tuple(records Array(Tuple({record}))), raw Tuple(records Array(String)),"
    " trace_ids Array(String), span_ids Array(String), numbers Array(UInt64),"
    " times Array(UInt64), service String, producer String, resource String,"
    " resource_url String, scope String, scope_url String, scope_name String,"
    " scope_version String, resource_attributes Map(String, String), received UInt64"
)


class Loading(NamedTuple):
    """How messages become rows of a table."""

    columns: Mapping[str, str]
    """What goes into which column, in SQL."""
    values: Sequence[str]
    """What of a message that SQL names."""
    records: Mapping[str, str]
    """What else it names, and the arrays that have a value of it for each record."""
    structure: str
    schema: str

    def statement(self, table: str, source: str) -> str:
        """Return the INSERT into *table*; *source* is a table function's beginning and its end.

        What lies between them is the structure that the function is to read, as a text.
        """
        begin, end = source.split("STRUCTURE")
        join = ", ".join(f"{array} AS {name}" for name, array in self.records.items())
        names = ", ".join((
            *self.values,
            *self.records,
            f"arrayMap(v -> {_text('v')}, attributes.value) AS texts",
        ))  # fmt: skip
        schema = self.schema.replace("\n", " ")
        return (
            f"INSERT INTO {table} ({', '.join(self.columns)})"
            f" SELECT {', '.join(self.columns.values())} FROM (SELECT {names}"
            f" FROM {begin}'{self.structure}'{end} ARRAY JOIN {join})"
            " SETTINGS format_schema_source = 'string', format_schema_message_name = 'Group',"
            # Tells an empty text, or 0, from no value: with the value's field number.
            f" input_format_protobuf_oneof_presence = 1, format_schema = '{schema}'"
        )


def _text(value: str) -> str:
    """Return an AnyValue as the exporter has it; see `columns`."""
    return (
        f"multiIf({value}.value = 1, {value}.string_value,"
        f" {value}.value = 3, toString({value}.int_value),"
        f" {value}.value = 2, toString({value}.bool_value),"
        f" {value}.value = 4, {decimal(f'{value}.double_value')},"
        f" {value}.value = 7, base64Encode({value}.bytes_value), '')"
    )


def _map_of(attributes: str) -> str:
    return f"mapFromArrays({attributes}.key, arrayMap(v -> {_text('v')}, {attributes}.value))"


def _kinds() -> str:
    """Return `AttributeKinds`; see `attributes`."""
    tags = "attributes.value.value"
    names = "['nothing', '', 'bool', 'number', 'number', 'json', 'json', 'bytes']"
    return (
        f"mapFromArrays(arrayFilter((k, t) -> t != 1, attributes.key, {tags}),"
        f" arrayMap(t -> {names}[t + 1], arrayFilter(t -> t != 1, {tags})))"
    )


def _named(names: tuple[str, ...], number: str) -> str:
    listed = ", ".join(f"'{name}'" for name in names)
    return f"[{listed}][if({number} BETWEEN 0 AND {len(names) - 1}, {number}, 0) + 1]"


def _time(nanoseconds: str) -> str:
    return f"fromUnixTimestamp64Nano(toInt64({nanoseconds}))"


def _id(value: str) -> str:
    """Return an id as the columns have it; one that is missing is all zeros here."""
    return f"if(empty(replaceAll({value}, '\\0', '')), '', lower(hex({value})))"


_SHARED: Final = {
    "ServiceName": "service",
    "AttributeKinds": _kinds(),
    "Producer": "producer",
    "Received": _time("received"),
    "Row": "toInt64(number)",
    "ResourceAttributes": "resource_attributes",
    "ResourceSchemaUrl": "resource_url",
    "ResourceRaw": "resource",
    "ScopeName": "scope_name",
    "ScopeVersion": "scope_version",
    "ScopeSchemaUrl": "scope_url",
    "ScopeRaw": "scope",
    "Raw": "r",
}
_VALUES: Final = (
    *("service", "producer", "resource", "resource_url", "scope", "scope_url"),
    *("scope_name", "scope_version", "resource_attributes", "received"),
)
_RECORDS: Final = {
    "attributes": "typed.records.attributes",
    "r": "raw.records",
    "trace_id": "trace_ids",
    "span_id": "span_ids",
    "number": "numbers",
    "time": "times",
}

SPANS: Final = Loading(
    {
        "Timestamp": _time("time"),
        "TraceId": "lower(hex(trace_id))",
        "SpanId": "lower(hex(span_id))",
        "ParentSpanId": _id("parent_id"),
        "TraceState": "trace_state",
        "SpanName": "name",
        "SpanKind": _named(KINDS, "kind"),
        "Duration": "if(end_time > time, end_time - time, 0)",
        "StatusCode": _named(STATUSES, "status_code"),
        "StatusMessage": "status_message",
        "SpanAttributes": "mapFromArrays(attributes.key, texts)",
        "`Events.Timestamp`": (f"arrayMap(t -> {_time(f'least(t, {LATEST_NS})')}, event_times)"),
        "`Events.Name`": "event_names",
        "`Events.Attributes`": f"arrayMap(e -> {_map_of('e')}, event_attributes)",
        "`Links.TraceId`": "arrayMap(i -> lower(hex(i)), link_trace_ids)",
        "`Links.SpanId`": "arrayMap(i -> lower(hex(i)), link_span_ids)",
        "`Links.TraceState`": "link_states",
        "`Links.Attributes`": f"arrayMap(l -> {_map_of('l')}, link_attributes)",
        "State": "state",
        # As `columns` has it: the first ended copy, else what was said last.
        "Version": "if(end_time > 0, bitNot(number), number)",
        **_SHARED,
    },
    (*_VALUES, "state"),
    {
        **_RECORDS,
        "parent_id": "parent_ids",
        "end_time": "end_times",
        "trace_state": "typed.records.trace_state",
        "name": "typed.records.name",
        "kind": "typed.records.kind",
        "event_times": "typed.records.events.time_unix_nano",
        "event_names": "typed.records.events.name",
        "event_attributes": "typed.records.events.attributes",
        "link_trace_ids": "typed.records.links.trace_id",
        "link_span_ids": "typed.records.links.span_id",
        "link_states": "typed.records.links.trace_state",
        "link_attributes": "typed.records.links.attributes",
        "status_code": "typed.records.status.code",
        "status_message": "typed.records.status.message",
    },
    _STRUCTURE.format(record=_SPAN)
    + ", parent_ids Array(String), end_times Array(UInt64), state Int8",
    f"{_PROTO}message Group {{ Spans typed = 1; {_GROUP}"
    " repeated bytes parent_ids = 17; repeated fixed64 end_times = 18; int32 state = 19; }",
)
"""Into `otel_traces`."""

LOGS: Final = Loading(
    {
        "Timestamp": _time("time"),
        "TraceId": _id("trace_id"),
        "SpanId": _id("span_id"),
        "TraceFlags": "bitAnd(flags, 255)",
        "SeverityText": "severity_text",
        "SeverityNumber": "bitAnd(severity_number, 255)",
        "Body": _text("body"),
        "LogAttributes": "mapFromArrays(attributes.key, texts)",
        "EventName": "event_name",
        "ObservedTimestamp": _time("observed_time"),
        "Version": "bitNot(number)",
        "Place": "toInt64(place)",
        "Id": "id",
        "ScopeAttributes": "scope_attributes",
        **_SHARED,
    },
    (*_VALUES, "scope_attributes"),
    {
        **_RECORDS,
        "observed_time": "observed_times",
        "place": "places",
        "id": "ids",
        "severity_number": "typed.records.severity_number",
        "severity_text": "typed.records.severity_text",
        "body": "typed.records.body",
        "flags": "typed.records.flags",
        "event_name": "typed.records.event_name",
    },
    _STRUCTURE.format(record=_LOG)
    + ", observed_times Array(UInt64), places Array(UInt64), ids Array(UInt64),"
    " scope_attributes Map(String, String)",
    f"{_PROTO}message Group {{ Logs typed = 1; {_GROUP} repeated fixed64 observed_times = 18;"
    " repeated fixed64 places = 20; repeated fixed64 ids = 21;"
    " map<string, string> scope_attributes = 22; }",
)
"""Into `otel_logs`."""
