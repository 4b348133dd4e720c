"""What each operation and each pair of services did in a minute and in an hour.

Counted while spans come in. A transaction's own counts are added to those of its minutes and hours
when it ends, so that a span is counted once for both.
"""

# ruff: noqa: S608 - the SQL is put together from our own names; values only go in as parameters

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec

from otbridge.hub.store.sqlite.histogram import bucket_of

if TYPE_CHECKING:
    import sqlite3

    from otbridge.hub.store.sqlite.summary import Summary
    from otbridge.wire.rows import SpanRow

__all__ = ["MINUTES_OF_HOUR", "MINUTE_NS", "Minutes", "Tally"]

MINUTE_NS: Final = 60_000_000_000

MINUTES_OF_HOUR: Final = 60

_KEPT: Final = 8_192
"""Tallies kept in memory, some 500 bytes each: those of the last minutes are added to again."""

_MAX_OPERATIONS: Final = 2_000
"""Operations of one service that are told apart in one file. Where a service writes ids into its
spans' names, all later ones count as one without a name."""

_CONSUMER: Final = 5
"""OTLP's SpanKind of who takes a message."""

_ERROR: Final = 2
"""OTLP's StatusCode."""

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(dict[int, int]).decode


class Tally:
    """How many spans there were, how many failed, and how long they took."""

    __slots__ = ("buckets", "count", "errors")

    def __init__(self) -> None:
        self.count = 0
        self.errors = 0
        self.buckets: dict[int, int] = {}

    def add(self, bucket: int, error: bool) -> None:
        """Count a span with a duration in *bucket*."""
        self.count += 1
        self.errors += error
        buckets = self.buckets
        buckets[bucket] = buckets.get(bucket, 0) + 1

    def merge(self, other: Tally) -> None:
        """Count everything that the other one has."""
        self.count += other.count
        self.errors += other.errors
        for bucket, number in other.buckets.items():
            self.buckets[bucket] = self.buckets.get(bucket, 0) + number

    @classmethod
    def of(cls, count: int, errors: int, durations: bytes) -> Tally:
        """Return the one whose `columns` these are."""
        tally = cls()
        tally.count, tally.errors, tally.buckets = count, errors, _decode(durations)
        return tally

    def columns(self) -> tuple[int, int, bytes]:
        """Return SpanCount, ErrorCount and Durations."""
        return self.count, self.errors, _encode(self.buckets)


class Heard(NamedTuple):
    """A span that another one caused, as it counts for the edge between their services."""

    minute: int
    service: str
    link: bool
    bucket: int
    error: bool


class Minutes:
    """The tallies of one file, within the transaction that its writer has open."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        self._operations = _Tallies(db, "otel_operation", ("OperationId",))
        self._edges = _Tallies(db, "otel_edge", ("Client", "Server", "Link"))
        self._numbers: dict[tuple[str, str, int], int] = {}
        self._names: dict[str, int] = {}

    def save(self) -> None:
        """Write down what has changed."""
        self._operations.save()
        self._edges.save()

    def forget(self) -> None:
        """Forget what may be rolled back."""
        self._operations.forget()
        self._edges.forget()
        self._numbers.clear()
        self._names.clear()

    def add(self, row: SpanRow, line: Summary) -> None:
        """Count an ended span for its operation, and for the edges that it is an end of."""
        start_ns, service = row.start_ns, row.service
        number = self._numbers.get((service, row.name, row.kind))
        if number is None:
            number = self._number(service, row.name, row.kind)
        minute = start_ns // MINUTE_NS
        duration = row.end_ns - start_ns
        bucket = bucket_of(duration) if duration > 0 else 0
        error = row.status == _ERROR
        self._operations.of((minute, number)).add(bucket, error)
        parent = row.parent_span_id
        if parent:
            # Most spans have a parent in their own service; the others may be an edge's end.
            client = line.here.get(parent) if line.here else None
            if client not in {service, ""}:
                self.join(line, parent, Heard(minute, service, False, bucket, error))

    def link(self, row: SpanRow, linked: Summary, span_id: bytes) -> None:
        """Count an edge from a linked span to one that takes messages."""
        bucket = bucket_of(max(row.end_ns - row.start_ns, 0))
        heard = Heard(row.start_ns // MINUTE_NS, row.service, True, bucket, row.status == _ERROR)
        self.join(linked, span_id, heard)

    def join(self, line: Summary, cause: bytes, heard: Heard) -> None:
        """Count an edge from the span *cause* of that trace, now or when it comes."""
        client = line.here.get(cause) if line.here else None
        if client is None:
            line.waiting.setdefault(cause, []).append(heard)
        elif client != heard.service and client:
            self._count(client, heard)

    def meet(self, line: Summary, span_id: bytes, client: str) -> None:
        """Count the edges from a span to those that came before it."""
        for heard in line.waiting.pop(span_id, ()):
            if heard.service != client:
                self._count(client, heard)

    def _count(self, client: str, heard: Heard) -> None:
        tally = self._edges.of((heard.minute, client, heard.service, int(heard.link)))
        tally.add(heard.bucket, heard.error)

    def _number(self, service: str, name: str, kind: int) -> int:
        """Return the number of an operation, which is written down where it is new."""
        found = self._find(service, name, kind)
        if found is None:
            if service not in self._names:
                (self._names[service],) = self._db.execute(
                    "SELECT count(*) FROM otel_operations WHERE ServiceName = ?", (service,)
                ).fetchone()
            if self._names[service] >= _MAX_OPERATIONS:
                name, kind = "", 0
            self._names[service] += 1
            self._db.execute(
                "INSERT OR IGNORE INTO otel_operations (ServiceName, SpanName, SpanKind)"
                " VALUES (?, ?, ?)",
                (service, name, kind),
            )
            found = self._find(service, name, kind)
        if len(self._numbers) >= _KEPT:
            self._numbers.clear()
        number = self._numbers[service, name, kind] = int(found)
        return number

    def _find(self, service: str, name: str, kind: int) -> Any:
        found = self._db.execute(
            "SELECT Id FROM otel_operations WHERE ServiceName = ? AND SpanName = ? AND SpanKind = ?",
            (service, name, kind),
        ).fetchone()
        return found[0] if found else None


class _Tallies:
    """Tallies by minute and something else: of this transaction, and of their minutes and hours."""

    def __init__(self, db: sqlite3.Connection, name: str, keys: tuple[str, ...]) -> None:
        self._fresh: dict[tuple[Any, ...], Tally] = {}
        self._minutes = _Table(db, f"{name}_minutes", ("Minute", *keys))
        self._hours = _Table(db, f"{name}_hours", ("Hour", *keys))

    def of(self, key: tuple[Any, ...]) -> Tally:
        """Return the tally of *key* in this transaction, to be added to."""
        tally = self._fresh.get(key)
        if tally is None:
            tally = self._fresh[key] = Tally()
        return tally

    def save(self) -> None:
        """Add what is new to what is in the tables."""
        for key, tally in self._fresh.items():
            minute, *rest = key
            self._minutes.add(key, tally)
            self._hours.add((minute // MINUTES_OF_HOUR, *rest), tally)
        self._fresh.clear()
        self._minutes.save()
        self._hours.save()

    def forget(self) -> None:
        """Forget what may be rolled back."""
        self._fresh.clear()
        self._minutes.forget()
        self._hours.forget()


class _Table:
    """A table of tallies; those that are added to again and again stay in memory."""

    def __init__(self, db: sqlite3.Connection, table: str, keys: tuple[str, ...]) -> None:
        self._db = db
        self._kept: dict[tuple[Any, ...], Tally] = {}
        self._changed: dict[tuple[Any, ...], Tally] = {}
        where = " AND ".join(f"{key} = ?" for key in keys)
        self._select = f"SELECT SpanCount, ErrorCount, Durations FROM {table} WHERE {where}"
        self._save = f"INSERT OR REPLACE INTO {table} VALUES ({', '.join('?' * (len(keys) + 3))})"

    def add(self, key: tuple[Any, ...], fresh: Tally) -> None:
        tally = self._kept.get(key)
        if tally is None:
            found = self._db.execute(self._select, key).fetchone()
            tally = self._kept[key] = Tally.of(*found) if found else Tally()
        tally.merge(fresh)
        self._changed[key] = tally

    def save(self) -> None:
        self._db.executemany(
            self._save, [(*key, *tally.columns()) for key, tally in self._changed.items()]
        )
        self._changed.clear()
        if len(self._kept) > _KEPT:
            self._kept.clear()

    def forget(self) -> None:
        self._kept.clear()
        self._changed.clear()
