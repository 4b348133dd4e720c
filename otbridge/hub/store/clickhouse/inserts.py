"""Batches to inserts, in such a way that every insert may be repeated.

What comes again gets the identity it had, and takes its own place. Nothing is looked up before,
but for requests that their sender says it may have sent already: those come in another company.
"""

from __future__ import annotations

import secrets
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, Final

from otbridge.hub.store.clickhouse.columns import (
    LOG_COLUMNS,
    METRICS_COLUMNS,
    SPAN_COLUMNS,
    add_log,
    add_metrics,
    add_span,
)
from otbridge.hub.store.clickhouse.engine import pack_values
from otbridge.hub.store.clickhouse.known import Known

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

    def store(self, batches: Sequence[Batch]) -> int:
        """Insert *batches*, one statement per table; return what was known, a whole batch as one.

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
        spans: list[Any] = []
        logs: list[Any] = []
        metrics: list[Any] = []
        now_ns = self._clock.time_ns()
        known = 0
        stored_before: list[LogRow] = []
        for batch in new.values():
            first = self._first_identity(batch)
            known_metrics: frozenset[int] = frozenset()
            if batch.resent:
                known_metrics = self._look_up(batch, first, stored_before, now_ns)
                known += len(batch.known_logs) + len(known_metrics)
            for span in (*batch.open_spans, *batch.spans):
                add_span(spans, span, self._next(now_ns), now_ns)
            for index, log in enumerate(batch.logs):
                if index in batch.known_logs:
                    continue
                stored_before.append(log)
                number = self._next(now_ns)
                # Of one time, what was stored last comes first in lists; of a batch that may come
                # again, what stands last in it.
                place = number if batch.key is None else log.time_ns + index
                add_log(logs, log, number, now_ns, (place, (first + index) & _MASK))
            for index, row in enumerate(batch.metrics):
                if index not in known_metrics:
                    identity = (first + index) & _MASK
                    add_metrics(metrics, row, self._next(now_ns), now_ns, identity)
        self._insert(self._tables.traces, SPAN_COLUMNS, spans)
        self._insert(self._tables.logs, LOG_COLUMNS, logs)
        self._insert(self._tables.metrics, METRICS_COLUMNS, metrics)
        self._remember(new.values())
        return len(batches) - len(new) + known

    def _look_up(
        self, batch: Batch, first: int, before: Sequence[LogRow], now_ns: int
    ) -> frozenset[int]:
        """Have it in *batch* which of its log records are known; return which of its metrics."""
        own = {(first + index) & _MASK for index in range(len(batch.logs) + len(batch.metrics))}
        if batch.logs:
            batch.known_logs = self._known.logs(batch.logs, own, before)
        return self._known.metrics(batch.metrics, own, now_ns) if batch.metrics else frozenset()

    def replace(self, spans: Iterable[SpanRow]) -> None:
        """Say anew how it stands with spans that have not ended."""
        values: list[Any] = []
        now_ns = self._clock.time_ns()
        for span in spans:
            add_span(values, span, self._next(now_ns), now_ns)
        self._insert(self._tables.traces, SPAN_COLUMNS, values)

    def _insert(self, table: str, columns: str, values: list[Any]) -> None:
        if values:
            self._engine.insert(table, columns, pack_values(values))

    def _next(self, now_ns: int) -> int:
        """Return the next row's number: the time, and always more than the last."""
        self._number = max(self._number + 1, now_ns)
        return self._number

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
