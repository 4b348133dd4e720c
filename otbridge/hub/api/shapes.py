"""How rows become the JSON of answers; its shapes are in `schemas`.

Times are strings of unix nanoseconds and integers beyond 2^53 are strings too, because a JavaScript
number cannot hold them. Ids are lower-case hex.
"""

from __future__ import annotations

from collections import Counter
from functools import lru_cache
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

from opentelemetry.proto.common.v1.common_pb2 import InstrumentationScope
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from otbridge.hub.analysis.genai import describe
from otbridge.hub.store.attributes import decode_attributes
from otbridge.wire.otlp_rows import plain_value

if TYPE_CHECKING:
    from collections.abc import Iterable

    from opentelemetry.proto.common.v1.common_pb2 import KeyValue

    from otbridge.hub.analysis.usage import Usage
    from otbridge.hub.api.schemas import (
        LogJson,
        ResourceJson,
        RootJson,
        ScopeJson,
        SpanJson,
        TraceSummaryJson,
    )
    from otbridge.hub.store.vocabulary import TraceSummary
    from otbridge.wire.rows import LogRow, SpanRow

__all__ = [
    "KINDS",
    "ResourceTable",
    "attributes_json",
    "exact",
    "log_json",
    "logs_json",
    "resource_attributes",
    "span_json",
    "summary_json",
]

KINDS = ("unspecified", "internal", "server", "client", "producer", "consumer")
"""OTLP's SpanKind numbers, in words."""

_STATUSES = ("unset", "ok", "error")
_EXACT = 2**53
"""Integers from here on are not exact as JavaScript numbers."""


def span_json(row: SpanRow, resource: int | None = None) -> SpanJson:
    """Return a span; *resource* is its resource's place in the answer, left out where None."""
    span = Span.FromString(row.data)
    attributes = decode_attributes(span.attributes)
    scope = _scope(row.scope)
    genai = describe(row.name, row.kind, attributes, scope["name"])
    ended = row.end_ns > 0
    answer: SpanJson = {
        "trace_id": row.trace_id.hex(),
        "span_id": row.span_id.hex(),
        "parent_span_id": row.parent_span_id.hex() or None,
        "name": row.name,
        "kind": KINDS[row.kind] if 0 <= row.kind < len(KINDS) else KINDS[0],
        "service": row.service,
        "scope": scope,
        "start_time_unix_nano": str(row.start_ns),
        "duration_nano": max(row.end_ns - row.start_ns, 0) if ended else None,
        "state": "ended" if ended else "lost" if row.lost else "open",
        "status": _STATUSES[row.status] if 0 <= row.status < len(_STATUSES) else _STATUSES[0],
        "status_message": span.status.message,
        "attributes": exact(attributes),
        "events": [
            {
                "name": event.name,
                "time_unix_nano": str(event.time_unix_nano),
                "attributes": attributes_json(event.attributes),
            }
            for event in span.events
        ],
        "links": [
            {
                "trace_id": link.trace_id.hex(),
                "span_id": link.span_id.hex(),
                "attributes": attributes_json(link.attributes),
            }
            for link in span.links
        ],
        "genai": genai and genai.as_json(),  # type: ignore[typeddict-item]
    }
    if resource is not None:
        answer["resource"] = resource
    return answer


def log_json(row: LogRow, resource: int | dict[str, Any] | None = None) -> LogJson:
    """Return a log record; *resource* is left out where None.

    Its id comes from its content: a record that is shown live and read again later has the same.
    """
    record = LogRecord.FromString(row.data)
    answer: LogJson = {
        "id": _log_id(row),
        "trace_id": row.trace_id.hex() or None,
        "span_id": row.span_id.hex() or None,
        "time_unix_nano": str(row.time_ns),
        "observed_time_unix_nano": str(row.observed_ns),
        "severity_number": row.severity_number,
        "severity_text": row.severity_text,
        "service": row.service,
        "scope": _scope(row.scope),
        "body": exact(plain_value(record.body)),
        "event_name": row.event_name,
        "attributes": attributes_json(record.attributes),
    }
    if resource is not None:
        answer["resource"] = resource
    return answer


def logs_json(rows: Iterable[tuple[LogRow, int | dict[str, Any]]]) -> list[LogJson]:
    """Return log records with their resources; those that are equal in everything get ids apart."""
    seen: Counter[str] = Counter()
    answers = []
    for row, resource in rows:
        answer = log_json(row, resource)
        seen[answer["id"]] += 1
        if seen[answer["id"]] > 1:
            answer["id"] += f"-{seen[answer['id']]}"
        answers.append(answer)
    return answers


def summary_json(summary: TraceSummary, usage: Usage | None) -> TraceSummaryJson:
    """Return a trace in one line."""
    root: RootJson | None = None
    if summary.root_span_id is not None:
        root = {
            "span_id": summary.root_span_id.hex(),
            "name": summary.name,
            "service": summary.root_service,
            "kind": KINDS[summary.root_kind] if 0 <= summary.root_kind < len(KINDS) else KINDS[0],
        }
    return {
        "trace_id": summary.trace_id.hex(),
        "name": summary.name,
        "root": root,
        "start_time_unix_nano": str(summary.start_ns),
        "end_time_unix_nano": str(summary.end_ns),
        "duration_nano": summary.duration_ns,
        "span_count": summary.span_count,
        "open_span_count": summary.open_count,
        "error_count": summary.error_count,
        "log_count": summary.log_count,
        "services": [
            {"name": name, "span_count": count} for name, count in summary.services.items()
        ],
        "state": summary.state,
        "agents": list(summary.agents),
        "usage": usage and usage.as_json(),  # type: ignore[typeddict-item]
    }


class ResourceTable:
    """The resources of one answer, each once, in the order in which they are met."""

    def __init__(self) -> None:
        self._places: dict[bytes, int] = {}
        self.resources: list[ResourceJson] = []

    def place(self, row: SpanRow | LogRow) -> int:
        """Return the place of the row's resource."""
        place = self._places.get(row.resource)
        if place is None:
            place = self._places[row.resource] = len(self.resources)
            self.resources.append(
                {"service": row.service, "attributes": resource_attributes(row.resource)}
            )
        return place


@lru_cache(maxsize=1024)
def resource_attributes(resource: bytes) -> dict[str, Any]:
    """Return the attributes of a serialised Resource; shared between callers, not to be changed."""
    return attributes_json(Resource.FromString(resource).attributes)


@lru_cache(maxsize=1024)
def _scope(scope: bytes) -> ScopeJson:
    message = InstrumentationScope.FromString(scope)
    return {"name": message.name, "version": message.version}


def _log_id(row: LogRow) -> str:
    content = blake2b(row.data, digest_size=8)
    content.update(row.resource)
    content.update(row.scope)
    content.update(row.time_ns.to_bytes(8))  # of receipt, where the record itself has no time
    return content.hexdigest()


def attributes_json(attributes: Iterable[KeyValue]) -> dict[str, Any]:
    """Return attributes by name."""
    found: dict[str, Any] = exact(decode_attributes(attributes))
    return found


def exact(value: Any) -> Any:
    """Return *value* with integers that JavaScript cannot hold as strings."""
    if isinstance(value, dict):
        # Most values are texts, and a call for each would double what it costs.
        return {key: item if type(item) is str else exact(item) for key, item in value.items()}
    if isinstance(value, list):
        return [exact(item) for item in value]
    if isinstance(value, int) and not -_EXACT < value < _EXACT:
        return str(value)
    return value
