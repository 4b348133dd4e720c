"""Makes what came with a public key say where it is from.

Everybody can read the key in the page, so nothing that its bearer says about itself is believed:
the name is the key's, and the client's own copy stays beside it under `client.*`.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

from otbridge import semconv
from otbridge.errors import LimitExceeded, MalformedData
from otbridge.hub.access.trace_context import forget_sampling, move_records, parents_by_trace
from otbridge.hub.access.trace_owners import source_of
from otbridge.hub.limits import MAX_PUBLIC_RECORDS, MAX_PUBLIC_VALUES

if TYPE_CHECKING:
    from otbridge.hub.access.key import Key
    from otbridge.hub.access.trace_owners import TraceOwners
    from otbridge.typing import Signal

__all__ = ["Untrusted", "count_records"]

_INLINE_BYTES: Final = 64 << 10
"""Larger requests are read on a thread, so that the event loop never stalls for more than some
milliseconds."""

_IDENTITY: Final = frozenset({semconv.SERVICE_NAME, "service.namespace", semconv.SOURCE})
"""Resource attributes that say who is speaking."""

_GROUPS: Final = {
    "traces": "resource_spans",
    "logs": "resource_logs",
    "metrics": "resource_metrics",
}


class Untrusted:
    """Rewrites requests that came with public keys.

    Args:
        owners: Who knows which traces are whose.
    """

    def __init__(self, owners: TraceOwners) -> None:
        self._owners = owners

    async def rewritten(
        self, signal: Signal, request: bytes, key: Key, *, instance_known: bool
    ) -> bytes:
        """Return the Export…ServiceRequest *request* as the hub can vouch for it.

        Args:
            signal: What it exports.
            request: The serialised request.
            key: The public key that it came with.
            instance_known: Whether its `service.instance.id` is the hub's word already.

        Raises:
            MalformedData: It is not OTLP.
            LimitExceeded: It holds more than a public sender may bring at once.
            Busy: The store could not be asked whose its traces are.
        """
        if len(request) <= _INLINE_BYTES:
            message = _parsed(signal, request)
        else:
            message = await asyncio.to_thread(_parsed, signal, request)
        standings = await self._owners.look(key, parents_by_trace(signal, message))

        def rewrite() -> bytes:
            _stamp(signal, message, key, instance_known=instance_known)
            forget_sampling(signal, message)
            move_records(signal, message, key, standings)
            data: bytes = message.SerializeToString()
            return data

        return rewrite() if len(request) <= _INLINE_BYTES else await asyncio.to_thread(rewrite)


def count_records(request: bytes, limit: int) -> int:
    """Return how many spans, log records or metrics *request* holds, without decoding it.

    Raises:
        MalformedData: It is not protobuf.
        LimitExceeded: They are more than *limit*.
    """
    from otbridge.wire.otlp_walk import walk

    return sum(len(scope.records) for resource in walk(request, limit) for scope in resource.scopes)


def _parsed(signal: Signal, request: bytes) -> Any:
    from google.protobuf.message import DecodeError

    from otbridge.wire.otlp_walk import check_values

    kind = _message_type(signal)
    check_values(request, kind.DESCRIPTOR, MAX_PUBLIC_VALUES)
    try:
        message = kind.FromString(request)
    except DecodeError as error:
        raise MalformedData(f"Not an OTLP {signal} request.", f"{error}.") from None
    if signal == "metrics":
        _limit_points(message)
    return message


def _message_type(signal: Signal) -> Any:
    if signal == "traces":
        from opentelemetry.proto.collector.trace.v1 import trace_service_pb2

        return trace_service_pb2.ExportTraceServiceRequest
    if signal == "logs":
        from opentelemetry.proto.collector.logs.v1 import logs_service_pb2

        return logs_service_pb2.ExportLogsServiceRequest
    from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2

    return metrics_service_pb2.ExportMetricsServiceRequest


def _limit_points(message: Any) -> None:
    points = 0
    for resource in message.resource_metrics:
        for scope in resource.scope_metrics:
            for metric in scope.metrics:
                data = metric.WhichOneof("data")
                points += len(getattr(metric, data).data_points) if data else 0
    if points > MAX_PUBLIC_RECORDS:
        raise LimitExceeded(
            f"The request holds {points:,} data points.",
            f"A public key may bring {MAX_PUBLIC_RECORDS:,} at once.",
            "Send smaller batches.",
        )


def _stamp(signal: Signal, message: Any, key: Key, *, instance_known: bool) -> None:
    claims = _IDENTITY if instance_known else _IDENTITY | {semconv.SERVICE_INSTANCE_ID}
    for group in getattr(message, _GROUPS[signal]):
        attributes = group.resource.attributes
        # What a public sender calls its origin is worth nothing: the key is for pages only.
        kept = [pair for pair in attributes if pair.key != semconv.ORIGIN]
        for pair in kept:
            if pair.key in claims:
                pair.key = semconv.CLIENT + pair.key
        del attributes[:]
        attributes.extend(kept)
        for name, value in (
            (semconv.SERVICE_NAME, key.service),
            (semconv.SOURCE, source_of(key)),
            (semconv.ORIGIN, "browser"),
        ):
            attributes.add(key=name).value.string_value = value
