"""Batches to inserts, in such a way that every insert may be repeated.

What comes again gets the identity it had, and takes its own place. Nothing is looked up before,
but for requests that their sender says it may have sent already: those come in another company.
"""

from __future__ import annotations

import secrets
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, Final

from otbridge.hub.store.clickhouse.columns import METRICS_COLUMNS, add_metrics
from otbridge.hub.store.clickhouse.engine import pack_values
from otbridge.hub.store.clickhouse.groups import Placed
from otbridge.hub.store.clickhouse.known import Known
from otbridge.hub.store.clickhouse.loads import LogLoads, SpanLoads
from otbridge.hub.store.clickhouse.points import add_points, columns_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from otbridge._clock import Clock
    from otbridge.hub.store.clickhouse.engine import Engine
    from otbridge.hub.store.clickhouse.schema import Tables
    from otbridge.wire.rows import Batch, LogRow, SpanRow

__all__ = ["Inserts"]

_KEPT_KEYS: Final = 65_536
"""Keys of batches that are remembered: what is sent again is mostly sent again soon."""

_MASK: Final = 2**64 - 1


class Inserts:
    """Makes rows of batches and inserts them. Used by one thread."""

    def __init__(self, engine: Engine, tables: Tables, clock: Clock) -> None:
        self._engine = engine
        self._tables = tables
        self._clock = clock
        self._number = 0
        # Other hubs, and this one after a restart, count from elsewhere.
        self._identity = secrets.randbits(64)
        self._keys: dict[tuple[str, int], None] = {}
        self._known = Known(engine, tables)
        self._spans = SpanLoads(engine, tables.traces)
        self._logs = LogLoads(engine, tables.logs)

    def store(self, batches: Sequence[Batch]) -> int:
        """Insert *batches*, table by table; return what was known, a whole batch as one.

        Raises:
            StoreError: Some of it may be stored, and all of it may be sent again.
        """
        new: dict[object, Batch] = {}
        for batch in batches:
            key = batch.key
            if key is None or (key not in self._keys and key not in new):
                new[key or object()] = batch
                batch.known_logs = frozenset()  # of another try, perhaps
            else:
                batch.known_logs = frozenset(range(len(batch.logs)))
        spans: list[Placed[SpanRow]] = []
        logs: list[Placed[LogRow]] = []
        metrics: list[Any] = []
        points: dict[str, list[Any]] = {}
        now_ns = self._clock.time_ns()
        known = 0
        stored_before: list[LogRow] = []
        for batch in new.values():
            first = self._first_identity(batch)
            known_metrics: frozenset[int] = frozenset()
            if batch.resent:
                known_metrics = self._look_up(batch, first, stored_before, now_ns)
                known += len(batch.known_logs) + len(known_metrics)
            spans += (self._placed_spans(rows, now_ns) for rows in (batch.open_spans, batch.spans))
            placed = self._placed_logs(batch, first, now_ns)
            stored_before += placed.rows
            logs.append(placed)
            for index, row in enumerate(batch.metrics):
                if index not in known_metrics:
                    identity = (first + index) & _MASK
                    number = self._next(now_ns)
                    add_metrics(metrics, row, number, now_ns, identity)
                    add_points(points, row, number, now_ns, identity)
        self._spans.store(spans, now_ns)
        self._logs.store(logs, now_ns)
        for kind, values in points.items():
            table = self._tables.points[kind]
            self._engine.insert(table, columns_of(kind), pack_values(values))
        if metrics:
            self._engine.insert(self._tables.metrics, METRICS_COLUMNS, pack_values(metrics))
        self._remember(new.values())
        return len(batches) - len(new) + known

    def replace(self, spans: Sequence[SpanRow]) -> None:
        """Say anew how it stands with spans that have not ended."""
        now_ns = self._clock.time_ns()
        self._spans.store([self._placed_spans(spans, now_ns)], now_ns)

    def _placed_spans(self, rows: Sequence[SpanRow], now_ns: int) -> Placed[SpanRow]:
        return Placed(rows, self._take(len(rows), now_ns))

    def _placed_logs(self, batch: Batch, first: int, now_ns: int) -> Placed[LogRow]:
        """Return the log records of *batch* that are new; *first* is the identity of its first."""
        rows, known = batch.logs, batch.known_logs
        numbers = self._take(len(rows), now_ns)
        places: Sequence[int] = numbers
        if batch.key is not None:
            # Of one time, what was stored last comes first in lists; of a batch that may come
            # again, what stands last in it.
            places = [row.time_ns + index for index, row in enumerate(rows)]
        ids = [(first + index) & _MASK for index in range(len(rows))]
        placed = Placed(rows, numbers, places, ids)
        return placed.only([index not in known for index in range(len(rows))]) if known else placed

    def _look_up(
        self, batch: Batch, first: int, before: Sequence[LogRow], now_ns: int
    ) -> frozenset[int]:
        """Have it in *batch* which of its log records are known; return which of its metrics."""
        own = {(first + index) & _MASK for index in range(len(batch.logs) + len(batch.metrics))}
        if batch.logs:
            batch.known_logs = self._known.logs(batch.logs, own, before)
        return self._known.metrics(batch.metrics, own, now_ns) if batch.metrics else frozenset()

    def _next(self, now_ns: int) -> int:
        """Return the next row's number: the time, and always more than the last."""
        return self._take(1, now_ns)[0]

    def _take(self, count: int, now_ns: int) -> range:
        """Return the numbers of the next *count* rows."""
        first = max(self._number + 1, now_ns)
        if count:
            self._number = first + count - 1
        return range(first, first + count)

    def _first_identity(self, batch: Batch) -> int:
        """Return the identity of the batch's first record; the others count on from there."""
        if batch.key is not None:
            stream, sequence = batch.key
            digest = blake2b(f"{sequence}\0{stream}".encode(), digest_size=8).digest()
            return int.from_bytes(digest)
        first = self._identity
        self._identity = (first + len(batch.logs) + len(batch.metrics)) & _MASK
        return first

    def _remember(self, batches: Iterable[Batch]) -> None:
        for batch in batches:
            if batch.key is not None:
                self._keys[batch.key] = None
        while len(self._keys) > _KEPT_KEYS:
            del self._keys[next(iter(self._keys))]
