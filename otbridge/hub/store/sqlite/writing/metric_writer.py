"""Writes metrics into one day's file: each request's as they came, and an index of what is in them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from zlib import crc32

import msgspec

from otbridge.hub.store.metric_outline import MAX_KEYS, outlines
from otbridge.hub.store.sqlite.writing.kept_lines import KeptLines

if TYPE_CHECKING:
    import sqlite3

    from otbridge.hub.store.metric_outline import MetricOutline
    from otbridge.wire.rows import MetricsRow

__all__ = ["MetricWriter"]

_FIND: Final = (
    "SELECT Id, Attributes, DataPoints, LastTime FROM otel_metric_names WHERE MetricName = ? AND"
    " MetricType = ? AND MetricUnit = ? AND ServiceName = ? AND AggregationTemporality = ?"
    " AND IsMonotonic = ?"
)
_ADD: Final = (
    "INSERT INTO otel_metric_names (MetricName, MetricType, MetricUnit, ServiceName,"
    " AggregationTemporality, IsMonotonic, MetricDescription, Attributes, DataPoints, LastTime)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, '[]', 0, 0)"
)
_SAVE: Final = (
    "UPDATE otel_metric_names SET Attributes = ?, DataPoints = ?, LastTime = ? WHERE Id = ?"
)


class _Line:
    """A metric of one service, as the file has it."""

    def __init__(self, number: int, attributes: str, points: int, last_ns: int) -> None:
        self.number = number
        self.keys: dict[str, None] = dict.fromkeys(msgspec.json.decode(attributes))
        self.points = points
        self.last_ns = last_ns

    def add(self, outline: MetricOutline) -> None:
        self.points += outline.data_points
        self.last_ns = max(self.last_ns, outline.last_ns)
        for key in outline.attribute_keys:
            if len(self.keys) < MAX_KEYS:
                self.keys[key] = None

    def columns(self) -> tuple[Any, ...]:
        keys = msgspec.json.encode(sorted(self.keys)).decode()
        return keys, self.points, self.last_ns, self.number


class MetricWriter:
    """Writes the metrics of one file, within the transaction that is open."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        self._lines = KeptLines[tuple[Any, ...], _Line](db, _SAVE)

    def add(self, row: MetricsRow) -> None:
        """Store what one resource sent at once."""
        number = self._db.execute(
            "INSERT INTO otel_metrics (ServiceName, ReceivedTimestamp, DataPoints, Raw, Crc)"
            " VALUES (?, ?, ?, ?, ?)",
            (row.service, row.received_ns, row.data_points, row.data, crc32(row.data)),
        ).lastrowid
        self._index(int(number or 0), row.service, row.data)

    def index_all(self) -> None:
        """Index what an earlier version stored, which had no index."""
        rows = "SELECT Id, ServiceName, Raw FROM otel_metrics ORDER BY Id"
        for number, service, data in self._db.execute(rows).fetchall():
            self._index(number, service, data)
        self.save()

    def _index(self, number: int, service: str, data: bytes) -> None:
        for outline in outlines(data):
            line = self._line(service, outline)
            line.add(outline)
            self._lines.change(line)
            self._db.execute(
                "INSERT OR IGNORE INTO otel_metric_rows VALUES (?, ?, ?, ?)",
                (line.number, outline.last_ns, number, outline.first_ns),
            )

    def save(self) -> None:
        """Write down what was gathered."""
        self._lines.save()

    def forget(self) -> None:
        """Forget what was not saved, and what may be rolled back."""
        self._lines.forget()

    def _line(self, service: str, outline: MetricOutline) -> _Line:
        key = (
            *(outline.name, outline.type, outline.unit, service),
            *(outline.temporality, outline.monotonic),
        )
        line = self._lines.known.get(key)
        if line is None:
            found = self._db.execute(_FIND, key).fetchone()
            if found is None:
                number = self._db.execute(_ADD, (*key, outline.description)).lastrowid
                found = (number, "[]", 0, 0)
            line = self._lines.known[key] = _Line(*found)
        return line
