"""Which records of a request that came again are in the tables already.

A log record is the same where its time, its source (resource, scope, sender) and all of its bytes
are. What this very batch stored when it was handed in before does not count: it takes its own
place again.
"""

# ruff: noqa: S608 - the SQL is put together from our own names and from numbers

from __future__ import annotations

from collections import Counter
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final

from otbridge.hub.store import QueryTooSlow
from otbridge.hub.store.clickhouse.questions import Asker

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from otbridge.hub.store.clickhouse.engine import Engine
    from otbridge.hub.store.clickhouse.schema import Tables
    from otbridge.wire.rows import LogRow, MetricsRow

__all__ = ["Known"]

_ASKED_AT_ONCE: Final = 5_000
"""Times in one statement, which ClickHouse takes up to 256 KiB of."""

_LOOKED_AT: Final = 65_536
"""Records that are looked at for one statement: thousands of others may have the same times."""

_METRICS_NS: Final = 24 * 3600 * 1_000_000_000
"""Metrics are looked for among those of the last day: that is how long a sender keeps them."""

_LOG: Final = (
    "toUnixTimestamp64Nano(Timestamp) AS Time, ServiceName, Producer, SHA256(ResourceRaw),"
    " ResourceSchemaUrl, SHA256(ScopeRaw), ScopeSchemaUrl, SHA256(Raw)"
)
"""Digests in place of bytes: records may be large, and many."""


class Known:
    """Looks up what is stored; for the inserting thread."""

    def __init__(self, engine: Engine, tables: Tables) -> None:
        self._asker = Asker(engine, tables)

    def logs(
        self, rows: Sequence[LogRow], own: Collection[int], beside: Iterable[LogRow]
    ) -> frozenset[int]:
        """Return the places of those *rows* that are stored; as many of equal ones as there are.

        Args:
            rows: What came again.
            own: The identities that they have.
            beside: What is about to be stored before them.

        Raises:
            StoreError: ClickHouse cannot be asked.
        """
        held = Counter(map(_same, beside))
        times = sorted({row.time_ns for row in rows})
        for begin in range(0, len(times), _ASKED_AT_ONCE):
            held += self._held(times[begin : begin + _ASKED_AT_ONCE], own)
        wanted: dict[tuple[Any, ...], list[int]] = {}
        for place, row in enumerate(rows):
            wanted.setdefault(_same(row), []).append(place)
        return frozenset(place for same, places in wanted.items() for place in places[: held[same]])

    def _held(self, times: Sequence[int], own: Collection[int]) -> Counter[tuple[Any, ...]]:
        try:
            found = self._asker.rows(
                f"SELECT Place, Id, {_LOG} FROM {self._asker.tables.logs}"
                f" WHERE Timestamp >= fromUnixTimestamp64Nano({times[0]:d})"
                f" AND Timestamp <= fromUnixTimestamp64Nano({times[-1]:d})"
                f" AND Time IN ({', '.join(map(str, times))}) LIMIT {_LOOKED_AT}"
            )
        except QueryTooSlow:
            return Counter()  # shown twice, perhaps, rather than not stored
        copies = {(place, number): tuple(same) for place, number, *same in found}
        return Counter(same for (_, number), same in copies.items() if number not in own)

    def metrics(
        self, rows: Sequence[MetricsRow], own: Collection[int], now_ns: int
    ) -> frozenset[int]:
        """Return the places of those *rows* that are stored; *own* as for `logs`.

        Raises:
            StoreError: ClickHouse cannot be asked.
        """
        sizes = ", ".join({str(len(row.data)) for row in rows})
        try:
            found = self._asker.rows(
                f"SELECT Id, ServiceName, SHA256(Raw) FROM {self._asker.tables.metrics}"
                f" WHERE Row >= {now_ns - _METRICS_NS:d} AND length(Raw) IN ({sizes})"
                f" LIMIT {_LOOKED_AT}"
            )
        except QueryTooSlow:
            return frozenset()
        held = {(service, digest) for number, service, digest in found if number not in own}
        return frozenset(
            place
            for place, row in enumerate(rows)
            if (row.service.encode("utf-8", "replace"), _digest(row.data)) in held
        )


def _same(row: LogRow) -> tuple[Any, ...]:
    """Return what makes two records the same, as the columns `_LOG` have it."""
    return (
        row.time_ns,
        row.service.encode("utf-8", "replace"),
        row.producer.encode("utf-8", "replace"),
        _digest(row.resource),
        row.resource_schema_url.encode("utf-8", "replace"),
        _digest(row.scope),
        row.scope_schema_url.encode("utf-8", "replace"),
        _digest(row.data),
    )


def _digest(data: bytes) -> bytes:
    return sha256(data).digest()
