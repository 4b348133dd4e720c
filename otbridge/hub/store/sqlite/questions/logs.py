"""Questions about log records: from each day's file, as version 1 kept them and as we do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from otbridge.hub.store.budget import page_time
from otbridge.hub.store.sqlite.questions.newest import Source, newest_first
from otbridge.hub.store.sqlite.questions.old_logs import OldLogs
from otbridge.hub.store.sqlite.questions.packed_logs import LOOKED_AT, PackedLogs
from otbridge.hub.store.sqlite.questions.traces import home_of
from otbridge.hub.store.vocabulary import LogPosition, ShortPage, StoredLog

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from otbridge.hub.store.sqlite.questions.reader import Reader
    from otbridge.hub.store.vocabulary import LogFilter

__all__ = ["home_days", "logs_of", "page"]

_LAST_ROW: Final = 2**63 - 1


def page(
    reader: Reader, wanted: LogFilter, limit: int, after: LogPosition | None
) -> list[StoredLog]:
    """Answer `Store.logs`."""
    is_late = page_time()
    days, key = home_days(reader, wanted)
    found = [
        Source(
            LogPosition(logs.latest(), day, _LAST_ROW),
            _day_logs(logs, day, wanted, key, limit, after, is_late),
        )
        for day in reversed(days)
        for logs in logs_of(reader, day)
    ]
    rows: list[StoredLog] = []
    for log in newest_first(found, _place):
        if isinstance(log, LogPosition):
            return ShortPage(rows, log)
        rows.append(log)
        if len(rows) == limit:
            break
    return rows


def _place(log: StoredLog | LogPosition) -> LogPosition:
    return log if isinstance(log, LogPosition) else log.position


def home_days(reader: Reader, wanted: LogFilter) -> tuple[tuple[str, ...], int | None]:
    """Return the days to look at, and where a trace is wanted, its key there."""
    if wanted.trace_id is None:
        return reader.days, None
    home = home_of(reader, wanted.trace_id)
    return ((), None) if home is None else ((home[0],), home[1])


def logs_of(reader: Reader, day: str) -> list[PackedLogs | OldLogs]:
    """Return what a day's file has log records in."""
    packed = PackedLogs(reader, day)
    return [packed, OldLogs(reader, day)] if reader.has_old(day) else [packed]


def _day_logs(  # noqa: PLR0917 - one caller
    logs: PackedLogs | OldLogs,
    day: str,
    wanted: LogFilter,
    key: int | None,
    limit: int,
    after: LogPosition | None,
    is_late: Callable[[], bool],
) -> Iterator[StoredLog | LogPosition]:
    """Yield the records of one table, newest first; only those that are taken are decoded.

    Where the time is up, the last is how far they are known.
    """
    begin = None
    if after is not None:
        # At one time the later day comes first, and within a day the later row.
        below = after.row if day == after.day else (0 if day > after.day else _LAST_ROW)
        begin = (after.time_ns, below)
    for time_ns, number, mark in logs.newest(wanted, key, limit, after=begin, is_late=is_late):
        position = LogPosition(time_ns, day, number)
        if mark is LOOKED_AT:
            yield position
            return
        row = logs.log(number)
        if row is not None:  # one that does not fit its checksum is left out
            yield StoredLog(position, row)
