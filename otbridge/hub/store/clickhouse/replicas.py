"""Whether several servers show the same: looked at before a hub relies on it.

otbridge's tables do not replicate by themselves. So a record is on two servers only where a
cluster's server writes it to both, and a hub that goes on to the next server finds there only what
those have in common.
"""

# ruff: noqa: S608 - the names in the SQL were checked when the address was read

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from otbridge.errors import StoreError
from otbridge.hub.store.clickhouse.engine import as_rows
from otbridge.hub.store.clickhouse.server import Unreachable

if TYPE_CHECKING:
    from otbridge.hub.store.clickhouse.address import Address
    from otbridge.hub.store.clickhouse.engine import Engine

__all__ = ["refuse_what_is_not_one"]


def refuse_what_is_not_one(engine: Engine, where: Address) -> None:
    """Refuse servers that would show now these records, now those; the tables are there.

    Those that cannot be reached are not looked at.

    Raises:
        StoreError: They would.
    """
    if where.cluster:
        _refuse_half_writes(engine, where)
    elif engine.nodes > 1:
        _refuse_strangers(engine, where)


def _refuse_strangers(engine: Engine, where: Address) -> None:
    own: set[bytes] = set()
    for node in range(engine.nodes):
        own |= _tables_of_its_own(engine, node, where)
    if len(own) > 1:
        raise StoreError(
            f"{where} names several servers that know nothing of each other.",
            "Each has tables of its own, so that a hub would show now these records, now those.",
            "Name their cluster with cluster=NAME, or one of them.",
        )


def _refuse_half_writes(engine: Engine, where: Address) -> None:
    halved = (
        "SELECT shard_num FROM system.clusters"
        f" WHERE cluster = '{where.cluster}' AND internal_replication"
        " GROUP BY shard_num HAVING count() > 1"
    )
    for node in range(engine.nodes):
        if _rows(engine, node, "shard_num", halved) and _tables_of_its_own(engine, node, where):
            raise StoreError(
                f"The cluster {where.cluster} would have each record on one replica only.",
                "It has internal_replication on, for tables that replicate by themselves, and"
                " otbridge's do not.",
                "Turn internal_replication off in the servers' remote_servers, or name a cluster"
                " of theirs where it is.",
            )


def _tables_of_its_own(engine: Engine, node: int, where: Address) -> set[bytes]:
    """Return the identity of a server's table, where no other server has it too."""
    tables = (
        "SELECT toString(uuid) AS Id FROM system.tables"
        f" WHERE database = '{where.database}' AND name = 'otel_traces'"
        " AND NOT match(engine, '^(Replicated|Shared)')"
    )
    return {identity for (identity,) in _rows(engine, node, "Id", tables)}


def _rows(engine: Engine, node: int, column: str, sql: str) -> list[list[Any]]:
    with suppress(Unreachable):  # which was said when the tables were made
        whole = f"SELECT groupArray(tuple({column})) FROM ({sql}) FORMAT MsgPack"
        return as_rows(engine.execute(whole, node))
    return []
