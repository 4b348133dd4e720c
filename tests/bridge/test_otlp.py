"""What a client sends becomes OTLP that says where it came from."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

from otbridge.bridge.otlp import Peer, open_request, peer_of, requests_of
from otbridge.errors import LimitExceeded, MalformedData, WireError
from otbridge.wire.frames import Batch, Hello, SdkName

STREAM = "4bf92f3577b34da6a3ce929d0e0e4736"
NOW_MS = 1_700_000_000_000.0
ATTRIBUTE = {"key": "a", "value": {"intValue": "1"}}


def raw(value: Any) -> msgspec.Raw:
    return msgspec.Raw(json.dumps(value).encode())


def hello(resource: Any = (), clock: float = NOW_MS) -> Hello:
    sdk = SdkName("otbridge-js", "0.1.0")
    return Hello(v=1, stream=STREAM, epoch=1, sdk=sdk, clock=clock, resource=raw(resource))


def peer(**fields: Any) -> Peer:
    return peer_of(hello(**fields), origin="browser", now_ms=NOW_MS)


def logs(*records: Any) -> msgspec.Raw:
    return raw([{"logRecords": records}])


def test_a_wrong_clock_is_corrected_in_every_request() -> None:
    """A client an hour behind has its records moved by an hour."""
    behind = peer(clock=NOW_MS - 3_600_000)
    batch = Batch(id=1, n=1, logs=logs({"timeUnixNano": "1000000000"}))
    ((_, request),) = requests_of(behind, batch, 0)
    (record,) = (
        ExportLogsServiceRequest.FromString(request).resource_logs[0].scope_logs[0].log_records
    )
    assert record.time_unix_nano == 3_601_000_000_000


def test_an_empty_batch_is_no_request() -> None:
    """Nothing is handed over for a batch without records, and empty scopes are left out."""
    empty = raw([{"logRecords": []}, {"logRecords": None}, {}])
    assert requests_of(peer(), Batch(id=1, n=0, logs=empty, dropped={"x": 0}), 0) == []


def test_a_thousand_records_are_taken_and_one_more_is_not() -> None:
    """The limit counts spans and log records together, whatever `n` says."""
    spans = raw([{"spans": [{"traceId": "0" * 31 + "1", "spanId": "0" * 15 + "1"}]}])
    full = Batch(id=1, n=5, spans=spans, logs=logs(*[{}] * 999))
    assert len(requests_of(peer(), full, 0)) == 2
    with pytest.raises(LimitExceeded, match="1001 records"):
        requests_of(peer(), Batch(id=1, n=5, spans=spans, logs=logs(*[{}] * 1000)), 0)


def test_128_attributes_are_taken_and_one_more_is_not() -> None:
    """Attributes, events and links of one record are limited alike."""
    assert requests_of(peer(), Batch(id=1, n=1, logs=logs({"attributes": [ATTRIBUTE] * 128})), 0)
    with pytest.raises(LimitExceeded, match="129 attributes"):
        requests_of(peer(), Batch(id=1, n=1, logs=logs({"attributes": [ATTRIBUTE] * 129})), 0)
    for field in ("attributes", "events", "links"):
        spans = raw([{"spans": [{field: [{}] * 129}]}])
        with pytest.raises(LimitExceeded, match=f"129 {field}"):
            requests_of(peer(), Batch(id=1, n=1, spans=spans), 0)


@pytest.mark.parametrize(
    "value",
    [
        {},
        "logs",
        [5],
        [{"logRecords": {}}],
        [{"logRecords": [5]}],
        [{"logRecords": [{"body": {"stringValue": 5}}]}],
        [{"logRecords": [{"traceId": "no hex"}]}],
    ],
)
def test_what_is_not_otlp_is_malformed(value: Any) -> None:
    """A broken batch raises before anything of it is handed over, and says where."""
    with pytest.raises(MalformedData):
        requests_of(peer(), Batch(id=1, n=1, logs=raw(value)), 0)


def test_deep_nesting_is_refused() -> None:
    """A value nested without end is the sender's fault and no RecursionError."""
    value: Any = {"stringValue": "x"}
    for _ in range(200):
        value = {"arrayValue": {"values": [value]}}
    with pytest.raises(WireError):
        requests_of(peer(), Batch(id=1, n=1, logs=logs({"body": value})), 0)
    endless = msgspec.Raw(b'[{"logRecords":[{"body":' + b"[" * 50_000 + b"]" * 50_000 + b"}]}]")
    with pytest.raises(WireError):
        requests_of(peer(), Batch(id=1, n=1, logs=endless), 0)


@pytest.mark.parametrize("resource", [{}, [5], [{"value": {}}], [ATTRIBUTE] * 129, "x"])
def test_a_resource_that_is_none_is_refused(resource: Any) -> None:
    """Who a client is must be a list of at most 128 OTLP attributes."""
    with pytest.raises(MalformedData):
        peer(resource=resource)


def test_a_resource_cannot_break_out_of_its_place() -> None:
    """Quotes and braces in names and values stay data."""
    name = '"}],"scopeLogs":[{'
    odd = peer(resource=[{"key": name, "value": {"stringValue": name}}])
    ((_, request),) = requests_of(odd, Batch(id=1, n=1, logs=logs({})), 0)
    resource = ExportLogsServiceRequest.FromString(request).resource_logs[0].resource
    assert (resource.attributes[0].key, resource.attributes[0].value.string_value) == (name, name)


def test_too_many_open_spans_are_refused() -> None:
    """One open frame shows at most a thousand spans."""
    with pytest.raises(LimitExceeded, match="1001 spans"):
        open_request(peer(), raw([{}] * 1001))


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    ["logRecords", "spans", "attributes", "body", "key", "value", "scope"]
                ),
                inner,
                max_size=3,
            )
        ),
        max_leaves=10,
    )
)
def test_any_json_raises_nothing_but_ours(value: Any) -> None:
    """Whatever stands where telemetry should, a WireError is all that comes of it."""
    someone = peer()
    for act in (
        lambda: requests_of(someone, Batch(id=1, n=1, logs=raw(value), spans=raw(value)), 0),
        lambda: open_request(someone, raw(value)),
        lambda: peer(resource=value),
    ):
        try:
            act()
        except WireError:
            pass
