"""Which values a field has among the records that fit, and how often."""

# ruff: noqa: S608 - the SQL is put together from our own names; values only go in as parameters

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from otbridge.hub.store.clickhouse.attributes import written
from otbridge.hub.store.clickhouse.logs import log_conditions
from otbridge.hub.store.clickhouse.questions import escaped
from otbridge.hub.store.clickhouse.traces import newest_traces, trace_conditions
from otbridge.hub.store.vocabulary import AttributeKey, Facets, LogFilter

if TYPE_CHECKING:
    from otbridge.hub.store.clickhouse.questions import Asker
    from otbridge.hub.store.vocabulary import FacetField, TraceFilter

__all__ = ["LOOKED_AT", "UNPACKED", "count"]

LOOKED_AT: Final = 100_000
"""Records that are looked at, newest first, as in every other store."""

UNPACKED: Final = 20_000
"""The same for the values of an attribute."""

_LONGEST: Final = 200
"""Characters of a value that is counted; longer ones count by their beginning."""

_LEVELS: Final = ("unspecified", "trace", "debug", "info", "warn", "error", "fatal")
"""OTLP has four severity numbers to a level, from 1 on (OTel logs data model)."""

_LOG_VALUES: Final[dict[FacetField, str]] = {
    "service": "toString(ServiceName)",
    "severity": "toString(intDiv(SeverityNumber + 3, 4))",
    "name": "EventName",
}


def count(
    asker: Asker, wanted: LogFilter | TraceFilter, field: FacetField | AttributeKey
) -> Facets:
    """Answer `Store.facets`."""
    if isinstance(field, AttributeKey):
        return _count_values(asker, wanted, field.name)
    if isinstance(wanted, LogFilter):
        where = log_conditions(asker.tables, wanted)
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


def _count_values(asker: Asker, wanted: LogFilter | TraceFilter, key: str) -> Facets:
    """Count the values of an attribute: of logs, or of the spans of traces, each once a trace."""
    if isinstance(wanted, LogFilter):
        where = log_conditions(asker.tables, wanted)
        newest = (
            "SELECT DISTINCT * FROM (SELECT LogAttributes AS Attributes, AttributeKinds, Timestamp,"
            f" Place, Id FROM {asker.tables.logs} WHERE {where}"
            f" ORDER BY Timestamp DESC LIMIT {UNPACKED:d})"
        )
        found, looked_at = "newest", "SELECT count() FROM newest"
    else:
        where, fits = trace_conditions(asker.tables, wanted, None, 0)
        newest = f"{newest_traces(asker.tables, where, fits)} LIMIT {UNPACKED:d}"
        found = (
            "(SELECT DISTINCT TraceId, map({key:String}, SpanAttributes[{key:String}]) AS"
            " Attributes, map({key:String}, AttributeKinds[{key:String}]) AS AttributeKinds"
            f" FROM {asker.tables.traces} FINAL WHERE TraceId IN (SELECT TraceId FROM newest)"
            " AND mapContains(SpanAttributes, {key:String}))"
        )
        looked_at = "SELECT count() FROM newest"
    where.parameters["key"] = escaped(key)
    rows = asker.rows(
        f"WITH newest AS ({newest}) SELECT left(Attributes[{{key:String}}], {_LONGEST:d}) AS Text,"
        f" toString(AttributeKinds[{{key:String}}]) AS Kind, count() AS Records FROM {found}"
        " WHERE mapContains(Attributes, {key:String}) GROUP BY Text, Kind"
        f" UNION ALL SELECT '', 'looked at', ({looked_at})",
        where,
    )
    counts: Counter[str] = Counter()
    seen = 0
    for text, kind, records in rows:
        if kind == b"looked at":
            seen = records
        else:
            counts[written(text.decode(), kind.decode())] += records
    return Facets(counts, seen, complete=seen < UNPACKED)


def _level(value: bytes) -> str:
    number = int(value)
    return _LEVELS[number] if number < len(_LEVELS) else _LEVELS[0]
