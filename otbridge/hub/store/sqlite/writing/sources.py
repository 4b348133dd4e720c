"""Where records come from: stored once per resource, scope and sender, and referred to by number."""

# ruff: noqa: S608 - the SQL is put together from our own names; values only go in as parameters

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING, Final
from zlib import crc32

from otbridge.wire.otlp_rows import Origin

if TYPE_CHECKING:
    import sqlite3
    from typing import Any

    from otbridge.wire.rows import LogRow, SpanRow

__all__ = ["SELECT_SOURCE", "SourceNumbers", "read_source"]

_KEPT: Final = 4_096
"""Sources whose numbers are kept in memory; each process that sends has a few."""

SELECT_SOURCE: Final = (
    "SELECT s.ServiceName, s.Producer, r.Raw, r.SchemaUrl, c.Raw, c.SchemaUrl, r.Crc, c.Crc"
    " FROM otel_sources s JOIN otel_resources r ON r.Id = s.ResourceId"
    " JOIN otel_scopes c ON c.Id = s.ScopeId WHERE s.Id = ?"
)


def read_source(columns: tuple[Any, ...]) -> Origin | None:
    """Return the source of `SELECT_SOURCE`'s columns, or None where a checksum does not fit."""
    *origin, resource_crc, scope_crc = columns
    source = Origin(*origin)
    if crc32(source.resource) != resource_crc or crc32(source.scope) != scope_crc:
        return None
    return source


class SourceNumbers:
    """Gives sources their numbers in one file, and writes down those that are new."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        self._sources: dict[tuple[Any, ...], int] = {}
        self._names: dict[str, int] = {}
        self._last: SpanRow | LogRow | None = None
        self._last_number = 0

    def forget(self) -> None:
        """Forget all: some may have been rolled back."""
        self._sources.clear()
        self._names.clear()
        self._last = None

    def trim(self) -> None:
        """Forget the numbers where they have become too many."""
        self._last = None  # holds its request's bytes
        if len(self._sources) > _KEPT or len(self._names) > _KEPT:
            self.forget()

    def of(self, row: SpanRow | LogRow) -> int:
        """Return the number of the row's source."""
        last = self._last
        if (
            last is not None
            and row.scope is last.scope
            and row.resource is last.resource
            and row.producer == last.producer
            and row.service == last.service
        ):
            return self._last_number  # most rows come in runs of one source
        number = self._look_up(row)
        self._last, self._last_number = row, number
        return number

    def find(self, row: LogRow) -> int | None:
        """Return the number of the row's source where it has one, and write nothing down."""
        known = self._sources.get(_key(row))
        if known is not None:
            return known
        found = self._db.execute(
            "SELECT s.Id FROM otel_sources s JOIN otel_resources r ON r.Id = s.ResourceId"
            " JOIN otel_scopes c ON c.Id = s.ScopeId"
            " WHERE r.Hash = ? AND c.Hash = ? AND s.ServiceName = ? AND s.Producer = ?",
            (
                _digest(row.resource, row.resource_schema_url),
                _digest(row.scope, row.scope_schema_url),
                row.service,
                row.producer,
            ),
        ).fetchone()
        if found is None:
            return None
        number = self._sources[_key(row)] = int(found[0])
        return number

    def _look_up(self, row: SpanRow | LogRow) -> int:
        key = _key(row)
        number = self._sources.get(key)
        if number is None:
            number = self._sources[key] = self._add(row)
        return number

    def of_service(self, name: str) -> int:
        """Return the number of a service's name."""
        number = self._names.get(name)
        if number is None:
            self._db.execute(
                "INSERT OR IGNORE INTO otel_service_names (ServiceName) VALUES (?)", (name,)
            )
            number = self._names[name] = self._number("otel_service_names", "ServiceName = ?", name)
        return number

    def _add(self, row: SpanRow | LogRow) -> int:
        resource = self._shared("otel_resources", row.resource, row.resource_schema_url)
        scope = self._shared("otel_scopes", row.scope, row.scope_schema_url)
        values = (resource, scope, row.service, row.producer)
        self._db.execute(
            "INSERT OR IGNORE INTO otel_sources (ResourceId, ScopeId, ServiceName, Producer)"
            " VALUES (?, ?, ?, ?)",
            values,
        )
        same = "ResourceId = ? AND ScopeId = ? AND ServiceName = ? AND Producer = ?"
        return self._number("otel_sources", same, *values)

    def _shared(self, table: str, raw: bytes, schema_url: str) -> int:
        """Return the number of the row that holds *raw*, which is written where it is not there."""
        digest = _digest(raw, schema_url)
        self._db.execute(
            f"INSERT OR IGNORE INTO {table} (Hash, SchemaUrl, Raw, Crc) VALUES (?, ?, ?, ?)",
            (digest, schema_url, raw, crc32(raw)),
        )
        return self._number(table, "Hash = ?", digest)

    def _number(self, table: str, condition: str, *values: Any) -> int:
        (number,) = self._db.execute(f"SELECT Id FROM {table} WHERE {condition}", values).fetchone()
        return int(number)


def _key(row: SpanRow | LogRow) -> tuple[Any, ...]:
    return (
        row.resource,
        row.scope,
        row.producer,
        row.resource_schema_url,
        row.scope_schema_url,
        row.service,
    )


def _digest(raw: bytes, schema_url: str) -> bytes:
    return blake2b(schema_url.encode() + b"\0" + raw, digest_size=16).digest()
