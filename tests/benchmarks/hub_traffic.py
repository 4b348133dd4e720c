"""What the hub is sent in benchmarks: requests as a dozen real services make them.

A trace is a request that walks through up to twelve services, 25 spans in all. Every service
exports what it made in batches of its own, as SDKs do, so that a trace comes in many pieces. Of
ten attributes some have a handful of values, some a few thousand, and three or four are new in
every span or trace.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from opentelemetry.proto.trace.v1.trace_pb2 import Span

if TYPE_CHECKING:
    from collections.abc import Iterator

    from otbridge.typing import Signal

__all__ = ["BATCH", "SERVICES", "TRACE_SPANS", "Traffic", "make", "records_of_trace", "request_of"]

BATCH: Final = 512
"""Records in a request: what SDKs send by default."""

TRACE_SPANS: Final = 25

SERVICES: Final = (
    *("web", "gateway", "catalog", "cart", "checkout", "payment"),
    *("shipping", "email", "users", "search", "recommend", "ledger"),
)
_METHODS = ("GET", "GET", "GET", "POST", "PUT", "DELETE")
_ROUTES = tuple(
    f"/api/v1/{service}/{thing}"
    for service in SERVICES
    for thing in ("items/{id}", "list", "status", "events/{id}")
)
_TABLES = ("orders", "items", "customers", "stock", "payments", "sessions", "prices")
_SENTENCES = (
    "order %d accepted for customer %s",
    "payment of %d cents was refused by the bank for %s",
    "cache miss for key item-%d, asked by %s",
    "shipment %d handed to the carrier, notified %s",
    "retrying request %d after a timeout, on behalf of %s",
    "index refreshed with %d documents, triggered by %s",
)


class Traffic(NamedTuple):
    """Some requests of one signal."""

    requests: list[bytes]
    records: int
    last_trace: str
    """Hex id of a trace that the last request has something of."""
    last_word: str
    """A word that only that trace has."""


def make(signal: Signal, records: int, seed: int, now_ns: int, *, batch: int = BATCH) -> Traffic:
    """Make requests with about *records* spans or logs; another *seed* makes others."""
    chance = random.Random(seed)
    waiting: dict[str, list[Any]] = {service: [] for service in SERVICES}
    requests: list[bytes] = []
    made = 0
    trace, word = b"", ""
    while made < records:
        trace, word = chance.randbytes(16), f"{chance.getrandbits(64):016x}"
        for service, record in records_of_trace(
            signal, chance, trace, word, now_ns + made * 40_000
        ):
            waiting[service].append(record)
            made += 1
            if len(waiting[service]) == batch:
                requests.append(request_of(signal, service, waiting[service]))
                waiting[service] = []
    requests += [request_of(signal, service, rest) for service, rest in waiting.items() if rest]
    return Traffic(requests, made, trace.hex(), word)


def records_of_trace(
    signal: Signal, chance: random.Random, trace: bytes, word: str, start_ns: int
) -> Iterator[tuple[str, Any]]:
    """Yield the spans of a trace (or a log record for each), children first, as they end."""
    user = f"user-{chance.randrange(20_000)}"
    path = chance.sample(SERVICES, 8)
    ids = [chance.randbytes(8) for _ in range(TRACE_SPANS)]
    for number in reversed(range(TRACE_SPANS)):
        service = path[number * len(path) // TRACE_SPANS]
        begin = start_ns + number * 1_000_000
        if signal == "logs":
            yield service, _log(chance, trace, ids[number], word, user, begin)
            continue
        entry = number and path[(number - 1) * len(path) // TRACE_SPANS] != service
        kind = 2 if entry or not number else chance.choice((1, 1, 3))
        yield (
            service,
            Span(
                trace_id=trace,
                span_id=ids[number],
                parent_span_id=ids[number - 1 - (chance.randrange(2) and not entry and number > 1)]
                if number
                else b"",
                name=_name(chance, kind),
                kind=kind,  # type: ignore[arg-type] # an enum's number
                start_time_unix_nano=begin,
                end_time_unix_nano=begin + chance.randrange(50_000, 80_000_000),
                attributes=_attributes(_span_values(chance, kind, word, user)),
                status={"code": 2, "message": "upstream timed out"}  # type: ignore[arg-type]
                if chance.random() < 0.02
                else None,
            ),
        )


def _name(chance: random.Random, kind: int) -> str:
    if kind == 2:
        return f"{chance.choice(_METHODS)} {chance.choice(_ROUTES)}"
    if kind == 3:
        return f"SELECT {chance.choice(_TABLES)}"
    return chance.choice(("validate", "render", "authorize", "serialize", "price"))


def _span_values(chance: random.Random, kind: int, word: str, user: str) -> dict[str, Any]:
    values: dict[str, Any] = {
        "enduser.id": user,
        "request.id": word,
        "thread.id": chance.randrange(16),
        "thread.name": f"worker-{chance.randrange(16)}",
        "code.function.name": f"handlers.{chance.choice(_TABLES)}.run",
    }
    if kind == 2:
        route = chance.choice(_ROUTES)
        values |= {
            "http.request.method": chance.choice(_METHODS),
            "http.route": route,
            "url.path": route.replace("{id}", str(chance.randrange(1_000_000))),
            "http.response.status_code": chance.choice((200, 200, 200, 201, 404, 500)),
            "http.response.body.size": chance.randrange(100_000),
        }
    elif kind == 3:
        table = chance.choice(_TABLES)
        values |= {
            "db.system.name": "postgresql",
            "db.namespace": "shop",
            "db.query.text": f"SELECT * FROM {table} WHERE id = $1 AND tenant = $2",
            "db.response.returned_rows": chance.randrange(200),
            "server.address": f"db-{chance.randrange(4)}.internal",
        }
    else:
        values |= {
            "cart.items": chance.randrange(20),
            "cart.total": chance.randrange(100_000) / 100,
            "feature.variant": chance.choice("ab"),
            "cached": chance.random() < 0.5,
            "tenant": f"tenant-{chance.randrange(40)}",
        }
    return values


def _log(  # noqa: PLR0917 - one caller
    chance: random.Random, trace: bytes, span: bytes, word: str, user: str, time_ns: int
) -> LogRecord:
    severity = chance.choice((5, 9, 9, 9, 9, 9, 13, 17))
    body = chance.choice(_SENTENCES) % (chance.randrange(1_000_000), user)
    return LogRecord(
        trace_id=trace,
        span_id=span,
        flags=1,
        time_unix_nano=time_ns,
        observed_time_unix_nano=time_ns + 1_000,
        severity_number=severity,  # type: ignore[arg-type] # an enum's number
        severity_text={5: "DEBUG", 9: "INFO", 13: "WARN", 17: "ERROR"}[severity],
        body=_any(body),
        attributes=_attributes(_span_values(chance, chance.choice((1, 2, 3)), word, user)),
    )


def request_of(signal: Signal, service: str, records: list[Any]) -> bytes:
    number = SERVICES.index(service)
    resource = _attributes(
        {
            "service.name": service,
            "service.namespace": "shop",
            "service.version": f"1.{number}.3",
            "service.instance.id": f"{service}-7d9f8b6c5d-{number:05x}",
            "deployment.environment.name": "production",
            "host.name": f"node-{number % 4}.cluster.internal",
            "telemetry.sdk.language": "python",
            "telemetry.sdk.version": "1.39.0",
        }
    )
    scope = {"name": f"shop.{service}", "version": "1.0"}
    if signal == "logs":
        logs = ExportLogsServiceRequest()
        resource_logs = logs.resource_logs.add(resource={"attributes": resource})
        resource_logs.scope_logs.add(scope=scope, log_records=records)
        return logs.SerializeToString()
    spans = ExportTraceServiceRequest()
    resource_spans = spans.resource_spans.add(resource={"attributes": resource})
    resource_spans.scope_spans.add(scope=scope, spans=records)
    return spans.SerializeToString()


def _attributes(values: dict[str, Any]) -> list[KeyValue]:
    return [KeyValue(key=key, value=_any(value)) for key, value in values.items()]


def _any(value: Any) -> AnyValue:
    match value:
        case bool():
            return AnyValue(bool_value=value)
        case int():
            return AnyValue(int_value=value)
        case float():
            return AnyValue(double_value=value)
        case _:
            return AnyValue(string_value=value)
