"""Looking at a spool from outside: what is in it, without taking or changing anything."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from otbridge.delivery.spool.folder import Folder, lock_folder
from otbridge.delivery.spool.frames import FORMAT_VERSION
from otbridge.delivery.spool.names import (
    QUARANTINE,
    SegmentName,
    is_process_folder,
    is_segment,
    read_segment_name,
)
from otbridge.delivery.spool.recovery import extent_of
from otbridge.delivery.spool.totals import read_totals

if TYPE_CHECKING:
    from collections.abc import Iterable

    from otbridge.delivery.spool.book import Book
    from otbridge.delivery.spool.files import Files
    from otbridge.typing import Signal

__all__ = ["FolderSurvey", "ServiceSurvey", "survey"]


@dataclass(slots=True)
class FolderSurvey:
    """What one process has left, or is writing."""

    name: str
    """`<pid>-<start in ns>`."""
    in_use: bool
    """Whether a living process has it."""
    waiting: Counter[Signal] = field(default_factory=Counter)
    """Records that the furthest destination does not have yet; damaged ones included."""
    lost: Counter[str] = field(default_factory=Counter)
    """Records given up, by reason."""
    bytes: int = 0
    oldest_ns: int = 0
    """Wall-clock time of the oldest segment's last write; 0 if there is no segment."""
    foreign: int = 0
    """Segments of other versions."""


@dataclass(slots=True)
class ServiceSurvey:
    """What the processes of one service have left."""

    name: str
    """Of its folder: the service's, sanitised, and a part of its hash."""
    folders: list[FolderSurvey]
    quarantined: int
    """Files put aside because they could not be read."""
    totals: dict[str, Any]
    """What folders that are gone had counted; see `totals.read_totals`."""


def survey(files: Files, root: str) -> list[ServiceSurvey]:
    """Return what is under *root*, by service; empty where there is nothing.

    Raises:
        OSError: *root* is there and cannot be read.
    """
    try:
        services = sorted(files.names(root))
    except FileNotFoundError:
        return []
    found = []
    for service in services:
        path = f"{root}/{service}"
        try:
            names = files.names(path)
        except OSError:
            continue  # a file, or gone
        folders = [_folder(files, path, name) for name in sorted(names) if is_process_folder(name)]
        found.append(
            ServiceSurvey(
                service,
                [folder for folder in folders if folder is not None],
                len(files.names(f"{path}/{QUARANTINE}")) if QUARANTINE in names else 0,
                read_totals(files, path),
            )
        )
    return found


def _folder(files: Files, service_path: str, name: str) -> FolderSurvey | None:
    path = f"{service_path}/{name}"
    try:
        fd = lock_folder(files, path)
        seen = FolderSurvey(name, in_use=fd is None)
        folder = Folder.looked_at(files, path)
        try:
            _look(files, folder, seen)
        finally:
            folder.abandon()
            if fd is not None:
                files.close(fd)
    except OSError:
        return None  # its owner, or who took it over, has just removed it
    return seen


def _look(files: Files, folder: Folder, seen: FolderSurvey) -> None:
    rows: dict[str, list[SegmentName]] = {}
    for text in files.names(folder.path):
        name = read_segment_name(text)
        if name is not None and name.version == FORMAT_VERSION:
            rows.setdefault(name.stream, []).append(name)
        elif is_segment(text):
            seen.foreign += 1
    for names in rows.values():
        names.sort(key=lambda name: name.first)
        seen.waiting[names[0].signal] += _waiting(files, folder, names)
        for name in names:
            facts = files.facts(folder.path_of(name))
            seen.bytes += facts.size
            seen.oldest_ns = min(seen.oldest_ns or facts.changed_ns, facts.changed_ns)
    for lost in folder.book.lost.values():
        seen.lost.update(lost)


def _waiting(files: Files, folder: Folder, names: list[SegmentName]) -> int:
    last = names[-1]
    fd = files.open(folder.path_of(last))
    try:
        data = files.read(fd, files.facts_of(fd).size, 0)
    finally:
        files.close(fd)
    end = extent_of(data, last).end
    return max(0, end - max(names[0].first, *_progress(folder.book, last.stream)))


def _progress(book: Book, stream: str) -> Iterable[int]:
    return [book.floors.get(stream, 0), *book.cursors.get(stream, {}).values()]
