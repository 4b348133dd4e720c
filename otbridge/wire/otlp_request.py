"""Whole OTLP requests from finished records, and back, without decoding a single record.

The three signals share one shape and one numbering (opentelemetry/proto/*/v1, 1.11):

    Export…Request   1: Resource…[]
    Resource…        1: resource   2: Scope…[]    3: schema_url
    Scope…           1: scope      2: record[]    3: schema_url

so one pair of functions serves logs, traces and metrics.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Self

from otbridge.errors import MalformedData
from otbridge.wire.attributes import Names, append_attributes
from otbridge.wire.protobuf import BYTES, field, varint, walk
from otbridge.wire.values import text, utf8

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from otbridge.typing import Signal

__all__ = ["Envelope", "compose", "split_request"]

_RESOURCE_NAMES: Final = Names(tag=b"\x0a")
_SCOPE_NAMES: Final = Names(tag=b"\x1a")
_CHILDREN: Final = 2
"""Number of the field that holds the next level down, on both levels."""


class Envelope:
    """What records are wrapped in: their resource and their scope, encoded once.

    One object per pair, kept by the caller: records are grouped by the object first, and only
    then by its bytes.
    """

    __slots__ = ("resource", "scope")

    def __init__(self, resource: bytes, scope: bytes) -> None:
        self.resource = resource
        """All fields of ResourceLogs (or -Spans, -Metrics) except its scopes."""
        self.scope = scope
        """All fields of ScopeLogs (or -Spans, -Metrics) except its records."""

    @classmethod
    def of(
        cls,
        resource_attributes: Mapping[str, Any],
        scope_name: str,
        scope_version: str = "",
        *,
        scope_attributes: Mapping[str, Any] | None = None,
        resource_schema_url: str = "",
        scope_schema_url: str = "",
    ) -> Self:
        """Return the envelope of records from *scope_name* in a process with these attributes."""
        resource: list[bytes] = []
        append_attributes(resource, resource_attributes, _RESOURCE_NAMES)
        scope = [_text_field(b"\x0a", scope_name), _text_field(b"\x12", scope_version)]
        append_attributes(scope, scope_attributes or {}, _SCOPE_NAMES)
        return cls(
            field(b"\x0a", b"".join(resource)) + _text_field(b"\x1a", resource_schema_url),
            field(b"\x0a", b"".join(scope)) + _text_field(b"\x1a", scope_schema_url),
        )

    def __repr__(self) -> str:
        return f"<Envelope {len(self.resource)} + {len(self.scope)} bytes>"


def compose(entries: Sequence[tuple[Envelope, bytes]]) -> bytes:
    """Return the Export*ServiceRequest of *entries*.

    Records of one envelope keep their order; resources and scopes stand in the order of their
    first record.

    Args:
        entries: (envelope, framed record) pairs, as the encoders made them.
    """
    resources: dict[bytes, dict[bytes, list[bytes]]] = {}
    seen: dict[Envelope, list[bytes]] = {}
    last: Envelope | None = None
    group: list[bytes] = []
    for envelope, record in entries:
        if envelope is not last:
            last = envelope
            found = seen.get(envelope)
            if found is None:
                scopes = resources.setdefault(envelope.resource, {})
                found = seen[envelope] = scopes.setdefault(envelope.scope, [])
            group = found
        group.append(record)
    parts: list[bytes] = []
    for resource, scopes in resources.items():
        _append_resource(parts, resource, scopes)
    return b"".join(parts)


def _append_resource(
    parts: list[bytes], resource: bytes, scopes: Mapping[bytes, list[bytes]]
) -> None:
    place = len(parts)
    size = len(resource)
    parts += (b"", resource)
    for scope, records in scopes.items():
        inner = len(scope) + sum(map(len, records))
        header = b"\x12" + varint(inner)
        parts += (header, scope)
        parts += records
        size += len(header) + inner
    parts[place] = b"\x0a" + varint(size)


def split_request(signal: Signal, request: bytes) -> list[tuple[Envelope, bytes]]:
    """Return the framed records of somebody's request, each with the envelope it came in.

    The reverse of `compose`: records, resources and scopes are cut out as they are, with all
    their unknown fields. For metrics a record is one Metric with all its points.

    Args:
        signal: What the request is said to carry; used in the error's words.
        request: An Export*ServiceRequest.

    Raises:
        MalformedData: *request* is not framed as such a request is.
    """
    entries: list[tuple[Envelope, bytes]] = []
    try:
        for message in walk(request):
            if message.number != 1:
                continue
            resource, scopes = _children(request, message.start, message.end)
            for _, start, end in scopes:
                scope, records = _children(request, start, end)
                envelope = Envelope(resource, scope)
                entries += [(envelope, request[tag:behind]) for tag, _, behind in records]
    except MalformedData as error:
        raise MalformedData(f"Not an OTLP {signal} request.", str(error)) from None
    return entries


def _children(data: bytes, start: int, end: int) -> tuple[bytes, list[tuple[int, int, int]]]:
    """Return the other fields' bytes, and (tag, start, end) of each field of the level below."""
    rest: list[bytes] = []
    children: list[tuple[int, int, int]] = []
    for item in walk(data, start, end):
        if item.number == _CHILDREN and item.wire_type == BYTES:
            children.append((item.tag, item.start, item.end))
        else:
            rest.append(data[item.tag : item.end])
    return b"".join(rest), children


def _text_field(tag: bytes, value: Any) -> bytes:
    return field(tag, utf8(text(value))) if value else b""
