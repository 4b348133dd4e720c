"""Questions that agent runs are put together from, in SQL."""

# ruff: noqa: S608 - the SQL is put together from our own names; values only go in as parameters

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from otbridge.hub.store.sqlite.questions.records_of_traces import day_spans
from otbridge.hub.store.sqlite.questions.traces import home_of

if TYPE_CHECKING:
    from collections.abc import Collection

    from otbridge.hub.store.sqlite.questions.reader import Reader
    from otbridge.wire.rows import SpanRow

__all__ = ["related", "spans", "traces_of_run"]


def spans(reader: Reader, trace_ids: Collection[bytes], limit: int) -> list[SpanRow]:
    """Answer `Store.spans`."""
    found: list[SpanRow] = []
    wanted = list(trace_ids)
    sql = f"SELECT TraceKey FROM otel_trace_summary WHERE TraceId IN ({_marks(wanted)})"
    for day in reader.days:
        keys = [key for (key,) in reader.rows(day, sql, *wanted)]
        found += day_spans(reader, day, keys, limit)
    found.sort(key=lambda row: row.start_ns)
    return found[:limit]


def related(reader: Reader, trace_id: bytes) -> set[bytes]:
    """Answer `Store.related`."""
    home = home_of(reader, trace_id)
    if home is None:
        return set()
    day, key, _ = home
    links = reader.rows(day, "SELECT LinkedTraceId FROM otel_links WHERE TraceKey = ?", key)
    found = {linked for (linked,) in links if home_of(reader, linked) is not None}
    told = reader.rows(
        day,
        "SELECT GenAiConversation, GenAiRun FROM otel_agents WHERE TraceKey = ?",
        key,
    )
    conversations = {talk for talk, _ in told if talk}
    runs = {run for _, run in told if run}
    for other_day in reader.days:
        found |= _traces_with(reader, other_day, "otel_links", "LinkedTraceId", {trace_id})
        found |= _traces_with(reader, other_day, "otel_agents", "GenAiConversation", conversations)
        found |= _traces_with(reader, other_day, "otel_agents", "GenAiRun", runs)
    found.discard(trace_id)
    return found


def traces_of_run(reader: Reader, run: str) -> set[bytes]:
    """Answer `Store.traces_of_run`."""
    found: set[bytes] = set()
    for day in reader.days:
        found |= _traces_with(reader, day, "otel_agents", "GenAiRun", {run})
    return found


def _traces_with(reader: Reader, day: str, table: str, column: str, values: set[Any]) -> set[bytes]:
    """Return the traces with a row in *table* whose *column* has one of the *values*."""
    if not values:
        return set()
    found = reader.rows(
        day,
        f"SELECT TraceId FROM otel_trace_summary WHERE TraceKey IN"
        # The second condition lets SQLite use the index that has no empty ones.
        f" (SELECT TraceKey FROM {table} WHERE {column} IN ({_marks(values)}) AND {column} <> '')",
        *values,
    )
    return {trace_id for (trace_id,) in found}


def _marks(values: Collection[Any]) -> str:
    return ", ".join("?" * len(values))
