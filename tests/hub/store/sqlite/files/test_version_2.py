"""A file of version 2 is brought over when it is opened, and answers as before."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

from otbridge.hub.store import open_store
from otbridge.hub.store.sqlite.packs import pack_writer
from otbridge.hub.store.vocabulary import LogFilter, Term
from tests.hub.store.builders import SECOND, T0, log, span, span_id, store_now, trace_id

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from otbridge.testing.clock import FakeClock

AS_IT_WAS = """
ALTER TABLE otel_log_rows RENAME TO new_rows;
CREATE TABLE otel_log_rows (
  Id INTEGER PRIMARY KEY,
  TraceKey INTEGER,
  SpanId BLOB,
  Timestamp INTEGER NOT NULL,
  SeverityNumber INTEGER NOT NULL,
  ServiceId INTEGER NOT NULL,
  EventName TEXT
);
INSERT INTO otel_log_rows SELECT Id, TraceKey, span_id(SpanMark), Timestamp, SeverityNumber,
  ServiceId, EventName FROM new_rows;
DROP TABLE new_rows;
DROP TABLE otel_log_stretches;
DROP TABLE otel_log_parts;
DROP TABLE otel_pack_dictionaries;
CREATE INDEX otel_log_rows_trace ON otel_log_rows (TraceKey) WHERE TraceKey IS NOT NULL;
CREATE INDEX otel_log_rows_time ON otel_log_rows (Timestamp);
CREATE INDEX otel_log_rows_service ON otel_log_rows (ServiceId, Timestamp);
CREATE INDEX otel_log_rows_warnings ON otel_log_rows (Timestamp) WHERE SeverityNumber >= 13;
PRAGMA user_version = 2;
"""
"""Makes a file of version 2 of one whose log records have each a document of their own."""


def test_log_records_of_version_2_are_found_by_every_filter(
    tmp_path: Path, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pack_writer, "PACK_BYTES", 1 << 30)  # none is full, and has a dictionary
    with closing(open_store(tmp_path, clock=clock)) as store:
        for number in range(600):
            store_now(
                store,
                log(
                    f"said{number}",
                    trace=number % 3,
                    span=number % 3 and number + 1,
                    service=f"service-{number % 5}",
                    at=number,
                    severity=17 if number % 100 == 7 else 9,
                    event="even" if number % 2 == 0 else "",
                ),
            )
    with closing(sqlite3.connect(tmp_path / "2026-01-01.db")) as db:
        db.create_function("span_id", 1, lambda mark: mark and span_id(mark))
        db.executescript(AS_IT_WAS)

    with closing(open_store(tmp_path, clock=clock)) as store:
        store_now(store, log("new", at=600), span())

        def said(wanted: LogFilter) -> list[str]:
            return [one.row.body_text for one in store.logs(wanted, 1_000)]

        assert said(LogFilter()) == ["new", *(f"said{number}" for number in range(599, -1, -1))]
        assert said(LogFilter(min_severity=17)) == [
            f"said{number}" for number in (507, 407, 307, 207, 107, 7)
        ]
        assert len(said(LogFilter(service="service-2"))) == 120
        assert len(said(LogFilter(name="eve"))) == 300
        assert len(said(LogFilter(trace_id=trace_id(2)))) == 200
        assert said(LogFilter(span_id=span_id(300))) == ["said299"]
        assert said(LogFilter(terms=(Term("said77"),)))[-1] == "said77"
        during = LogFilter(from_ns=T0 + 255 * SECOND, to_ns=T0 + 258 * SECOND)
        assert said(during) == ["said257", "said256", "said255"]
        assert store.totals().corrupt == 0
