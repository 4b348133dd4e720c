"""The spans and log records of some traces, from wherever one day's file has them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otbridge.hub.store.sqlite.files import legacy
from otbridge.hub.store.sqlite.questions.records import Records
from otbridge.hub.store.sqlite.writing import open_spans

if TYPE_CHECKING:
    from collections.abc import Sequence

    from otbridge.hub.store.sqlite.questions.reader import Reader
    from otbridge.wire.rows import LogRow, SpanRow

__all__ = ["day_logs", "day_spans"]


def day_spans(reader: Reader, day: str, keys: Sequence[int], limit: int) -> list[SpanRow]:
    """Return at most *limit* spans of the traces with these *keys*, in start order."""
    records = Records(reader, day)
    found = records.find_spans(keys)
    found.sort(key=lambda span: span[:2])
    rows = [row for span in found[:limit] if (row := records.span(span)) is not None]
    for key in keys:
        rows += _open_spans(reader, day, key)
        if reader.has_old(day):
            old = f"{legacy.SELECT_SPAN} WHERE o.TraceKey = ? ORDER BY o.Timestamp, o.Id LIMIT ?"
            rows += reader.keep_sound(reader.rows(day, old, key, limit), legacy.read_span)
    rows.sort(key=lambda row: row.start_ns)
    return rows[:limit]


def _open_spans(reader: Reader, day: str, key: int) -> list[SpanRow]:
    columns = reader.rows(day, f"{open_spans.SELECT} WHERE o.TraceKey = ? ORDER BY o.Id", key)
    return reader.keep_sound(columns, lambda found: open_spans.read(found).row)


def day_logs(reader: Reader, day: str, key: int, limit: int) -> list[LogRow]:
    """Return at most *limit* log records of a trace, in time order."""
    records = Records(reader, day)
    numbers = reader.rows(
        day,
        "SELECT o.Id FROM otel_log_parts p CROSS JOIN otel_log_rows o"
        " ON o.Id BETWEEN p.First AND p.First + p.LogCount - 1"
        " WHERE p.TraceKey = ? ORDER BY o.Timestamp, o.Id LIMIT ?",
        key,
        limit,
    )
    rows = [row for (number,) in numbers if (row := records.log(number)) is not None]
    if reader.has_old(day):
        old = f"{legacy.SELECT_LOG} WHERE o.TraceKey = ? ORDER BY o.Timestamp, o.Id LIMIT ?"
        rows += reader.keep_sound(reader.rows(day, old, key, limit), legacy.read_log)
    rows.sort(key=lambda row: row.time_ns)
    return rows[:limit]
