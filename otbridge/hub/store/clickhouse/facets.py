"""Which values a field has among the records that fit, and how often."""

# ruff: noqa: S608 - the SQL is put together from our own names; values only go in as parameters

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from otbridge.hub.store.clickhouse.logs import log_conditions
from otbridge.hub.store.clickhouse.traces import newest_traces, trace_conditions
from otbridge.hub.store.vocabulary import Facets, LogFilter

if TYPE_CHECKING:
    from otbridge.hub.store.clickhouse.questions import Asker
    from otbridge.hub.store.vocabulary import FacetField, TraceFilter

__all__ = ["LOOKED_AT", "count"]

LOOKED_AT: Final = 100_000
"""Records that are looked at, newest first, as in every other store."""

_LEVELS: Final = ("unspecified", "trace", "debug", "info", "warn", "error", "fatal")
"""OTLP has four severity numbers to a level, from 1 on (OTel logs data model)."""

_LOG_VALUES: Final[dict[FacetField, str]] = {
    "service": "toString(ServiceName)",
    "severity": "toString(intDiv(SeverityNumber + 3, 4))",
    "name": "EventName",
}


def count(asker: Asker, wanted: LogFilter | TraceFilter, field: FacetField) -> Facets:
    """Answer `Store.facets`."""
    if isinstance(wanted, LogFilter):
        where = log_conditions(wanted)
        newest = (
            "SELECT DISTINCT * FROM ("
            f"SELECT {_LOG_VALUES[field]} AS Value, Timestamp, Place, Id FROM {asker.tables.logs}"
            f" WHERE {where} ORDER BY Timestamp DESC LIMIT {LOOKED_AT:d})"
        )
        values = "Value"
    else:
        where, fits = trace_conditions(asker.tables, wanted, None, 0)
        newest = f"{newest_traces(asker.tables, where, fits)} LIMIT {LOOKED_AT:d}"
        values = "arrayJoin(AllServices)" if field == "service" else "Name"
    # A trace counts for each of its services, and once among those that were looked at.
    rows = asker.rows(
        f"WITH newest AS ({newest}) SELECT {values} AS Counted, count() AS Records,"
        " (SELECT count() FROM newest) AS LookedAt FROM newest GROUP BY Counted",
        where,
    )
    counts: Counter[str] = Counter()
    for value, records, _ in rows:
        counts[_level(value) if field == "severity" else value.decode()] += records
    looked_at = rows[0][2] if rows else 0
    return Facets(counts, looked_at, complete=looked_at < LOOKED_AT)


def _level(value: bytes) -> str:
    number = int(value)
    return _LEVELS[number] if number < len(_LEVELS) else _LEVELS[0]
