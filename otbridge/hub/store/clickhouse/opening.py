"""Opens a ClickHouse store by its address."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING

from otbridge.errors import StoreError
from otbridge.hub.store.clickhouse import ClickHouseStore

if TYPE_CHECKING:
    from otbridge._clock import Clock
    from otbridge.hub.store.vocabulary import Retention

__all__ = ["open_clickhouse"]

_logger = logging.getLogger("otbridge.hub")


def open_clickhouse(
    address: str, *, clock: Clock | None = None, retention: Retention | None = None
) -> ClickHouseStore:
    """Open the store at `clickhouse://…` or `chdb:///PATH`; see `otbridge.hub.store.open_store`."""
    if address.startswith("chdb://"):
        from otbridge.hub.store.clickhouse.embedded import DATABASE, Embedded

        engine = Embedded(_folder(address))
        return ClickHouseStore(engine, DATABASE, clock=clock, retention=retention)
    from otbridge.hub.store.clickhouse.address import read_address
    from otbridge.hub.store.clickhouse.server import Servers

    where = read_address(address)
    if where.is_in_the_clear:
        _logger.warning(
            "The password for ClickHouse and all records go to %s unencrypted: add secure=1,"
            " where its https_port can be had.",
            where,
        )
    return ClickHouseStore(
        Servers(where), where.database, where.cluster, clock=clock, retention=retention
    )


def _folder(address: str) -> Path:
    path = address.removeprefix("chdb://")
    if not path.startswith("/") or not path.strip("/"):
        raise StoreError(
            f"The store address {address} names no folder.",
            "After chdb:// comes an absolute path.",
            "Write chdb:///absolute/folder.",
        )
    return Path("/" + path.lstrip("/"))
