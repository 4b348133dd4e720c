"""What folders that are gone had counted, so that a service's accounts outlive its processes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from otbridge.delivery.spool.names import TOTALS
from otbridge.delivery.spool.slots import Slots

if TYPE_CHECKING:
    from otbridge.delivery.spool.files import Files
    from otbridge.delivery.spool.folder import Folder

__all__ = ["add_to_totals", "read_totals"]

_REMEMBERED: Final = 64
"""Folders whose counts were added last: a process killed between adding and removing a folder
leaves it to the next, which must not add it again."""


def add_to_totals(files: Files, service_path: str, folder: Folder) -> None:
    """Add the counts of *folder*, which is about to be removed; best effort."""
    try:
        fd = _open(files, service_path)
        slots = Slots(files, fd)
    except OSError:
        return  # the disk is full or read-only: the counts of a folder are less than its records
    try:
        if not files.lock(fd):
            return  # another process adds its own at this very moment
        totals = _parse(slots.load())
        if folder.name not in totals["recent"]:
            _add(totals, folder)
            slots.store(json.dumps(totals, separators=(",", ":")).encode())
    except OSError:
        pass  # as above
    finally:
        slots.close()


def read_totals(files: Files, service_path: str) -> dict[str, Any]:
    """Return `{"signals": {signal: {"written": n, "lost": {reason: n}}}, "torn": n, ...}`."""
    try:
        fd = files.open(f"{service_path}/{TOTALS}")
    except OSError:
        return _parse(None)
    slots = Slots(files, fd)
    try:
        return _parse(slots.load())
    except OSError:
        return _parse(None)
    finally:
        slots.close()


def _open(files: Files, service_path: str) -> int:
    path = f"{service_path}/{TOTALS}"
    try:
        return files.create(path)
    except FileExistsError:
        return files.open(path)


def _add(totals: dict[str, Any], folder: Folder) -> None:
    for stream in folder.streams.values():
        of = totals["signals"].setdefault(stream.signal, {"written": 0, "lost": {}})
        of["written"] += stream.end
    for signal, lost in folder.book.lost.items():
        of = totals["signals"].setdefault(signal, {"written": 0, "lost": {}})
        for reason, records in lost.items():
            of["lost"][reason] = of["lost"].get(reason, 0) + records
    totals["torn"] += folder.book.torn
    totals["recent"] = [*totals["recent"], folder.name][-_REMEMBERED:]


def _parse(stored: bytes | None) -> dict[str, Any]:
    try:
        totals = json.loads(stored or b"{}")
    except ValueError:
        totals = {}
    return {"signals": {}, "torn": 0, "recent": [], **totals}
