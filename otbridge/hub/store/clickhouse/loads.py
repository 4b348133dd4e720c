"""Records into one table: many at once by ClickHouse's own reader, all others decoded here.

ClickHouse reads Protobuf more strictly than OTLP asks for: a value twice in one field of a choice,
say, makes it refuse all that came with it. What it refuses is halved until the group of records is
found, and that group is decoded here. So nothing is refused that OTLP allows.
"""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar, Final, Generic, TypeVar

from otbridge.errors import StoreError
from otbridge.hub.store import StoreFull
from otbridge.hub.store.clickhouse.columns import LOG_COLUMNS, SPAN_COLUMNS, add_log, add_span
from otbridge.hub.store.clickhouse.engine import pack_values
from otbridge.hub.store.clickhouse.groups import (
    log_message,
    separate,
    sources_of,
    span_message,
)
from otbridge.hub.store.clickhouse.loading import LOGS, SPANS
from otbridge.wire.rows import LogRow, SpanRow

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from otbridge.hub.store.clickhouse.engine import Engine
    from otbridge.hub.store.clickhouse.groups import Group, Placed
    from otbridge.hub.store.clickhouse.loading import Loading

__all__ = ["LogLoads", "SpanLoads"]

_logger = logging.getLogger("otbridge.hub")

_FEWEST: Final = 1_000
"""Rows that are worth being read by ClickHouse: its statement takes 30 ms more to look through, a row 40 µs less."""

_ENOUGH_BYTES: Final = 16 << 20
"""Of records in one insert, where they are large: on its way each byte is in memory six times."""

_IN_VAIN: Final = 8
"""Groups that are refused without one being taken in between: then it is not for the groups."""

_Row = TypeVar("_Row", SpanRow, LogRow)


class _Loads(ABC, Generic[_Row]):
    """Stores records of one kind in *table*. Used by one thread."""

    _loading: ClassVar[Loading]
    _columns: ClassVar[str]
    _are_spans: ClassVar[bool]

    def __init__(self, engine: Engine, table: str) -> None:
        self._engine = engine
        self._table = table
        self._refused = 0

    @abstractmethod
    def _message(self, group: Group[_Row], received_ns: int) -> bytes:
        """Return the group as ClickHouse reads it."""

    @abstractmethod
    def _add(self, values: list[Any], rows: Placed[_Row], received_ns: int) -> None:
        """Append to *values* what goes into `_columns`."""

    def store(self, placed: Iterable[Placed[_Row]], received_ns: int) -> None:
        """Store rows.

        Raises:
            StoreError: Some of them may be stored, and all of them may be stored again.
        """
        rest = list(placed)
        if sum(len(rows.rows) for rows in rest) >= _FEWEST and self._refused < _IN_VAIN:
            rest = self._store_readable(rest, received_ns)
        values: list[Any] = []
        for rows in rest:
            self._add(values, rows, received_ns)
        if values:
            self._engine.insert(self._table, self._columns, pack_values(values))

    def _store_readable(
        self, placed: Sequence[Placed[_Row]], received_ns: int
    ) -> list[Placed[_Row]]:
        """Have stored what ClickHouse can read, and return the rest."""
        ready: list[Group[_Row]] = []
        rest: list[Placed[_Row]] = []
        size = 0
        for rows in placed:
            for group in sources_of(rows, spans=self._are_spans):
                readable, beyond = separate(group, spans=self._are_spans)
                rest.append(beyond)
                if readable is not None:
                    ready.append(readable)
                    size += len(readable.records)
                    if size >= _ENOUGH_BYTES:
                        rest += self._load_groups(ready, received_ns)
                        ready, size = [], 0
        return rest + self._load_groups(ready, received_ns)

    def _load_groups(self, groups: Sequence[Group[_Row]], received_ns: int) -> list[Placed[_Row]]:
        """Have *groups* stored; return what ClickHouse refuses."""
        if not groups:
            return []
        messages = [self._message(group, received_ns) for group in groups]
        return [groups[index].placed for index in self._load(messages, 0)]

    def _load(self, messages: Sequence[bytes], first: int) -> list[int]:
        """Have *messages* stored; return the numbers, from *first* on, of those that are refused."""
        try:
            self._engine.load(self._table, self._loading, b"".join(messages))
        except StoreFull:
            raise
        except StoreError as problem:
            if len(messages) == 1:
                self._count_refused(problem)
                return [first]
            half = len(messages) // 2
            refused = self._load(messages[:half], first)
            return refused + self._load(messages[half:], first + half)
        self._refused = 0
        return []

    def _count_refused(self, problem: StoreError) -> None:
        self._refused += 1
        if self._refused == _IN_VAIN:
            _logger.warning(
                "ClickHouse does not read OTLP by itself, so the hub decodes all for it. %s",
                problem,
            )


class SpanLoads(_Loads[SpanRow]):
    """Stores spans."""

    _loading = SPANS
    _columns = SPAN_COLUMNS
    _are_spans = True

    def _message(self, group: Group[SpanRow], received_ns: int) -> bytes:
        return span_message(group, received_ns)

    def _add(self, values: list[Any], rows: Placed[SpanRow], received_ns: int) -> None:
        for row, number in zip(rows.rows, rows.numbers, strict=True):
            add_span(values, row, number, received_ns)


class LogLoads(_Loads[LogRow]):
    """Stores log records."""

    _loading = LOGS
    _columns = LOG_COLUMNS
    _are_spans = False

    def _message(self, group: Group[LogRow], received_ns: int) -> bytes:
        return log_message(group, received_ns)

    def _add(self, values: list[Any], rows: Placed[LogRow], received_ns: int) -> None:
        for row, number, *identity in zip(*rows, strict=True):
            add_log(values, row, number, received_ns, (identity[0], identity[1]))
