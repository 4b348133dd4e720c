"""Has the store delete what is too old or too much, and says so."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Final

from otbridge.errors import StoreError

if TYPE_CHECKING:
    from otbridge.hub.store import Store
    from otbridge.hub.store.vocabulary import Expired, Retention

__all__ = ["keep_within", "told"]

_logger = logging.getLogger("otbridge.hub")

_EVERY_S: Final = 120.0
"""A day ends once a day, and a store that grows looks after its size itself."""


async def keep_within(retention: Retention, store: Store) -> None:
    """Have *store* keep to *retention*, now and every two minutes, until cancelled."""
    while True:
        try:
            expired = await asyncio.wrap_future(store.expire())
        except StoreError as error:
            _logger.warning("Old days could not be deleted: %s", error)
        else:
            if expired.days:
                _logger.info("%s", told(expired, retention))
        await asyncio.sleep(_EVERY_S)


def told(expired: Expired, retention: Retention) -> str:
    """Return the sentence that tells of *expired*."""
    first, last = expired.days[0], expired.days[-1]
    days = f"what came on {first}" if first == last else f"what came from {first} to {last}"
    return (
        f"Deleted {days}, {expired.bytes / 1e6:,.0f} MB: the hub keeps {retention.days} days "
        f"and {retention.bytes / 1e9:g} GB at most (--keep-days, --keep-bytes)."
    )
