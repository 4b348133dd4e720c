"""Rows as the messages that `loading` reads: groups of records of one resource and scope.

The records' bytes are joined as they are; what else a message has is told once for all of them, or
as arrays. This is all that is done here for most records, in about a microsecond each.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import compress, groupby
from operator import attrgetter
from struct import pack
from typing import TYPE_CHECKING, Any, Final, Generic, NamedTuple, TypeVar

from opentelemetry.proto.common.v1.common_pb2 import InstrumentationScope
from opentelemetry.proto.resource.v1.resource_pb2 import Resource

from otbridge.hub.store.attributes import decode_attributes
from otbridge.hub.store.clickhouse.beyond_sql import (
    is_log_beyond,
    is_span_beyond,
    may_hold_beyond,
)
from otbridge.hub.store.clickhouse.columns import state_of, texts_of
from otbridge.wire.protobuf import BYTES, FIXED64, VARINT, field, varint
from otbridge.wire.rows import LogRow, SpanRow

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

__all__ = ["Group", "Placed", "log_message", "separate", "sources_of", "span_message"]

_Row = TypeVar("_Row", SpanRow, LogRow)


class Placed(NamedTuple, Generic[_Row]):
    """Rows with what the store gives each of them; the lists are equally long."""

    rows: Sequence[_Row]
    numbers: Sequence[int]
    """See `schema` about `Row`."""
    places: Sequence[int] = ()
    """`Place`, and"""
    ids: Sequence[int] = ()
    """`Id`, which only log records have."""

    def only(self, wanted: Sequence[bool]) -> Placed[_Row]:
        """Return those for which *wanted* is true."""
        return Placed(
            list(compress(self.rows, wanted)),
            list(compress(self.numbers, wanted)),
            list(compress(self.places, wanted)),
            list(compress(self.ids, wanted)),
        )

    def cut(self, begin: int, end: int) -> Placed[_Row]:
        """Return those from *begin* to before *end*."""
        of = slice(begin, end)
        return Placed(self.rows[of], self.numbers[of], self.places[of], self.ids[of])


class Group(NamedTuple, Generic[_Row]):
    """Records that ClickHouse can read, of one resource and scope."""

    placed: Placed[_Row]
    records: bytes
    """Their bytes, as a repeated field with the number 1."""


def _tag(number: int, wire_type: int) -> bytes:
    return varint(number << 3 | wire_type)


_SHORT: Final = 4_096
_HEADS: Final = tuple(_tag(1, BYTES) + varint(size) for size in range(_SHORT))
"""What stands before a record: almost all are short."""

_NO_TRACE: Final = bytes(16)
_NO_SPAN: Final = bytes(8)

_SOURCE: Final = attrgetter(
    *("resource", "scope", "service", "producer", "resource_schema_url", "scope_schema_url")
)
_SOURCE_AND_STATE: Final = attrgetter(
    *("resource", "scope", "service", "producer", "resource_schema_url", "scope_schema_url"),
    "lost",
)


def sources_of(placed: Placed[_Row], *, spans: bool) -> Iterator[Placed[_Row]]:
    """Return the groups that one message can be made of, in their order."""
    begin = 0
    for _, rows in groupby(placed.rows, _SOURCE_AND_STATE if spans else _SOURCE):
        end = begin + sum(1 for _ in rows)
        yield placed.cut(begin, end)
        begin = end


def separate(group: Placed[_Row], *, spans: bool) -> tuple[Group[_Row] | None, Placed[_Row]]:
    """Return those records of *group* that ClickHouse can read, and those that the hub has to."""
    records = _joined(group.rows)
    if may_hold_beyond(records, spans=spans):
        judge: Callable[[Any], bool] = is_span_beyond if spans else is_log_beyond
        beyond = [judge(row) for row in group.rows]
        if any(beyond):
            plain = group.only([not one for one in beyond])
            ready = Group(plain, _joined(plain.rows)) if plain.rows else None
            return ready, group.only(beyond)
    return Group(group, records), group.cut(0, 0)


def span_message(group: Group[SpanRow], received_ns: int) -> bytes:
    """Return the message `Group` of `loading.SPANS`, its length before it."""
    rows = group.placed.rows
    return _message(
        group,
        received_ns,
        _same_sizes(17, [row.parent_span_id or _NO_SPAN for row in rows]),
        _numbers(6, [row.start_ns for row in rows]),
        _numbers(18, [row.end_ns for row in rows]),
        _tag(19, VARINT) + varint(state_of(rows[0])),
    )


def log_message(group: Group[LogRow], received_ns: int) -> bytes:
    """Return the message `Group` of `loading.LOGS`, its length before it."""
    rows = group.placed.rows
    return _message(
        group,
        received_ns,
        _numbers(6, [row.time_ns for row in rows]),
        _numbers(18, [row.observed_ns for row in rows]),
        _numbers(20, group.placed.places),
        _numbers(21, group.placed.ids),
        _scope_attributes(rows[0].scope),
    )


def _message(group: Group[Any], received_ns: int, *own: bytes) -> bytes:
    rows = group.placed.rows
    first = rows[0]
    body = b"".join((
        # Twice: as OTLP, and as the bytes that they are.
        _field(1, group.records),
        _field(2, group.records),
        _same_sizes(3, [row.trace_id or _NO_TRACE for row in rows]),
        _same_sizes(4, [row.span_id or _NO_SPAN for row in rows]),
        _numbers(5, group.placed.numbers),
        _field(7, first.service.encode("utf-8", "replace")),
        _field(8, first.producer.encode("utf-8", "replace")),
        _resource(first.resource, first.resource_schema_url),
        _scope(first.scope, first.scope_schema_url),
        _tag(16, FIXED64),
        pack("<Q", received_ns),
        *own,
    ))  # fmt: skip
    return varint(len(body)) + body


def _joined(rows: Sequence[SpanRow] | Sequence[LogRow]) -> bytes:
    """Return the rows' bytes as a repeated field with the number 1."""
    pieces: list[bytes] = []
    for row in rows:
        data = row.data
        size = len(data)
        pieces += (_HEADS[size] if size < _SHORT else _HEADS[0][:1] + varint(size), data)
    return b"".join(pieces)


def _field(number: int, payload: bytes) -> bytes:
    return field(_tag(number, BYTES), payload)


def _same_sizes(number: int, values: Sequence[bytes]) -> bytes:
    """Return a repeated field of values that are equally long."""
    head = _tag(number, BYTES) + varint(len(values[0]))
    return head + head.join(values)


def _numbers(number: int, values: Sequence[int]) -> bytes:
    """Return a packed repeated field of type fixed64."""
    return _field(number, pack(f"<{len(values)}Q", *values))


def _map(number: int, texts: dict[str, str]) -> bytes:
    return b"".join(
        _field(
            number,
            _field(1, key.encode("utf-8", "replace")) + _field(2, text.encode("utf-8", "replace")),
        )
        for key, text in texts.items()
    )


@lru_cache(maxsize=4_096)
def _resource(resource: bytes, url: str) -> bytes:
    attributes = decode_attributes(Resource.FromString(resource).attributes)
    return _field(9, resource) + _field(10, url.encode()) + _map(15, texts_of(attributes))


@lru_cache(maxsize=4_096)
def _scope(scope: bytes, url: str) -> bytes:
    message = InstrumentationScope.FromString(scope)
    return b"".join((
        _field(11, scope),
        _field(12, url.encode()),
        _field(13, message.name.encode()),
        _field(14, message.version.encode()),
    ))  # fmt: skip


@lru_cache(maxsize=4_096)
def _scope_attributes(scope: bytes) -> bytes:
    attributes = decode_attributes(InstrumentationScope.FromString(scope).attributes)
    return _map(22, texts_of(attributes))
