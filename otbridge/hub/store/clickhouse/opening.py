"""Opens a ClickHouse store by its address."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING

from otbridge.errors import StoreError
from otbridge.hub.store.clickhouse import ClickHouseStore
from otbridge.hub.store.clickhouse.address import is_name, read_address
from otbridge.hub.store.clickhouse.replicas import refuse_what_is_not_one
from otbridge.hub.store.clickhouse.server import Servers

if TYPE_CHECKING:
    from otbridge._clock import Clock
    from otbridge.hub.store.vocabulary import Retention

__all__ = ["open_clickhouse"]

_logger = logging.getLogger("otbridge.hub")


def open_clickhouse(
    address: str, *, clock: Clock | None = None, retention: Retention | None = None
) -> ClickHouseStore:
    """Open the store at `clickhouse://…` or `chdb:///PATH`; see `otbridge.hub.store.open_store`.

    A tenant's is at `chdb:///PATH?database=NAME`: in the same process as all of that folder.
    """
    if address.startswith("chdb://"):
        from otbridge.hub.store.clickhouse.embedded import DATABASE, Embedded

        where_embedded, database = _embedded(address)
        database = database or DATABASE
        engine = Embedded(where_embedded, database)
        return ClickHouseStore(engine, database, clock=clock, retention=retention)
    where = read_address(address)
    if where.is_in_the_clear:
        _logger.warning(
            "The password for ClickHouse and all records go to %s unencrypted: add secure=1,"
            " where its https_port can be had.",
            where,
        )
    servers = Servers(where)
    store = ClickHouseStore(
        servers, where.database, where.cluster, clock=clock, retention=retention
    )
    try:
        refuse_what_is_not_one(servers, where)
    except BaseException:
        store.close()
        raise
    return store


def _embedded(address: str) -> tuple[Path, str]:
    """Return the folder and the database of `chdb:///PATH[?database=NAME]`."""
    path, _, options = address.removeprefix("chdb://").partition("?")
    if not path.startswith("/") or not path.strip("/"):
        raise StoreError(
            f"The store address {address} names no folder.",
            "After chdb:// comes an absolute path.",
            "Write chdb:///absolute/folder.",
        )
    option, _, database = options.partition("=")
    if options and not (option == "database" and is_name(database)):
        raise StoreError(
            f"The store address {address} cannot be read.",
            "Behind the folder there may be ?database=NAME, and nothing else.",
            "Write chdb:///absolute/folder.",
        )
    return Path("/" + path.lstrip("/")), database
