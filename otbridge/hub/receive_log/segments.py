"""The files of the log: their names, how far they go, and what is whole in them after a crash.

A segment's name says which it is in the row, the position of its first entry, its salt and the
version of its format. It ends where any later one begins: what stands behind that was written and
taken back, because the disk refused to sync it, and nobody was told that it was safe.

Only the last segment is read when a log is opened, so a gigabyte is opened in the time that it
takes to read one.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple

from otbridge.delivery.spool.frames import (
    DAMAGED,
    FORMAT_VERSION,
    REQUEST,
    TORN,
    claimed_records,
    read_request,
    scan,
)

if TYPE_CHECKING:
    from otbridge.delivery.spool.files import Files

__all__ = ["Segment", "SegmentName", "Whole", "new_name", "put_beside", "recover"]

_NAME: Final = re.compile(r"([0-9]{8,12})\.([0-9]{16,20})\.([0-9a-f]{8})\.v([0-9]{1,9})\.log")
_UNREADABLE: Final = ".unreadable"


class SegmentName(NamedTuple):
    """What a segment's name says."""

    number: int
    """Which it is in the row."""
    first: int
    """Position of its first entry."""
    salt: int
    version: int = FORMAT_VERSION

    def __str__(self) -> str:
        return f"{self.number:08d}.{self.first:016d}.{self.salt:08x}.v{self.version}.log"


@dataclass(slots=True, eq=False)
class Segment:
    """A file of the log."""

    name: SegmentName
    path: str
    size: int
    """Bytes that are whole and synced."""
    end: int
    """Position behind its last entry."""
    since_ns: int
    """When its first entry was received; when it was written last, where it was found."""
    written: int = 0
    """The same two for what is written and not synced yet; nobody reads that."""
    reached: int = 0

    @property
    def first(self) -> int:
        """Position of its first entry."""
        return self.name.first


@dataclass(slots=True)
class Whole:
    """What a log's folder holds."""

    segments: list[Segment] = field(default_factory=list)
    """In their order; none is empty."""
    next_number: int = 0
    end: int = 0
    """Position behind everything."""
    torn: int = 0
    """Writes that were cut off; nobody was told that they were safe."""
    lost: int = 0
    """Records in segments that cannot be read; those are put beside, for people to look at."""
    foreign: list[str] = field(default_factory=list)
    """Names of segments in another format; they are left as they are."""


def new_name(number: int, first: int) -> SegmentName:
    """Return the name of a new segment, with a salt that nobody can foresee."""
    return SegmentName(number, first, int.from_bytes(os.urandom(4), "little"))


def recover(files: Files, folder: str) -> Whole:
    """Return what is whole in *folder*; a torn tail is cut off, and segments without a use go.

    Raises:
        OSError: The folder cannot be read.
    """
    whole = Whole()
    names: list[SegmentName] = []
    for text in files.names(folder):
        match = _NAME.fullmatch(text)
        if match is None:
            continue
        number, first, salt, version = match.groups()
        name = SegmentName(int(number), int(first), int(salt, 16), int(version))
        whole.next_number = max(whole.next_number, name.number + 1)
        if name.version == FORMAT_VERSION:
            names.append(name)
        else:
            whole.foreign.append(text)
    names.sort()
    for name, end in zip(names, _ends(names), strict=True):
        path = f"{folder}/{name}"
        try:
            segment = _segment(files, path, name, end, whole)
        except OSError:
            whole.lost += 1 if end is None else max(0, end - name.first)
            put_beside(files, path)
            continue
        whole.end = max(whole.end, segment.end)
        if segment.end > segment.first:
            whole.segments.append(segment)
        else:
            _remove(files, path)
    return whole


def _ends(names: list[SegmentName]) -> list[int | None]:
    """Return where each segment ends by the names of those behind it; None for the last."""
    ends: list[int | None] = []
    least: int | None = None
    for name in reversed(names):
        ends.append(least)
        least = name.first if least is None else min(least, name.first)
    return ends[::-1]


def put_beside(files: Files, path: str) -> None:
    """Give a segment that cannot be read a name that is none; best effort."""
    try:
        files.rename(path, path + _UNREADABLE)
    except OSError:
        pass  # the next start tries again


def _segment(files: Files, path: str, name: SegmentName, end: int | None, whole: Whole) -> Segment:
    if end is not None:
        facts = files.facts(path)
        return Segment(name, path, facts.size, end, facts.changed_ns)
    fd = files.open(path)
    try:
        facts = files.facts_of(fd)
        data = files.read(fd, facts.size, 0)
        good, end, torn = _extent(data, name)
        if torn:
            whole.torn += 1
            try:
                files.truncate(fd, good)
            except OSError:
                pass  # it is cut in our own accounts, which is what readers go by
    finally:
        files.close(fd)
    return Segment(name, path, good, end, facts.changed_ns)


def _extent(data: bytes, name: SegmentName) -> tuple[int, int, bool]:
    """Return size and end of a segment whose bytes are *data*, and whether its tail is torn."""
    size, end, torn = 0, name.first, False
    for kind, sequence, start, behind in scan(data, name.salt, name.first):
        if kind == TORN:
            torn = True
        elif kind == DAMAGED:
            size = behind
            if behind == len(data):  # elsewhere the next entry tells
                end += claimed_records(data, start, name.salt)
        else:
            size = behind
            if kind == REQUEST:
                end = sequence + read_request(data, start, behind)[1]
    return size, end, torn


def _remove(files: Files, path: str) -> None:
    try:
        files.unlink(path)
    except OSError:
        pass  # it holds nothing; the next start tries again
