"""Questions about log records, in SQL."""

# ruff: noqa: S608 - the SQL is put together from our own names; values only go in as parameters

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from otbridge.hub.store import QueryTooSlow
from otbridge.hub.store.budget import page_time
from otbridge.hub.store.clickhouse.attributes import add_condition
from otbridge.hub.store.clickhouse.questions import Conditions
from otbridge.hub.store.clickhouse.rows import LOG, read_log
from otbridge.hub.store.clickhouse.traces import of_session
from otbridge.hub.store.vocabulary import LogPosition, ShortPage

if TYPE_CHECKING:
    from otbridge.hub.store.clickhouse.questions import Asker
    from otbridge.hub.store.clickhouse.schema import Tables
    from otbridge.hub.store.vocabulary import LogFilter, StoredLog

__all__ = ["log_conditions", "page"]

_SECOND_NS: Final = 10**9
_WINDOWS_NS: Final = (600 * _SECOND_NS, 3 * 3_600 * _SECOND_NS, 48 * 3_600 * _SECOND_NS)
"""Times back in which a page is looked for first; most are found in the last ten minutes."""

_WINDOWS_OF_WORDS_NS: Final = (3 * 3_600 * _SECOND_NS,)
"""The same for words, which an index finds whenever they were said."""


def page(
    asker: Asker, wanted: LogFilter, limit: int, after: LogPosition | None, now_ns: int
) -> list[StoredLog]:
    """Answer `Store.logs`."""
    is_late = page_time()
    newest = min(now_ns, after.time_ns if after else now_ns, wanted.to_ns or now_ns)
    looked_at: ShortPage[StoredLog, LogPosition] | None = None
    for window in (*_windows(wanted), None):
        since_ns = wanted.from_ns or 0
        if window is not None:
            if newest - window <= since_ns:
                continue  # the last step looks at no more than this one would
            since_ns = newest - window
        try:
            found = _since(asker, wanted, limit, after, since_ns)
        except QueryTooSlow:
            if looked_at is None:
                raise
            return _short(asker, looked_at)
        if len(found) == limit or window is None:
            return found
        looked_at = ShortPage(found, LogPosition(since_ns, "", 0))
        if is_late():
            return _short(asker, looked_at)
    return []


def _short(asker: Asker, page: ShortPage[StoredLog, LogPosition]) -> list[StoredLog]:
    """Return *page* as the last one where nothing is older."""
    ((oldest_ns, rows),) = asker.rows(
        "SELECT toUnixTimestamp64Nano(min(Timestamp)) AS Oldest, count() AS Rows"
        f" FROM {asker.tables.logs}"
    )
    return page if rows and oldest_ns < page.next_position.time_ns else list(page)


def _windows(wanted: LogFilter) -> tuple[int, ...]:
    if wanted.trace_id is not None:
        return ()  # a trace's logs are found by its id, whenever they were
    return _WINDOWS_OF_WORDS_NS if wanted.terms or wanted.attributes else _WINDOWS_NS


def _since(
    asker: Asker, wanted: LogFilter, limit: int, after: LogPosition | None, since_ns: int
) -> list[StoredLog]:
    found: list[StoredLog] = []
    while True:
        asked = limit - len(found)
        where = log_conditions(asker.tables, wanted, since_ns)
        if after is not None:
            _add_after(where, after)
        rows = asker.rows(
            f"SELECT {LOG} FROM {asker.tables.logs} WHERE {where}"
            f" ORDER BY Timestamp DESC, Place DESC, Id DESC LIMIT {asked:d}",
            where,
        )
        for columns in rows:
            log = read_log(columns)
            if log.position != after:  # copies of a record stand side by side
                found.append(log)
            after = log.position
        if len(rows) < asked or len(found) == limit:
            return found


def _add_after(where: Conditions, after: LogPosition) -> None:
    """Add that a record comes after this position, and so do all of its copies."""
    where.add(
        "(Timestamp, Place, Id) < (fromUnixTimestamp64Nano({time:Int64}), {place:Int64}, {id:UInt64})",
        time=after.time_ns,
        place=after.row,
        id=int(after.day or "0", 16),
    )
    where.add("Timestamp <= fromUnixTimestamp64Nano({latest:Int64})", latest=after.time_ns)


def log_conditions(tables: Tables, wanted: LogFilter, since_ns: int = 0) -> Conditions:
    """Return what has to hold for a row of `otel_logs`, of those since then."""
    where = Conditions()
    if wanted.trace_id is not None:
        where.add("TraceId = {trace:String}", trace=wanted.trace_id.hex())
    if wanted.span_id is not None:
        where.add("SpanId = {span:String}", span=wanted.span_id.hex())
    if wanted.service is not None:
        where.add("ServiceName = {service:String}", service=wanted.service)
    if wanted.name is not None:
        where.add("positionCaseInsensitiveUTF8(EventName, {name:String}) > 0", name=wanted.name)
    if wanted.min_severity is not None:
        where.add("SeverityNumber >= {severity:UInt8}", severity=wanted.min_severity)
    since_ns = max(since_ns, wanted.from_ns or 0)
    if since_ns:
        where.add("Timestamp >= fromUnixTimestamp64Nano({since:Int64})", since=since_ns)
    if wanted.to_ns is not None:
        where.add("Timestamp < fromUnixTimestamp64Nano({until:Int64})", until=wanted.to_ns)
    for term in wanted.terms:
        where.add_term(term)
    if wanted.session is not None:
        where.add(
            f"SessionId = {{session:String}} OR ConversationId = {{session:String}}"
            f" OR {of_session(tables)}",
            session=wanted.session,
        )
    for condition in wanted.attributes:
        add_condition(where, condition, "LogAttributes")
    return where
