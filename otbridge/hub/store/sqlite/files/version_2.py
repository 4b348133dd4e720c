"""Files of version 2, which had indexes on the log records where there are stretches now.

Each record was a document of the full text; so each becomes a part of its own.
"""

# ruff: noqa: S608 - the SQL is put together from our own names

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from otbridge.hub.store.sqlite.files.tables import PACKED, VERSION
from otbridge.hub.store.sqlite.writing.log_stretches import ANY_SERVICE, LONGEST
from otbridge.hub.store.sqlite.writing.log_writer import span_mark

if TYPE_CHECKING:
    import sqlite3

__all__ = ["convert"]

_TABLES: Final = re.compile(
    r"CREATE TABLE otel_(?:log_rows|log_stretches|log_parts|pack_dictionaries) .*?;\n", re.DOTALL
)

_STRETCHES: Final = (
    "INSERT INTO otel_log_stretches SELECT {service}, max(Timestamp), min(Id),"
    " max(Id) - min(Id) + 1, min(Timestamp), max(SeverityNumber) FROM old_log_rows"
    f" GROUP BY Id / {LONGEST} {{and_by}};"
)

_MOVE: Final = f"""
ALTER TABLE otel_log_rows RENAME TO old_log_rows;
{"".join(_TABLES.findall(PACKED))}
INSERT INTO otel_log_rows SELECT Id, TraceKey, Timestamp, SeverityNumber, ServiceId,
  otbridge_span_mark(SpanId), EventName FROM old_log_rows ORDER BY Id;
INSERT INTO otel_log_parts
  SELECT TraceKey, Id, 1 FROM old_log_rows WHERE TraceKey IS NOT NULL ORDER BY TraceKey, Id;
{_STRETCHES.format(service=ANY_SERVICE, and_by="")}
{_STRETCHES.format(service="ServiceId", and_by=", ServiceId")}
DROP TABLE old_log_rows;
"""


def convert(db: sqlite3.Connection) -> None:
    """Give a file of version 2 what it lacks."""
    db.create_function("otbridge_span_mark", 1, lambda span_id: span_mark(span_id or b""))
    db.executescript(f"BEGIN IMMEDIATE; {_MOVE} PRAGMA user_version = {VERSION}; COMMIT;")
