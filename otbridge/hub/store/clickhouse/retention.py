"""Deletes old days: whole partitions, on every server.

Today's is never deleted, however large it is: ClickHouse is for those who have the disk.
"""

# ruff: noqa: S608 - the SQL is put together from our own names

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from otbridge.hub.store.clickhouse.engine import as_rows
from otbridge.hub.store.clickhouse.schema import ALL_TABLES
from otbridge.hub.store.clickhouse.server import Unreachable
from otbridge.hub.store.vocabulary import Expired

if TYPE_CHECKING:
    from otbridge.hub.store.clickhouse.engine import Engine
    from otbridge.hub.store.vocabulary import Retention

__all__ = ["bytes_by_day", "expire"]

_DAY_NS = 86_400 * 10**9


def expire(engine: Engine, database: str, retention: Retention, now_ns: int) -> Expired:
    """Delete the days that are too old or too much; return which and how many bytes they had."""
    held = bytes_by_day(engine, database)
    oldest = _date(max(now_ns - retention.days * _DAY_NS, 0))
    gone = [day for day in held if day < oldest]
    left = sum(held.values()) - sum(held[day] for day in gone)
    for day in sorted(held)[:-1]:
        if left <= retention.bytes:
            break
        if day not in gone:
            gone.append(day)
            left -= held[day]
    for day in gone:
        for node in range(engine.nodes):
            # A server that is down still has the day when it is back: it is dropped then.
            with suppress(Unreachable):
                for table in ALL_TABLES:
                    engine.execute(f"ALTER TABLE {database}.{table} DROP PARTITION '{day}'", node)
    return Expired(tuple(sorted(gone)), sum(held[day] for day in gone))


def bytes_by_day(engine: Engine, database: str) -> dict[str, int]:
    """Return the days (UTC) that the store holds, and the bytes of each, on all servers that are up."""
    tables = ", ".join(f"'{table}'" for table in ALL_TABLES)
    sql = (
        "SELECT groupArray(tuple(*)) FROM (SELECT partition, sum(bytes_on_disk) FROM system.parts"
        f" WHERE active AND database = '{database}' AND table IN ({tables})"
        " GROUP BY partition) FORMAT MsgPack"
    )
    held: Counter[str] = Counter()
    for node in range(engine.nodes):
        try:
            answer = engine.execute(sql, node)
        except Unreachable:
            continue  # the bytes of a server that is down are not known
        for day, size in as_rows(answer):
            held[day.decode()] += size
    return dict(sorted(held.items()))


def _date(time_ns: int) -> str:
    return datetime.fromtimestamp(time_ns // 10**9, UTC).date().isoformat()
