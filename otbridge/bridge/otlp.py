"""Turns what a client sent into OTLP requests that say where it came from.

The client sends its resource once and `ScopeSpans` and `ScopeLogs` in OTLP/JSON afterwards. Both
are put together as text, and read by the same mapping as any other OTLP/JSON.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, TypeVar

import msgspec
from msgspec import Meta, Raw, Struct

from otbridge import semconv
from otbridge.bridge.clock_offset import corrected, offset_ns
from otbridge.errors import LimitExceeded, MalformedData

if TYPE_CHECKING:
    from otbridge.typing import Signal
    from otbridge.wire.frames import Batch, Envelope, Hello

__all__ = [
    "MAX_ATTRIBUTES",
    "MAX_RECORDS",
    "Origin",
    "Peer",
    "load",
    "open_request",
    "peer_of",
    "requests_of",
]

MAX_RECORDS: Final = 1000
"""Records in one batch (bridge-protocol, rule 5)."""

MAX_ATTRIBUTES: Final = 128
"""Attributes of one record, and events or links of one span (rule 5)."""

DROPPED: Final = "otbridge.client.records.dropped"
"""The metric that `dropped` counts become (rule 13)."""

Origin = Literal["browser", "node"]

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Peer:
    """Who is speaking: everything that its batches share."""

    stream: str
    origin: Origin
    resource: bytes
    """The OTLP Resource as a JSON object."""
    offset_ns: int
    """To be added to the peer's times; 0 where its clock is right."""
    project: str = ""
    """Whom it writes for, as `authenticate` said."""


class _KeyValue(Struct, frozen=True):
    key: str
    value: Raw = Raw(b"{}")


class _Log(Struct, frozen=True):
    attributes: list[Raw] | None = None


class _ScopeLogs(Struct, frozen=True):
    logRecords: list[_Log] | None = None  # noqa: N815 - OTLP/JSON's name


class _Span(Struct, frozen=True):
    attributes: list[Raw] | None = None
    events: list[Raw] | None = None
    links: list[Raw] | None = None


class _ScopeSpans(Struct, frozen=True):
    spans: list[_Span] | None = None


class _OpenSpan(Struct, frozen=True):
    scope: str = ""


_resources: Final = msgspec.json.Decoder(
    Annotated[list[_KeyValue], Meta(max_length=MAX_ATTRIBUTES)]
)
_scope_logs: Final = msgspec.json.Decoder(list[_ScopeLogs])
_scope_spans: Final = msgspec.json.Decoder(list[_ScopeSpans])
_open_spans: Final = msgspec.json.Decoder(list[_OpenSpan])
_raw_list: Final = msgspec.json.Decoder(list[Raw])
_encode: Final = msgspec.json.Encoder().encode


def load() -> None:
    """Import what reading a batch needs; it takes some 50 ms, so not on an event loop."""
    from opentelemetry.proto.collector.logs.v1 import logs_service_pb2
    from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2
    from opentelemetry.proto.collector.trace.v1 import trace_service_pb2

    from otbridge.wire import otlp_json

    # Named, so that nobody takes the imports for forgotten ones.
    _ = (logs_service_pb2, metrics_service_pb2, trace_service_pb2, otlp_json)


def peer_of(hello: Hello | Envelope, *, origin: Origin, now_ms: float, project: str = "") -> Peer:
    """Return who said *hello*.

    The resource is the client's, but for what the server knows better: which way it came, and
    that its instance is the stream. A page cannot pass for a server process.

    Raises:
        MalformedData: The resource is not a list of OTLP attributes.
        LimitExceeded: It has more than `MAX_ATTRIBUTES`.
    """
    from otbridge.wire.otlp_json import parse_logs

    ours = {
        semconv.ORIGIN: origin,
        semconv.SERVICE_INSTANCE_ID: hello.stream,
        semconv.TELEMETRY_DISTRO_NAME: "otbridge",
    }
    attributes: list[Any] = [
        pair for pair in _read(_resources, hello.resource, "resource") if pair.key not in ours
    ]
    attributes += [{"key": key, "value": {"stringValue": value}} for key, value in ours.items()]
    resource = _encode({"attributes": attributes})
    parse_logs(b'{"resourceLogs":[{"resource":' + resource + b"}]}")  # refuse it now, not later
    return Peer(hello.stream, origin, resource, offset_ns(hello.clock, now_ms), project)


def requests_of(peer: Peer, batch: Batch, now_ns: int) -> list[tuple[Signal, bytes]]:
    """Return the OTLP requests that *batch* stands for, at most one per signal.

    Args:
        peer: Who sent it.
        batch: Its spans, log records, and counts of what was dropped.
        now_ns: Unix nanoseconds, the time of the dropped counts.

    Raises:
        MalformedData: Something in it is not OTLP/JSON; nothing of it can be taken.
        LimitExceeded: More records or attributes than the protocol allows.
    """
    from otbridge.wire.otlp_json import parse_logs, parse_metrics, parse_traces

    spans, logs = bytes(batch.spans), bytes(batch.logs)
    span_count, log_count = _count_spans(batch.spans), _count_logs(batch.logs)
    _limit(span_count + log_count, MAX_RECORDS, "The batch", "records")
    requests: list[tuple[Signal, bytes]] = []
    if span_count:
        request = parse_traces(_document(b"resourceSpans", peer, b"scopeSpans", spans))
        requests.append(("traces", corrected("traces", request, peer.offset_ns)))
    if log_count:
        request = parse_logs(_document(b"resourceLogs", peer, b"scopeLogs", logs))
        requests.append(("logs", corrected("logs", request, peer.offset_ns)))
    if any(batch.dropped.values()):
        metrics = _encode([_dropped(batch.dropped, now_ns)])
        request = parse_metrics(_document(b"resourceMetrics", peer, b"scopeMetrics", metrics))
        requests.append(("metrics", request))
    return requests


def open_request(peer: Peer, spans: Raw) -> bytes:
    """Return an ExportTraceServiceRequest of spans that have begun.

    Raises:
        MalformedData: They are not OTLP/JSON spans.
        LimitExceeded: There are more than `MAX_RECORDS`.
    """
    from otbridge.wire.otlp_json import parse_traces

    heads = _read(_open_spans, spans, "spans")
    _limit(len(heads), MAX_RECORDS, "An open frame", "spans")
    raw_spans: list[Raw] = _read(_raw_list, spans, "spans")
    by_scope: dict[str, list[Raw]] = {}
    for head, span in zip(heads, raw_spans, strict=True):
        by_scope.setdefault(head.scope, []).append(span)
    scopes = [{"scope": {"name": name}, "spans": group} for name, group in by_scope.items()]
    request = parse_traces(_document(b"resourceSpans", peer, b"scopeSpans", _encode(scopes)))
    return corrected("traces", request, peer.offset_ns)


def _document(outer: bytes, peer: Peer, inner: bytes, content: bytes) -> bytes:
    return b'{"%b":[{"resource":%b,"%b":%b}]}' % (outer, peer.resource, inner, content)


def _count_spans(spans: Raw) -> int:
    count = 0
    for scope in _read(_scope_spans, spans, "spans"):
        for span in scope.spans or ():
            count += 1
            _limit(len(span.attributes or ()), MAX_ATTRIBUTES, "A span", "attributes")
            _limit(len(span.events or ()), MAX_ATTRIBUTES, "A span", "events")
            _limit(len(span.links or ()), MAX_ATTRIBUTES, "A span", "links")
    return count


def _count_logs(logs: Raw) -> int:
    count = 0
    for scope in _read(_scope_logs, logs, "logs"):
        for record in scope.logRecords or ():
            count += 1
            _limit(len(record.attributes or ()), MAX_ATTRIBUTES, "A log record", "attributes")
    return count


def _limit(count: int, limit: int, subject: str, what: str) -> None:
    if count > limit:
        raise LimitExceeded(
            f"{subject} has {count} {what}.", f"At most {limit} are taken.", "Send fewer at a time."
        )


def _read(decoder: msgspec.json.Decoder[_T], value: Raw, name: str) -> _T:
    try:
        return decoder.decode(value)
    except (msgspec.MsgspecError, RecursionError, ValueError) as error:
        raise MalformedData(
            f"The field {name} is not what OTLP/JSON has there.",
            f"{error}.",
            "See docs/reference/bridge-protocol.md for its form.",
        ) from error


def _dropped(counts: dict[str, int], now_ns: int) -> dict[str, Any]:
    points = [
        {
            "timeUnixNano": str(now_ns),
            "asInt": str(count),
            "attributes": [{"key": "reason", "value": {"stringValue": reason}}],
        }
        for reason, count in counts.items()
        if count
    ]
    metric = {
        "name": DROPPED,
        "unit": "{record}",
        "description": "Records that the client let go before sending them, by reason.",
        "sum": {"aggregationTemporality": 1, "isMonotonic": True, "dataPoints": points},
    }
    return {"scope": {"name": "otbridge.bridge"}, "metrics": [metric]}
