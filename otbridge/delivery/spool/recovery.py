"""Opening a folder that somebody else has written: what is in it, and how far it is whole.

Only the last segment of each stream is read; the others end where the next one begins. A gigabyte
is taken over in the time that it takes to read a few segments.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from otbridge.delivery.spool.frames import (
    DAMAGED,
    ENVELOPE,
    FORMAT_VERSION,
    RECORD,
    REQUEST,
    TORN,
    claimed_records,
    read_request,
    scan,
)
from otbridge.delivery.spool.names import (
    QUARANTINE,
    SegmentName,
    is_segment,
    read_segment_name,
)
from otbridge.delivery.spool.stream import Segment

if TYPE_CHECKING:
    from otbridge.delivery.spool.files import Files
    from otbridge.delivery.spool.folder import Folder

__all__ = ["Extent", "extent_of", "move_to_quarantine", "recover"]

_GRACE_SECONDS: Final = 300.0
"""What was found is kept for at least this long, however old a wall clock says it is."""


@dataclass(frozen=True, slots=True)
class Extent:
    """How far a segment goes."""

    size: int
    """Bytes up to the end of its last frame."""
    end: int
    """Number behind its last record, damaged ones included."""
    good: int
    """Frames that passed their check."""
    torn: bool
    """Whether a write was cut off behind them."""


@dataclass(slots=True)
class _Found:
    """Where a recovered folder's segments and times come from."""

    files: Files
    folder: Folder
    monotonic: float
    wall_ns: int
    foreign: list[str] = field(default_factory=list)


def extent_of(data: bytes, name: SegmentName) -> Extent:
    """Return how far the segment called *name* goes, whose bytes are *data*."""
    size, end, good, torn = 0, name.first, 0, False
    for kind, sequence, start, behind in scan(data, name.salt, name.first):
        if kind == TORN:
            torn = True
        elif kind == DAMAGED:
            size = behind
            if behind == len(data):  # elsewhere the next frame tells
                end += claimed_records(data, start, name.salt)
        else:
            size, good = behind, good + 1
            if kind == RECORD:
                end = sequence + 1
            elif kind == REQUEST:
                end = sequence + read_request(data, start, behind)[1]
            elif kind == ENVELOPE:
                end = max(end, sequence)
    return Extent(size, end, good, torn)


def recover(files: Files, folder: Folder, monotonic: float, wall_ns: int) -> list[str]:
    """Fill *folder*, whose lock is held, with the streams that are in it.

    Args:
        files: The file system.
        folder: The folder, still without streams.
        monotonic: The time now, for the segments' ages.
        wall_ns: The wall-clock time now, to compare with that of the files.

    Returns:
        Names of segments in another format; they are left as they are.

    Raises:
        OSError: the folder itself cannot be read.
    """
    folder.recovered = True
    found = _Found(files, folder, monotonic, wall_ns)
    rows: dict[str, list[SegmentName]] = {}
    for text in files.names(folder.path):
        name = read_segment_name(text)
        if name is not None and name.version == FORMAT_VERSION:
            rows.setdefault(name.stream, []).append(name)
        elif is_segment(text):
            found.foreign.append(text)
    with folder.lock:
        for stream, names in rows.items():
            _recover_stream(found, stream, sorted(names, key=lambda name: name.first))
        folder.book.save()
    return found.foreign


def _recover_stream(found: _Found, stream_name: str, names: list[SegmentName]) -> None:
    stream = found.folder.stream(stream_name)
    floor = stream.end
    ends: list[int | None] = [following.first for following in names[1:]]
    for name, end in zip(names, [*ends, None], strict=True):
        segment = _segment(found, name, end)
        if segment is None:
            continue
        if segment.end <= max(floor, name.first):  # settled before the crash, or never used
            _remove(found, name)
        else:
            stream.segments.append(segment)


def _segment(found: _Found, name: SegmentName, end: int | None) -> Segment | None:
    """Return the segment called *name*; None if it cannot be read, which is then counted."""
    path = found.folder.path_of(name)
    try:
        facts = found.files.facts(path)
        size = facts.size
        if end is None:
            size, end = _cut(found, name, size)
    except OSError:
        records = 1 if end is None else end - name.first
        found.folder.book.lose(name.signal, "corrupt", records)
        move_to_quarantine(found.files, found.folder, name)
        return None
    age = max(0.0, (found.wall_ns - facts.changed_ns) / 1e9)
    return Segment(
        name,
        size=size,
        end=end,
        born=found.monotonic - age,
        keep_until=found.monotonic + _GRACE_SECONDS,
    )


def _cut(found: _Found, name: SegmentName, size: int) -> tuple[int, int]:
    """Return size and end of a stream's last segment, after cutting off what is torn."""
    fd = found.files.open(found.folder.path_of(name))
    try:
        data = found.files.read(fd, size, 0)
        extent = extent_of(data, name)
        if data and not extent.good and not extent.torn:
            raise OSError("nothing in it can be read")
        if extent.torn:
            found.folder.book.torn += 1
            try:
                found.files.truncate(fd, extent.size)
            except OSError:
                pass  # it is cut in our own accounts, which is what readers go by
    finally:
        found.files.close(fd)
    return extent.size, extent.end


def _remove(found: _Found, name: SegmentName) -> None:
    try:
        found.files.unlink(found.folder.path_of(name))
    except OSError:
        pass  # it is below the floor: nobody will read it


def move_to_quarantine(files: Files, folder: Folder, name: SegmentName) -> None:
    """Put a segment that cannot be read where people can look at it; best effort."""
    place = f"{folder.path.rpartition('/')[0]}/{QUARANTINE}"
    try:
        try:
            files.make_folder(place)
        except FileExistsError:
            pass
        files.rename(folder.path_of(name), f"{place}/{folder.name}.{name}")
    except OSError:
        pass  # it stays where it is; this process is done with it
