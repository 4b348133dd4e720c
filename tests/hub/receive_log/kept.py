"""Entries for tests, and what a log holds of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from otbridge.hub.receive_log.entries import Entry
from otbridge.hub.receive_log.log import ReceiveLog
from otbridge.hub.receive_log.settings import ReceiveLogSettings

if TYPE_CHECKING:
    from otbridge.hub.receive_log.entries import Kept

FOLDER = "/log"
SMALL = ReceiveLogSettings(segment_bytes=400)
"""Two or three entries in a segment."""


def entry(number: int, records: int = 1) -> Entry:
    """Return an entry that tells which one it is."""
    return Entry("logs", b"request %04d " % number + b"x" * 60, 1000 + number, records)


def opened(files: Any, settings: ReceiveLogSettings = SMALL) -> ReceiveLog:
    return ReceiveLog(FOLDER, settings, files)


def everything(log: ReceiveLog, position: int = 0) -> list[Kept]:
    """Return what the log holds from *position* on."""
    return list(iter(log.reader(position).next, None))


def numbers(kept: list[Kept]) -> list[int]:
    return [int(one.entry.request[8:12]) for one in kept]
