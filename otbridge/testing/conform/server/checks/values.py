"""S13, S14: everything that an AnyValue may be, everywhere that one may stand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from otbridge.testing.conform.check import Finding, failed, not_applicable, passed
from otbridge.testing.conform.server.answer import taken_whole
from otbridge.testing.conform.server.check import Check, each_signal
from otbridge.testing.conform.server.requests import (
    log_record,
    logs,
    metric,
    metrics,
    new_trace_id,
    span,
    traces,
)

if TYPE_CHECKING:
    from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue

    from otbridge.testing.conform.server.answer import Answer
    from otbridge.testing.conform.server.check import Bench
    from otbridge.typing import Signal

__all__ = ["CHECKS", "attributes_of", "referring"]


def _values() -> dict[str, AnyValue]:
    """Return one value of each kind."""
    from opentelemetry.proto.common.v1.common_pb2 import AnyValue

    def value(**kind: Any) -> AnyValue:
        return AnyValue(**kind)

    mixed = [{"int_value": 1}, {"string_value": "a"}, {"bytes_value": b"\xff"}, {}]
    nested = [{"array_value": {"values": mixed}}, {"kvlist_value": {"values": []}}]
    pairs = [{"key": "a", "value": {"array_value": {"values": mixed}}}, {"key": "b"}]
    return {
        "empty": value(),
        "bytes": value(bytes_value=b"\x00\xff"),
        "no bytes": value(bytes_value=b""),
        "mixed array": value(array_value={"values": mixed}),
        "nested array": value(array_value={"values": nested}),
        "no array": value(array_value={}),
        "map": value(kvlist_value={"values": pairs}),
        "no map": value(kvlist_value={}),
        "not a number": value(double_value=float("nan")),
        "smallest integer": value(int_value=-(2**63)),
    }


def _attributes() -> list[KeyValue]:
    from opentelemetry.proto.common.v1.common_pb2 import KeyValue

    return [KeyValue(key=name, value=value) for name, value in _values().items()]


def _referring_attributes() -> list[KeyValue]:
    """Return attributes that refer to the string table of a profile."""
    from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue

    return [
        KeyValue(key="conform.value", value=AnyValue(string_value_strindex=3)),
        KeyValue(key_strindex=4, value=AnyValue(string_value="conform")),
    ]


def _everywhere(signal: Signal, found: list[KeyValue], trace_id: bytes | None = None) -> Any:
    """Return a request of *signal* with the attributes *found* wherever it has any."""
    if signal == "traces":
        one = span(
            trace_id,
            attributes=found,
            events=[{"name": "conform", "time_unix_nano": 1, "attributes": found}],
            links=[{"trace_id": new_trace_id(), "span_id": b"\x01" * 8, "attributes": found}],
        )
        request: Any = traces(one)
        resource = request.resource_spans[0]
        scope = resource.scope_spans[0].scope
    elif signal == "logs":
        bodies = [log_record(attributes=found)]
        bodies += [log_record(body=each.value) for each in found]
        request = logs(*bodies)
        resource = request.resource_logs[0]
        scope = resource.scope_logs[0].scope
    else:
        measured = metric()
        point = measured.gauge.data_points[0]
        point.attributes.extend(found)
        point.exemplars.add(as_double=1, time_unix_nano=1, filtered_attributes=found)
        request = metrics(measured)
        resource = request.resource_metrics[0]
        scope = resource.scope_metrics[0].scope
    resource.resource.attributes.extend(found)
    scope.attributes.extend(found)
    return request


def _takes_all(bench: Bench, signal: Signal) -> Finding:
    return taken_whole(bench.export(signal, _bytes(_everywhere(signal, _attributes()))))


def _keeps_all(bench: Bench) -> Finding:
    from otbridge.wire.otlp_json import to_json

    trace_id = new_trace_id()
    request = _everywhere("traces", _attributes(), trace_id)
    answer = bench.export("traces", _bytes(request))
    if not answer.accepted or answer.rejected:
        return not_applicable(answer.words)
    stored = bench.inside.spans(trace_id)
    sent = to_json(request.resource_spans[0].scope_spans[0].spans[0])
    if [attributes_of(each) for each in stored] == [attributes_of(sent)]:
        return passed(f"{len(sent['attributes'])} kinds come back as they were sent")
    return failed(f"stored otherwise: {str(stored)[:200]}")


def attributes_of(found: dict[str, Any]) -> dict[str, Any]:
    """Return a span's attributes, events' and links', as OTLP/JSON has them."""
    return {
        "span": found.get("attributes"),
        "events": [event.get("attributes") for event in found.get("events", ())],
        "links": [link.get("attributes") for link in found.get("links", ())],
    }


def referring(bench: Bench) -> Answer:
    """Return the answer to a request with references to a string table that it does not have."""
    return bench.once(
        "referring",
        lambda: bench.export(
            bench.signal, _bytes(_everywhere(bench.signal, _referring_attributes()))
        ),
    )


def _takes_references(bench: Bench, signal: Signal) -> Finding:
    found = _referring_attributes()
    return taken_whole(bench.export(signal, _bytes(_everywhere(signal, found))))


def _warns_of_references(bench: Bench) -> Finding:
    answer = referring(bench)
    partial = answer.partial
    warned = answer.accepted and partial is not None and partial.message
    return (passed if warned else failed)(answer.words)


def _as_absent(bench: Bench) -> Finding:
    trace_id = new_trace_id()
    answer = bench.export(
        "traces", _bytes(_everywhere("traces", _referring_attributes(), trace_id))
    )
    if not answer.accepted or answer.rejected:
        return not_applicable(answer.words)
    stored = [
        value
        for each in bench.inside.spans(trace_id)
        for value in each.get("attributes", ())
        if value.get("key") == "conform.value" and value.get("value", {}).get("stringValue")
    ]
    return (failed if stored else passed)(f"text was made of it: {stored}" if stored else "no text")


def _bytes(request: Any) -> bytes:
    data: bytes = request.SerializeToString()
    return data


CHECKS: Final = (
    Check("S13", "takes values of every kind everywhere", each_signal(_takes_all)),
    Check("S13", "stores them as they are", _keeps_all, signal="traces", inside=True),
    Check(
        "S14",
        "takes records with string table references",
        each_signal(_takes_references),
        level="SHOULD",
    ),
    Check("S14", "warns of them in the answer", _warns_of_references, level="MAY"),
    Check("S14", "makes no text of them", _as_absent, level="SHOULD", signal="traces", inside=True),
)
"""In the order in which they are reported."""
