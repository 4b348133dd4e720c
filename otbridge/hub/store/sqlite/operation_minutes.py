"""What operations did minute by minute, as it was counted while spans came in."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Final

import msgspec

from otbridge.hub.store.sqlite.histogram import quantiles
from otbridge.hub.store.sqlite.minutes import MINUTE_NS
from otbridge.hub.store.vocabulary import OperationMinute

if TYPE_CHECKING:
    from otbridge.hub.store.sqlite.reader import Reader

__all__ = ["operation_minutes"]

_SHARES: Final = (0.5, 0.95, 0.99)

_MINUTES: Final = (
    "SELECT o.ServiceName, o.SpanName, o.SpanKind, m.Minute, m.SpanCount, m.ErrorCount, m.Durations"
    " FROM otel_operation_minutes m JOIN otel_operations o ON o.Id = m.OperationId"
    " WHERE m.Minute BETWEEN ? AND ? AND (? IS NULL OR o.ServiceName = ?)"
    " ORDER BY o.ServiceName, o.SpanName, o.SpanKind, m.Minute LIMIT ?"
)

_buckets_of = msgspec.msgpack.Decoder(dict[int, int]).decode


class _Minute:
    """What is known of one operation in one minute, from all days' files."""

    def __init__(self) -> None:
        self.count = 0
        self.errors = 0
        self.buckets: Counter[int] = Counter()


def operation_minutes(
    reader: Reader, from_ns: int, to_ns: int, limit: int, service: str | None
) -> list[OperationMinute]:
    """Answer `Store.operation_minutes`."""
    first, last = from_ns // MINUTE_NS, (to_ns - 1) // MINUTE_NS
    found: dict[tuple[str, str, int, int], _Minute] = defaultdict(_Minute)
    for day in reader.days:
        rows = reader.rows(day, _MINUTES, first, last, service, service, limit)
        for name, span_name, kind, minute, count, errors, durations in rows:
            one = found[name, span_name, kind, minute]
            one.count += count
            one.errors += errors
            one.buckets.update(_buckets_of(durations))
    return [
        OperationMinute(
            *(name, span_name, kind, minute * MINUTE_NS, one.count, one.errors),
            *quantiles(one.buckets, _SHARES),
        )
        for (name, span_name, kind, minute), one in sorted(found.items())[:limit]
    ]
