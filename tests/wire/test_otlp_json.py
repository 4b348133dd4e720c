"""OTLP/JSON and protobuf carry the same thing, and nothing else is let through."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message_factory import GetMessageClass
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue

from otbridge.errors import LimitExceeded, MalformedData
from otbridge.wire.otlp_json import MAX_TOKENS, parse_logs, parse_metrics, parse_traces, to_json

if TYPE_CHECKING:
    from collections.abc import Callable

    from google.protobuf.message import Message

REQUESTS = [
    (ExportTraceServiceRequest, parse_traces),
    (ExportLogsServiceRequest, parse_logs),
    (ExportMetricsServiceRequest, parse_metrics),
]

_KINDS = FieldDescriptor
_SCALARS: dict[int, st.SearchStrategy[Any]] = {
    _KINDS.TYPE_STRING: st.text(max_size=8),
    _KINDS.TYPE_BYTES: st.binary(max_size=20),
    _KINDS.TYPE_BOOL: st.booleans(),
    _KINDS.TYPE_DOUBLE: st.floats(allow_nan=False),
    _KINDS.TYPE_ENUM: st.integers(-(2**31), 2**31 - 1),
    _KINDS.TYPE_INT32: st.integers(-(2**31), 2**31 - 1),
    _KINDS.TYPE_SINT32: st.integers(-(2**31), 2**31 - 1),
    _KINDS.TYPE_UINT32: st.integers(0, 2**32 - 1),
    _KINDS.TYPE_FIXED32: st.integers(0, 2**32 - 1),
    _KINDS.TYPE_INT64: st.integers(-(2**63), 2**63 - 1),
    _KINDS.TYPE_SFIXED64: st.integers(-(2**63), 2**63 - 1),
    _KINDS.TYPE_UINT64: st.integers(0, 2**64 - 1),
    _KINDS.TYPE_FIXED64: st.integers(0, 2**64 - 1),
}


@st.composite
def messages(draw: st.DrawFn, descriptor: Any, depth: int = 0) -> Message:
    """Any message of a type, with few fields set, and no deeper than twelve."""
    message = GetMessageClass(descriptor)()
    for field in draw(st.lists(st.sampled_from(list(descriptor.fields)), max_size=4)):
        if field.message_type is None:
            value = draw(_SCALARS[field.type])
            if field.is_repeated:
                getattr(message, field.name).append(value)
            else:
                setattr(message, field.name, value)
        elif depth < 12:
            inner = draw(messages(field.message_type, depth + 1))
            if field.is_repeated:
                getattr(message, field.name).append(inner)
            else:
                getattr(message, field.name).CopyFrom(inner)
    return message


@pytest.mark.parametrize(("kind", "parse"), REQUESTS)
@settings(max_examples=80, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_every_message_comes_back_from_json_as_it_went(
    kind: type[Message], parse: Callable[[bytes], bytes], data: st.DataObject
) -> None:
    message = data.draw(messages(kind.DESCRIPTOR))
    document = msgspec.json.encode(to_json(message))
    assert kind.FromString(parse(document)) == message


_json = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=6),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "resourceSpans", "resource", "scopeSpans", "scope", "spans", "attributes",
                    "traceId", "spanId", "kind", "value", "intValue", "bytesValue", "kvlistValue",
                    "arrayValue", "values", "doubleValue", "startTimeUnixNano", "flags", "links",
                    "boolValue", "stringValue", "key", "status", "code", "unknown",
                ]
            ),
            inner,
            max_size=3,
        )
    ),
    max_leaves=20,
)  # fmt: skip


@settings(max_examples=300)
@given(
    document=st.binary(max_size=40)
    | _json.map(lambda value: json.dumps(value).encode())
    | _json.map(
        lambda value: json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [value]}]}]}).encode()
    )
)
def test_a_document_is_either_otlp_or_malformed_and_never_another_exception(
    document: bytes,
) -> None:
    try:
        request = parse_traces(document)
    except MalformedData:
        return
    ExportTraceServiceRequest.FromString(request)


def span(**fields: Any) -> bytes:
    return json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [fields]}]}]}).encode()


def parsed(**fields: Any) -> Any:
    request = ExportTraceServiceRequest.FromString(parse_traces(span(**fields)))
    return request.resource_spans[0].scope_spans[0].spans[0]


def test_ids_are_hex_of_either_case() -> None:
    result = parsed(traceId="5B8EFFF798038103D269B633813FC60C", spanId="eee19b7ec3c1b174")
    assert result.trace_id.hex() == "5b8efff798038103d269b633813fc60c"
    assert result.span_id.hex() == "eee19b7ec3c1b174"


@pytest.mark.parametrize("number", ["1763635830123456789", 1763635830123456789])
def test_64_bit_integers_are_taken_as_strings_and_as_numbers(number: str | int) -> None:
    assert parsed(startTimeUnixNano=number).start_time_unix_nano == 1763635830123456789


def test_a_number_written_with_an_exponent_is_an_integer() -> None:
    document = span(startTimeUnixNano=1).replace(b": 1}", b": 1.5e3}")
    request = ExportTraceServiceRequest.FromString(parse_traces(document))
    assert request.resource_spans[0].scope_spans[0].spans[0].start_time_unix_nano == 1500


def test_unknown_keys_snake_case_keys_and_nulls_count_as_absent() -> None:
    assert parsed(name="a", trace_id="ff", future={"x": [1]}, kind=None).ByteSize() == len(
        b"\x2a\x01a"
    )


def test_unknown_enum_numbers_are_kept() -> None:
    assert parsed(kind=77).kind == 77


def test_doubles_that_json_cannot_hold_travel_by_name() -> None:
    value = AnyValue(double_value=float("-inf"))
    assert to_json(value) == {"doubleValue": "-Infinity"}
    assert to_json(AnyValue(double_value=float("nan"))) == {"doubleValue": "NaN"}
    result = parsed(attributes=[{"key": "a", "value": {"doubleValue": "-Infinity"}}])
    assert result.attributes[0].value == value


def test_base64_of_both_alphabets_with_and_without_padding_is_taken() -> None:
    raw = b"\xfb\xff\xfe\x01"
    for text in (
        base64.b64encode(raw).decode(),
        base64.urlsafe_b64encode(raw).decode().rstrip("="),
    ):
        result = parsed(attributes=[{"key": "a", "value": {"bytesValue": text}}])
        assert result.attributes[0].value.bytes_value == raw


@pytest.mark.parametrize(
    ("fields", "place"),
    [
        ({"traceId": "xyz"}, "resourceSpans[0].scopeSpans[0].spans[0].traceId"),
        ({"traceId": 5}, "spans[0].traceId"),
        ({"kind": "SPAN_KIND_SERVER"}, "spans[0].kind"),
        ({"kind": True}, "spans[0].kind"),
        ({"name": 7}, "spans[0].name"),
        ({"startTimeUnixNano": "12x"}, "spans[0].startTimeUnixNano"),
        ({"startTimeUnixNano": -1}, "spans[0].startTimeUnixNano"),
        ({"startTimeUnixNano": "--1"}, "spans[0].startTimeUnixNano"),
        ({"startTimeUnixNano": 2**64}, "spans[0].startTimeUnixNano"),
        ({"startTimeUnixNano": True}, "spans[0].startTimeUnixNano"),
        ({"startTimeUnixNano": 1.5}, "spans[0].startTimeUnixNano"),
        ({"attributes": {}}, "spans[0].attributes"),
        ({"attributes": [None]}, "spans[0].attributes[0]"),
        ({"attributes": [{}, {"key": "a", "value": 1}]}, "spans[0].attributes[1].value"),
        ({"attributes": [{"value": {"boolValue": "yes"}}]}, "attributes[0].value.boolValue"),
        ({"attributes": [{"value": {"bytesValue": "*"}}]}, "attributes[0].value.bytesValue"),
        ({"attributes": [{"value": {"doubleValue": "1.x"}}]}, "value.doubleValue"),
        ({"attributes": [{"value": {"doubleValue": 10**18 * 10**18}}]}, None),
        ({"status": []}, "spans[0].status"),
    ],
)
def test_what_does_not_fit_is_named_with_its_place(
    fields: dict[str, Any], place: str | None
) -> None:
    if place is None:
        parsed(**fields)
        return
    with pytest.raises(MalformedData) as caught:
        parse_traces(span(**fields))
    assert place in str(caught.value)


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"[",
        b"null",
        b"[]",
        b'"resourceSpans"',
        b"\xff\xfe",
        b'{"resourceSpans": "\xff"}',
        b'{"resourceSpans": NaN}',
        b'{"resourceSpans": "\\ud800"}',
        b'{"a": 1' + b"0" * 5000 + b"}",
        b'{"a": 1e999}',
        b'{"resourceSpans": ' + b"[" * 100_000,
        b"{}{}",
    ],
)
def test_what_is_no_json_object_is_malformed(document: bytes) -> None:
    with pytest.raises(MalformedData):
        parse_traces(document)


def test_values_nested_deeper_than_protobuf_allows_are_malformed() -> None:
    value: dict[str, Any] = {"stringValue": "deep"}
    for _ in range(40):
        value = {"kvlistValue": {"values": [{"key": "a", "value": value}]}}
    with pytest.raises(MalformedData, match="nested at most"):
        parse_traces(span(attributes=[{"key": "a", "value": value}]))


def test_values_nested_as_deep_as_allowed_can_be_decoded_from_the_request() -> None:
    value: dict[str, Any] = {"stringValue": "deep"}
    for _ in range(29):
        value = {"kvlistValue": {"values": [{"key": "a", "value": value}]}}
    assert parsed(attributes=[{"key": "a", "value": value}]).attributes[0].key == "a"


def test_a_document_of_too_many_values_is_refused_before_it_is_parsed() -> None:
    with pytest.raises(LimitExceeded, match="at most"):
        parse_traces(b'{"resourceSpans": [' + b"{}," * MAX_TOKENS)
