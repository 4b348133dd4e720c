"""The store in numbers."""

# ruff: noqa: S608 - the SQL is put together from our own names; values only go in as parameters

from __future__ import annotations

from typing import TYPE_CHECKING

from otbridge.hub.store.vocabulary import ServiceTotals

if TYPE_CHECKING:
    from otbridge.hub.store.clickhouse.questions import Asker

__all__ = ["counts", "services"]


def services(asker: Asker) -> list[ServiceTotals]:
    """Answer `Store.services`."""
    spans, logs = (_by_service(asker, table) for table in (asker.tables.traces, asker.tables.logs))
    nothing = (0, 0)
    return [
        ServiceTotals(
            name,
            spans.get(name, nothing)[0],
            logs.get(name, nothing)[0],
            max(spans.get(name, nothing)[1], logs.get(name, nothing)[1]),
        )
        for name in sorted(spans.keys() | logs.keys())
    ]


def _by_service(asker: Asker, table: str) -> dict[str, tuple[int, int]]:
    """Return how many records of each service there are, and when the last was received."""
    rows = asker.rows(
        "SELECT toString(ServiceName), count(), toUnixTimestamp64Nano(max(Received))"
        f" FROM {asker.counted(table)} GROUP BY ServiceName"
    )
    return {name.decode(): (records, last_ns) for name, records, last_ns in rows}


def counts(asker: Asker) -> tuple[int, int, int]:
    """Return how many spans, logs and data points are stored."""
    tables = asker.tables
    spans, logs, metrics = map(asker.counted, (tables.traces, tables.logs, tables.metrics))
    ((span_count, log_count, points),) = asker.rows(
        f"SELECT (SELECT count() FROM {spans}), (SELECT count() FROM {logs}),"
        f" (SELECT sum(DataPoints) FROM {metrics})"
    )
    return span_count, log_count, points
