"""The log in a hub's life: opened by its settings, and let go of what is done with."""

from __future__ import annotations

import asyncio
import logging
import shutil
from typing import TYPE_CHECKING, Final

from otbridge.errors import StoreError
from otbridge.hub.receive_log.log import ReceiveLog
from otbridge.hub.receive_log.settings import ReceiveLogSettings, reserve_of

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["keep_up", "open_log"]

_logger = logging.getLogger("otbridge.hub")

_EVERY_S: Final = 1.0
"""How much is decoded again after a hub was killed: what was stored in so many seconds."""


def open_log(folder: Path, max_bytes: int) -> ReceiveLog:
    """Open the log in *folder*, which is made where there is none.

    Raises:
        StoreError: It cannot be used, or belongs to another hub.
    """
    try:
        folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        disk = shutil.disk_usage(folder.parent)
    except OSError as error:
        raise StoreError(
            f"The hub cannot keep its data in {folder.parent}.",
            f"The system says: {error.strerror}.",
            "Give a folder that you may write with --data.",
        ) from None
    settings = ReceiveLogSettings(max_bytes=max_bytes, reserve_bytes=reserve_of(disk.total))
    return ReceiveLog(str(folder), settings)


async def keep_up(log: ReceiveLog) -> None:
    """Delete what everybody has, once a second, until cancelled."""
    while True:
        await asyncio.sleep(_EVERY_S)
        try:
            await asyncio.to_thread(log.let_go)
        except Exception:
            # Without this the log would grow to its limit, and the hub take nothing any more.
            _logger.exception("The receive log could not be looked after; it goes on.")
