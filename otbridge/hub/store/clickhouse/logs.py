"""Questions about log records, in SQL."""

# ruff: noqa: S608 - the SQL is put together from our own names; values only go in as parameters

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from otbridge.hub.store.clickhouse.questions import Conditions
from otbridge.hub.store.clickhouse.rows import LOG, read_log

if TYPE_CHECKING:
    from otbridge.hub.store.clickhouse.questions import Asker
    from otbridge.hub.store.vocabulary import LogFilter, LogPosition, StoredLog

__all__ = ["log_conditions", "page"]

_WINDOWS_NS: Final = tuple(seconds * 10**9 for seconds in (600, 3 * 3_600, 48 * 3_600))
"""Times back in which a page is looked for first; most are found in the last ten minutes."""


def page(
    asker: Asker, wanted: LogFilter, limit: int, after: LogPosition | None, now_ns: int
) -> list[StoredLog]:
    """Answer `Store.logs`."""
    newest = min(now_ns, after.time_ns if after else now_ns, wanted.to_ns or now_ns)
    # A trace's logs are found by its id, whenever they were.
    windows = () if wanted.trace_id is not None else _WINDOWS_NS
    for window in (*windows, None):
        since_ns = wanted.from_ns or 0
        if window is not None:
            if newest - window <= since_ns:
                continue  # the last step looks at no more than this one would
            since_ns = newest - window
        found = _since(asker, wanted, limit, after, since_ns)
        if len(found) == limit or window is None:
            return found
    return []


def _since(
    asker: Asker, wanted: LogFilter, limit: int, after: LogPosition | None, since_ns: int
) -> list[StoredLog]:
    where = log_conditions(wanted, since_ns)
    if after is not None:
        # At one time what was stored last comes first; an identity tells apart what two hubs
        # stored in one nanosecond.
        where.add(
            "(Timestamp, Row, Id) < (fromUnixTimestamp64Nano({time:Int64}), {row:Int64},"
            " {id:UInt64})",
            time=after.time_ns,
            row=after.row,
            id=int(after.day or "0", 16),
        )
        where.add("Timestamp <= fromUnixTimestamp64Nano({latest:Int64})", latest=after.time_ns)
    rows = asker.rows(
        f"SELECT {LOG} FROM {asker.tables.logs} FINAL WHERE {where}"
        f" ORDER BY Timestamp DESC, Row DESC, Id DESC LIMIT {limit:d}",
        where,
    )
    return [read_log(columns) for columns in rows]


def log_conditions(wanted: LogFilter, since_ns: int = 0) -> Conditions:
    """Return what has to hold for a row of `otel_logs`, of those since then."""
    where = Conditions()
    if wanted.trace_id is not None:
        where.add("TraceId = {trace:String}", trace=wanted.trace_id.hex())
    if wanted.span_id is not None:
        where.add("SpanId = {span:String}", span=wanted.span_id.hex())
    if wanted.service is not None:
        where.add("ServiceName = {service:String}", service=wanted.service)
    if wanted.min_severity is not None:
        where.add("SeverityNumber >= {severity:UInt8}", severity=wanted.min_severity)
    since_ns = max(since_ns, wanted.from_ns or 0)
    if since_ns:
        where.add("Timestamp >= fromUnixTimestamp64Nano({since:Int64})", since=since_ns)
    if wanted.to_ns is not None:
        where.add("Timestamp < fromUnixTimestamp64Nano({until:Int64})", until=wanted.to_ns)
    for term in wanted.terms:
        where.add_term(term)
    return where
